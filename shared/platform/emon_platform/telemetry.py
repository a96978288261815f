"""Structured logs, and the trace that binds a request to its events and its mails (W3C Trace Context).

Logs hold ids, never names, addresses, tokens or free text; a link is logged by its route's template.
"""

import logging
import re
import secrets
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import cast

import structlog

# https://www.w3.org/TR/trace-context/#traceparent-header: version, trace-id, parent-id, flags
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_INVALID_TRACE_ID = "0" * 32
_INVALID_SPAN_ID = "0" * 16


@dataclass(frozen=True, slots=True)
class Trace:
    """Where this work belongs: `trace_id` of the whole, `span_id` of this step."""

    trace_id: str
    span_id: str


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def _parse(traceparent: str | None) -> Trace | None:
    match = _TRACEPARENT.fullmatch(traceparent.strip()) if traceparent else None
    if match is None or match[1] == "ff" or match[2] == _INVALID_TRACE_ID or match[3] == _INVALID_SPAN_ID:
        return None
    return Trace(match[2], match[3])


@contextmanager
def trace(traceparent: str | None) -> Generator[Trace]:
    """Continues the trace of a caller, or begins one where there is none or it is malformed. Logs inside bear its id."""
    parent = _parse(traceparent)
    step = Trace(parent.trace_id if parent else secrets.token_hex(16), secrets.token_hex(8))
    token = _trace.set(step)
    try:
        with structlog.contextvars.bound_contextvars(trace_id=step.trace_id):
            yield step
    finally:
        _trace.reset(token)


def current_traceparent() -> str | None:
    """The header for what this step causes, or None outside a trace."""
    step = _trace.get()
    return None if step is None else f"00-{step.trace_id}-{step.span_id}-01"


_SAFE_TO_QUOTE = (TypeError, AttributeError, NameError, ImportError, NotImplementedError, AssertionError)


def _describe_exception(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Type, SQLSTATE and places of an exception. Its message only where it cannot quote data: PostgreSQL's and pydantic's do."""
    wanted: object = event.pop("exc_info", None)
    if not wanted:
        return event
    error = wanted if isinstance(wanted, BaseException) else sys.exc_info()[1]
    if isinstance(wanted, tuple):  # as the standard library's loggers have it
        error = cast("tuple[object, BaseException | None, object]", wanted)[1]
    if error is None:
        return event
    frames = traceback.extract_tb(error.__traceback__)
    event["exception"] = {
        "type": type(error).__name__,
        "sqlstate": getattr(error, "sqlstate", None),
        "message": str(error) if isinstance(error, _SAFE_TO_QUOTE) else None,
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
    }
    return event


def configure_logging(service: str, level: str = "INFO") -> None:
    """JSON, one object a line, to standard error; also for libraries that log the standard way."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _method, event: {"service": service, **event},
    ]
    structlog.configure(
        processors=[*shared, _describe_exception, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _describe_exception,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    # aiokafka reports every retry of its own as an error; the relay and the consumers say what came of it.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
