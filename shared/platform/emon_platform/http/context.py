"""Around every request: its id, its span, its log line, its metrics, and an answer for what nobody foresaw."""

import re
import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

from emon_platform import metrics, tracing
from emon_platform.http.problems import response_for

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_ASKED_BY_PROBES = ("/health/live", "/health/ready")
# Anything else would be a series of its own for whatever a stranger thinks of.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_DEFAULT_HEADERS = {
    b"cache-control": b"private, no-cache",
    b"x-content-type-options": b"nosniff",
    # A page behind a signed link must not tell its address to the next one.
    b"referrer-policy": b"no-referrer",
}


class RequestContext:
    """Plain ASGI middleware, the outermost one. Logs the route's template, never the path: a path can be a link."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid7())
        status = 0

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    *((name, value) for name, value in _DEFAULT_HEADERS.items() if name not in present),
                ]
            await send(message)

        async def answer() -> None:
            try:
                await self._app(scope, receive, watched_send)
            except Exception as error:
                if status:
                    raise
                await response_for(error)(scope, receive, watched_send)

        if scope["path"] in _ASKED_BY_PROBES:
            await answer()
            return
        started = time.perf_counter()
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
        causes = [headers.get(b"traceparent", b"").decode("latin-1")]
        with (
            tracing.span(method, tracing.Kind.SERVER, attributes, causes=causes) as step,
            structlog.contextvars.bound_contextvars(request_id=request_id),
        ):
            try:
                await answer()
            finally:
                _report(scope, step, method, status, time.perf_counter() - started)


def _report(scope: Scope, step: tracing.Step, method: str, status: int, seconds: float) -> None:
    route: Any = scope.get("route")
    template = getattr(route, "path", None)
    step.rename(f"{method} {template}" if template else method)
    if template:
        step.note({"http.route": template})
    if status:
        step.note({"http.response.status_code": status})
    if status >= 500:
        step.fail(str(status))
    metrics.requests_seconds.labels(method, template or "(no route)", str(status)).observe(seconds)
    log.info("request", method=method, route=template or "(no route)", status=status, ms=round(seconds * 1000, 1))
