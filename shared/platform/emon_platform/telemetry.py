"""Structured logs. They hold ids, never names, addresses, tokens or free text; a link is logged by its route's template.

The trace that each line belongs to comes from `tracing`.
"""

import logging
import sys
import traceback
from typing import cast

import structlog

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
