"""The gateway's API, as the pages use it: what was asked, what came back, and a name for each way it can fail.

A page gets either what it asked for or one of the exceptions below; none of them says more than the caller may know.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
import structlog
from pydantic import BaseModel
from pydantic_core import to_json
from yarl import URL

from emon_platform.http.asking import asking

log = structlog.get_logger()

CONNECTIONS_MAX = 200
TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 2.0
# Less than the 5 s after which uvicorn closes an idle connection: otherwise a request would now and then meet the closing.
IDLE_CONNECTION_S = 3.0

ModelT = TypeVar("ModelT", bound=BaseModel)
Value = str | int | bool | UUID | None
Query = Mapping[str, Value | Sequence[str]]


class SignInNeeded(Exception):
    """There is no session, or it ended."""


class NotAllowed(Exception):
    """None of the visitor's roles carries this."""


class Missing(Exception):
    """It does not exist, or not for the visitor."""


class Outdated(Exception):
    """Somebody else changed it since the visitor saw it."""


class Unavailable(Exception):
    """The gateway, or something behind it, does not answer. What became of a change is not known."""


@dataclass(frozen=True, slots=True)
class TooMany(Exception):
    """Too many requests; `retry_after_s` says when again."""

    retry_after_s: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong: a stable code, and the field of the body (`start/local`), or '' where it is about the whole."""

    code: str
    field: str


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """The gateway refused what was sent: fields are not valid, a rule or the present state stands against it."""

    status: int
    kind: str
    mistakes: tuple[Mistake, ...]

    @property
    def codes(self) -> frozenset[str]:
        """All codes, to tell cases apart."""
        return frozenset(mistake.code for mistake in self.mistakes)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `etag` goes into the form of a page that changes it."""

    status: int
    body: Any
    etag: str | None
    location: str | None

    def read(self, model: type[ModelT]) -> ModelT:
        """The body as a model; fields that the model does not have are passed over."""
        return model.model_validate(self.body)


class Gateway:
    """Connections to the gateway, shared by all pages."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=IDLE_CONNECTION_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
        )

    async def close(self) -> None:
        """Drops all connections."""
        await self._session.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        query: Query | None = None,
        body: object = None,
        file: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer. Raises the exceptions of this module for everything but success.

        `body` is sent as JSON, `file` as it is with the media type in `headers`.
        """
        sent = {**_common_headers(token), **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = file if body is None else to_json(body)
        try:
            with asking(method, self._url) as asked:
                async with self._session.request(
                    method, self._target(path, query), headers={**sent, **asked.headers}, data=content, allow_redirects=False
                ) as answer:
                    asked.answered(answer.status)
                    raw = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("gateway_unavailable", reason=type(error).__name__)
            raise Unavailable from error
        if answer.status >= 400:
            raise _failure(answer.status, raw, answer.headers)
        is_json = "json" in answer.headers.get("Content-Type", "")
        parsed: Any = (json.loads(raw) if is_json else raw) if raw else None
        return Answer(answer.status, parsed, answer.headers.get("ETag"), answer.headers.get("Location"))

    @asynccontextmanager
    async def stream(self, path: str, token: str) -> AsyncGenerator[AsyncIterable[bytes]]:
        """The lines of an answer that does not end, such as server-sent events. Raises as `ask` does."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=60.0)
        try:
            with asking("GET", self._url) as asked:
                headers = {**_common_headers(token), **asked.headers}
                answer = await self._session.get(self._target(path, None), headers=headers, timeout=timeout)
                asked.answered(answer.status)
            async with answer:
                if answer.status != 200:
                    raise _failure(answer.status, await answer.read(), answer.headers)
                yield answer.content
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable from error

    async def is_ready(self) -> Sequence[str]:
        """What is wrong with the gateway, for our own readiness; empty when nothing is."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self.ask("GET", "/health/live")
        except (Unavailable, Refused, TimeoutError) as error:
            return [f"gateway: {type(error).__name__}"]
        return []

    def _target(self, path: str, query: Query | None) -> URL:
        pairs = [(name, item) for name, value in (query or {}).items() for item in _texts(value)]
        return URL(f"{self._url}{path}{'?' + urlencode(pairs) if pairs else ''}", encoded=True)


def _texts(value: Value | Sequence[str]) -> Sequence[str]:
    if value is None or value == "":
        return ()
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return (str(value),) if isinstance(value, str | int | UUID) else value


def _common_headers(token: str | None) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id is not None:
        headers["X-Request-Id"] = request_id
    return headers


def _failure(status: int, raw: bytes, headers: Mapping[str, str]) -> Exception:
    match status:
        case 401:
            return SignInNeeded()
        case 403:
            return NotAllowed()
        case 404 | 410:
            return Missing()
        case 412:
            return Outdated()
        case 429:
            return TooMany(int(headers.get("Retry-After", "60")))
        case 400 | 409 | 413 | 415 | 422:
            return _refused(status, raw)
        case _:
            log.warning("gateway_failed", status=status)
            return Unavailable()


def _refused(status: int, raw: bytes) -> Refused:
    try:
        problem: Any = json.loads(raw)
    except ValueError:
        problem = {}
    errors: list[dict[str, str]] = problem.get("errors") or []
    mistakes = tuple(
        Mistake(error["code"], (error.get("pointer") or error.get("parameter") or "").lstrip("/")) for error in errors
    )
    kind = str(problem.get("type", "")).rpartition("#")[2].rpartition("/")[2]
    return Refused(status, kind, mistakes)
