"""OpenTelemetry's SDK with its OTLP/HTTP exporter, imported by who collects spans alone.

Where to, how often, which share of traces and everything else is said by OpenTelemetry's own environment variables. Spans wait in
memory and are sent by a thread; what a collector does not take in time is dropped, and never holds up any work.
"""

import os
from collections.abc import Iterable
from threading import Thread

from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from emon_platform.metrics import platform_version
from emon_platform.tracing import FLUSH_WITHIN_S, Attributes, Kind, Step

_KINDS = {kind: api.SpanKind[kind.name] for kind in Kind}


def collecting(service: str) -> "Collecting":
    """Spans of this service go where the environment says."""
    ours = {SERVICE_NAMESPACE: "emon", SERVICE_VERSION: platform_version()}
    # What we say would win over the environment.
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: f"emon-{service}"}
    provider = TracerProvider(resource=Resource.create({**ours, **named}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Collecting(provider)


class Collecting:
    """Begins spans of one process."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("emon_platform", platform_version())

    def begin(
        self, name: str, kind: Kind, attributes: Attributes, parent: Step | None, links: Iterable[Step], at_ns: int
    ) -> Step:
        """A step with a span that is recorded, if it is sampled."""
        above = Context() if parent is None else api.set_span_in_context(api.NonRecordingSpan(_context_of(parent)), Context())
        span = self._tracer.start_span(
            name, above, _KINDS[kind], attributes, [api.Link(_context_of(link)) for link in links], start_time=at_ns
        )
        context = span.get_span_context()
        return Step(
            api.format_trace_id(context.trace_id),
            api.format_span_id(context.span_id),
            context.trace_flags.sampled,
            _Recording(span) if span.is_recording() else None,
        )

    def close(self) -> None:
        """Sends what is left."""
        # A thread, since the SDK waits for its exporter as long as that tries again.
        closing = Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(FLUSH_WITHIN_S)


class _Recording:
    def __init__(self, span: api.Span) -> None:
        self._span = span

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(dict(attributes))

    def end(self, failure: str | None, at_ns: int) -> None:
        if failure is not None:
            self._span.set_attribute("error.type", failure)
            self._span.set_status(api.StatusCode.ERROR)
        self._span.end(at_ns)


def _context_of(step: Step) -> api.SpanContext:
    flags = api.TraceFlags(api.TraceFlags.SAMPLED if step.is_sampled else api.TraceFlags.DEFAULT)
    return api.SpanContext(int(step.trace_id, 16), int(step.span_id, 16), is_remote=True, trace_flags=flags)
