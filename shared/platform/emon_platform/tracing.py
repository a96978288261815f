"""The trace that binds a request to its events and its mails (W3C Trace Context), and its spans for who collects them.

Every piece of work has a trace, also where nobody collects: logs bear its id, and what it causes goes on with it. Spans go out by
OTLP once the standard variable OTEL_EXPORTER_OTLP_ENDPOINT says where to. Names and attributes are those of OpenTelemetry's
semantic conventions. They hold ids and the templates of routes, never a path or a query, a name, an address or the message of an
exception.
"""

import asyncio
import os
import re
import secrets
import time
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum, auto
from importlib import import_module
from typing import Protocol

import structlog

# https://www.w3.org/TR/trace-context/#traceparent-header: version, trace-id, parent-id, flags
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_INVALID_TRACE_ID = "0" * 32
_INVALID_SPAN_ID = "0" * 16
_SAMPLED = 0x01
FLUSH_WITHIN_S = 2.0

Attributes = Mapping[str, str | int]


class Kind(Enum):
    """What a span is to the one that caused it."""

    SERVER = auto()
    CLIENT = auto()
    PRODUCER = auto()
    CONSUMER = auto()


class Recording(Protocol):
    """A span that somebody collects."""

    def rename(self, name: str) -> None: ...
    def note(self, attributes: Attributes) -> None: ...
    def end(self, failure: str | None, at_ns: int) -> None: ...


@dataclass(slots=True)
class Step:
    """Where this work belongs: `trace_id` of the whole, `span_id` of this step. `failure` names a kind of error."""

    trace_id: str
    span_id: str
    is_sampled: bool = True
    recording: Recording | None = None
    failure: str | None = None

    @property
    def traceparent(self) -> str:
        """The header for what this step causes."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.is_sampled else '00'}"

    def rename(self, name: str) -> None:
        """Once it is known what it is about."""
        if self.recording is not None:
            self.recording.rename(name)

    def note(self, attributes: Attributes) -> None:
        """What turned out on the way."""
        if self.recording is not None:
            self.recording.note(attributes)

    def fail(self, kind: str) -> None:
        """It went wrong: a class of exceptions, or a status."""
        self.failure = kind


class Collecting(Protocol):
    """Whatever takes spans."""

    def begin(
        self, name: str, kind: Kind, attributes: Attributes, parent: Step | None, links: Iterable[Step], at_ns: int
    ) -> Step:
        """A step with a span that is recorded, if it is sampled."""
        ...

    def close(self) -> None:
        """Sends what is left; waits for that no longer than FLUSH_WITHIN_S."""
        ...


_current: ContextVar[Step | None] = ContextVar("step", default=None)
_collecting: Collecting | None = None


def configure(service: str) -> None:
    """Collects spans of this service if the environment says where to (OpenTelemetry's environment variable specification)."""
    global _collecting  # noqa: PLW0603 one process is one service
    wanted = any(os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") for name in ("ENDPOINT", "TRACES_ENDPOINT"))
    if not wanted or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    # Only now: nobody else is to pay for what it takes to import.
    _collecting = import_module("emon_platform.opentelemetry_edge").collecting(service)


def is_on() -> bool:
    """Whether somebody collects. Ask before work that is done for spans alone."""
    return _collecting is not None


async def flush() -> None:
    """Sends what was collected; at the end of a process, for no longer than FLUSH_WITHIN_S."""
    if _collecting is not None:
        await asyncio.to_thread(_collecting.close)


def current_traceparent() -> str | None:
    """The header for what this step causes, or None outside a trace."""
    step = _current.get()
    return None if step is None else step.traceparent


@contextmanager
def span(name: str, kind: Kind, attributes: Attributes, *, causes: Iterable[str | None] | None = None) -> Generator[Step]:
    """A step of the work. Logs inside bear its trace's id, and what happens inside is caused by it.

    `causes` are the traceparents of what led here, by default the step we are in. Those of one trace go on with it. Those of
    several are linked from a trace of its own, as the conventions have it for batches; none, or what is malformed, begins one.
    """
    current = _current.get()
    if causes is None:
        if _collecting is None and current is not None:
            yield current
            return
        found: Sequence[Step] = () if current is None else (current,)
    else:
        found = [cause for cause in map(_parse, dict.fromkeys(causes)) if cause is not None]
    step = _begin(name, kind, attributes, found, time.time_ns())
    token = _current.set(step)
    try:
        with structlog.contextvars.bound_contextvars(trace_id=step.trace_id):
            yield step
    except BaseException as error:
        step.fail(type(error).__name__)
        raise
    finally:
        _current.reset(token)
        if step.recording is not None:
            step.recording.end(step.failure, time.time_ns())


def record(name: str, kind: Kind, attributes: Attributes, *, cause: str | None, seconds: float, failure: str | None) -> None:
    """Notes a step that took so long and ends now, for work that has no beginning and end of its own in the code."""
    if _collecting is None:
        return
    now_ns = time.time_ns()
    parent = _parse(cause)
    step = _begin(name, kind, attributes, () if parent is None else (parent,), now_ns - int(seconds * 1e9))
    if step.recording is not None:
        step.recording.end(failure, now_ns)


def messaging(operation: str, topics: Collection[str], messages: int, **more: str) -> dict[str, str | int]:
    """The attributes of a span about records in Kafka. `operation` is create, send or process."""
    found: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }
    if messages > 1:
        found["messaging.batch.message_count"] = messages
    if len(topics) == 1:
        [found["messaging.destination.name"]] = topics
    return found | more


def messaging_name(operation: str, topics: Collection[str]) -> str:
    """The name of such a span."""
    return f"{operation} {next(iter(topics))}" if len(topics) == 1 else operation


def _begin(name: str, kind: Kind, attributes: Attributes, causes: Sequence[Step], at_ns: int) -> Step:
    parent = causes[0] if len({cause.trace_id for cause in causes}) == 1 else None
    if _collecting is not None:
        return _collecting.begin(name, kind, attributes, parent, causes[1:] if parent is not None else causes, at_ns)
    trace_id = secrets.token_hex(16) if parent is None else parent.trace_id
    return Step(trace_id, secrets.token_hex(8), parent is None or parent.is_sampled)


def _parse(traceparent: str | None) -> Step | None:
    match = _TRACEPARENT.fullmatch(traceparent.strip()) if traceparent else None
    if match is None or match[1] == "ff" or match[2] == _INVALID_TRACE_ID or match[3] == _INVALID_SPAN_ID:
        return None
    return Step(match[2], match[3], bool(int(match[4], 16) & _SAMPLED))
