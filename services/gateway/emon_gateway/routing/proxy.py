"""Requests on their way to a service, and answers on their way back, both as streams.

Let through are the headers that mean something to the services, and no others: a client cannot tell them who it is, where
it comes from, or how a connection is to be handled.
"""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote_from_bytes

import aiohttp
import structlog
from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from emon_contracts.actors import ANONYMOUS, Actor
from emon_contracts.refusals import NotFound
from emon_gateway.parts import Parts
from emon_gateway.routing.services import PATIENCE, PATIENCE_WITH_IMPORTS, Services, ServiceUnavailable
from emon_gateway.routing.table import SERVICE_OF_PREFIX, is_import, is_nameless, service_of
from emon_gateway.sign_in.caller import COUNTED_STRANGER, Caller, GatewayParts
from emon_platform.http.problems import RETRY_AFTER_S, ProblemError

log = structlog.get_logger()

METHODS_WITH_BODY = ("POST", "PUT", "PATCH")
METHODS = ("GET", "DELETE", *METHODS_WITH_BODY)
REQUEST_HEADERS = (
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "tracestate",
)
# Of one connection alone (RFC 9110 section 7.6.1), or said by the gateway itself.
ANSWER_HEADERS_DROPPED = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"date",
        b"server",
        b"set-cookie",
        b"x-request-id",
    }
)
# Every printable ASCII character but `#`, which would end the query.
_QUERY_SAFE = "!$%&'()*+,/:;=?@[]\\^`{|}~\"<>"


class CutOff(Exception):
    """The service's answer ended in the middle. The client's connection is closed: it must not take this for the whole."""


class Relayed(Response):
    """The answer of a service, passed on as it comes."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.status_code = answer.status
        self.background = None
        named = {part.strip().lower() for value in answer.headers.getall("Connection", []) for part in value.split(",")}
        dropped = ANSWER_HEADERS_DROPPED | {name.encode("latin-1") for name in named}
        self.raw_headers = [(name.lower(), value) for name, value in answer.raw_headers if name.lower() not in dropped]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for chunk in self._answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CutOff(type(error).__name__) from error
        finally:
            # Gives the connection back if the answer was read to its end, and closes it otherwise.
            self._answer.release()


async def _services(request: Request) -> Services:
    return request.app.state.services


ConnectedServices = Annotated[Services, Depends(_services)]


async def forward(request: Request, caller: Caller, parts: GatewayParts, services: ConnectedServices) -> Response:
    """Passes a request on to the service it belongs to. Raises NotFound or ProblemError (413, 503)."""
    return await _pass_on(request, caller.actor, parts, services)


async def forward_nameless(request: Request, parts: GatewayParts, services: ConnectedServices) -> Response:
    """Passes a request on as nobody's. What it said of its sender is gone already (routing/nameless.py)."""
    if request.method == "POST":
        await parts.rates.count_anonymous_feedback(request)
    return await _pass_on(request, ANONYMOUS, parts, services)


async def _pass_on(request: Request, actor: Actor, parts: Parts, services: Services) -> Response:
    raw_path: bytes = request.scope["raw_path"]
    name = service_of(raw_path)
    if name is None:
        raise NotFound("route", "(none)")
    body = _Body(request) if _has_body(request) else None
    try:
        answer = await services[name].request(
            request.method,
            _target(raw_path, request.scope["query_string"]),
            headers=_request_headers(request) | headers_of(actor, name, parts, datetime.now(UTC)),
            body=body.chunks() if body else None,
            patience=PATIENCE_WITH_IMPORTS if is_import(raw_path) else PATIENCE,
        )
    except ServiceUnavailable as error:
        if body is not None and body.refusal is not None:
            raise body.refusal from error
        raise unavailable(error.service) from error
    if answer.status == 401:
        # Not the caller's fault: the keys or the clocks of gateway and service do not go together.
        answer.close()
        log.error("actor_token_refused", to=name)
        raise unavailable(name)
    return Relayed(answer)


def unavailable(service: str) -> ProblemError:
    """503 for a service that does not answer."""
    return ProblemError(
        503,
        "temporarily-unavailable",
        f"{service} does not answer at the moment. Whether it did what you asked is not known: read again, or repeat a POST "
        "with the same Idempotency-Key.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def headers_of(actor: Actor, service: str, parts: Parts, now: datetime) -> dict[str, str]:
    """What the gateway itself tells a service: who calls, and where it belongs in logs."""
    headers = {"Authorization": f"Bearer {parts.actor_tokens.token_for(actor, service, now)}"}
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id is not None:
        headers["X-Request-Id"] = request_id
    return headers


class _Body:
    """The body of a request; `refusal` is set once it turned out too large."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.refusal: HTTPException | None = None

    async def chunks(self) -> AsyncGenerator[bytes]:
        try:
            async for chunk in self._request.stream():
                if chunk:
                    yield chunk
        except HTTPException as refusal:
            self.refusal = refusal
            raise


def _has_body(request: Request) -> bool:
    if request.method not in METHODS_WITH_BODY:
        return False
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def _request_headers(request: Request) -> dict[str, str]:
    found = {name: ", ".join(request.headers.getlist(name)) for name in REQUEST_HEADERS if name in request.headers}
    if _has_body(request) and "transfer-encoding" not in request.headers:
        found["content-length"] = request.headers["content-length"]
    return found


def _target(raw_path: bytes, query: bytes) -> str:
    path = raw_path.decode("ascii")
    return f"{path}?{quote_from_bytes(query, safe=_QUERY_SAFE)}" if query else path


def proxy_router() -> APIRouter:
    """A route for each prefix of the table. Documented by the services themselves."""
    router = APIRouter(include_in_schema=False)
    for prefix in SERVICE_OF_PREFIX:
        endpoint, dependencies = (forward_nameless, [COUNTED_STRANGER]) if is_nameless(prefix) else (forward, [])
        for path in (prefix, prefix + "/{rest:path}"):
            router.add_api_route(path, endpoint, methods=[*METHODS], dependencies=dependencies)
    return router
