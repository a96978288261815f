"""A collector of traces: takes OTLP over HTTP on 127.0.0.1, and keeps every span as it came."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan
from starlette.types import Receive, Scope, Send

from tests.gateway.peers import read_body, serving


@dataclass(frozen=True)
class Span:
    """One span: ids in hexadecimal, as they stand in logs and headers."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    linked_traces: frozenset[str]
    attributes: Mapping[str, str | int]
    failed: bool


@dataclass
class Collector:
    """What came so far. `texts` are the requests, with everything that stands in them."""

    url: str = ""
    spans: list[Span] = field(default_factory=list[Span])
    texts: list[str] = field(default_factory=list[str])

    @property
    def environment(self) -> dict[str, str]:
        """The settings with which a service sends its spans here, soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}

    def of_trace(self, trace_id: str) -> list[Span]:
        """The spans of one trace."""
        return [span for span in self.spans if span.trace_id == trace_id]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        assert (scope["method"], scope["path"]) == ("POST", "/v1/traces")
        sent = ExportTraceServiceRequest.FromString(await read_body(receive))
        self.texts.append(MessageToJson(sent))
        for resource in sent.resource_spans:
            service = str(_attributes(resource.resource.attributes)["service.name"])
            self.spans += [_span(service, span) for scoped in resource.scope_spans for span in scoped.spans]
        headers = [(b"content-type", b"application/x-protobuf")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ExportTraceServiceResponse().SerializeToString()})


def _span(service: str, sent: SentSpan) -> Span:
    return Span(
        service=service,
        name=sent.name,
        kind=SentSpan.SpanKind.Name(sent.kind).removeprefix("SPAN_KIND_"),
        trace_id=sent.trace_id.hex(),
        span_id=sent.span_id.hex(),
        parent_id=sent.parent_span_id.hex(),
        linked_traces=frozenset(link.trace_id.hex() for link in sent.links),
        attributes=_attributes(sent.attributes),
        failed=sent.status.code == sent.status.STATUS_CODE_ERROR,
    )


def _attributes(sent: Iterable[KeyValue]) -> dict[str, str | int]:
    return {item.key: item.value.int_value if item.value.HasField("int_value") else item.value.string_value for item in sent}


@asynccontextmanager
async def running_collector() -> AsyncGenerator[Collector]:
    """Listens for as long as the block runs."""
    collector = Collector()
    async with serving(collector) as [url]:
        collector.url = url
        yield collector
