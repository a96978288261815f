"""The services behind the gateway, by HTTP. A service that is down, refuses or has stopped is said to be so, soon.

A stopped process still takes connections, and its kernel still takes bytes: silence alone tells it from a slow one. So a
service that keeps a request waiting is asked whether it lives, and only as long as it answers that is it waited for.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from pydantic_core import to_json
from yarl import URL

from emon_platform.http.asking import asking

log = structlog.get_logger()

CONNECT_TIMEOUT_S = 1.0
CONNECTIONS_PER_SERVICE_MAX = 100
# Less than the 5 s after which uvicorn closes an idle connection: otherwise a request would now and then meet the closing.
IDLE_CONNECTION_S = 3.0
PATIENCE_S = 0.5
ALIVE_TIMEOUT_S = 2.0
DOCUMENT_TIMEOUT_S = 5.0
_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class ServiceUnavailable(Exception):
    """No answer from a service. What it did with the request is not known."""

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(f"{service}: {reason}")
        self.service = service


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer may take: `total_s` with all of its body; `silence_s` without any sign of life from the service."""

    total_s: float = 30.0
    silence_s: float = 2.0


# An import parses thousands of rows, during which a service may well not get round to saying that it lives.
PATIENCE = Patience()
PATIENCE_WITH_IMPORTS = Patience(total_s=60.0, silence_s=15.0)


class Service:
    """One service, with connections of its own, so that one that hangs takes none away from the others."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = url.rstrip("/")
        self._last_sign_of_life = 0.0
        self._question: asyncio.Task[None] | None = None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_PER_SERVICE_MAX, keepalive_timeout=IDLE_CONNECTION_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_AUTOMATIC_HEADERS,
        )

    async def close(self) -> None:
        """Drops all connections."""
        if self._question is not None:
            self._question.cancel()
        await self._session.close()

    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: AsyncIterable[bytes] | None = None,
        patience: Patience = PATIENCE,
    ) -> aiohttp.ClientResponse:
        """The answer, with its body still to be read. `target` is path and query as they go over the wire.

        It belongs to the trace we are in. Raises ServiceUnavailable.
        """
        with asking(method, self._url) as asked:
            answer = await self._request(method, target, headers={**headers, **asked.headers}, body=body, patience=patience)
            asked.answered(answer.status)
            return answer

    async def _request(
        self, method: str, target: str, *, headers: Mapping[str, str], body: AsyncIterable[bytes] | None, patience: Patience
    ) -> aiohttp.ClientResponse:
        timeout = aiohttp.ClientTimeout(
            total=patience.total_s, connect=patience.silence_s, sock_connect=CONNECT_TIMEOUT_S, sock_read=patience.total_s
        )
        asked = asyncio.ensure_future(
            self._session.request(
                method,
                URL(self._url + target, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=timeout,
            )
        )
        try:
            await self._wait(asked, patience)
            answer = asked.result()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("service_unavailable", to=self.name, reason=type(error).__name__)
            raise ServiceUnavailable(self.name, type(error).__name__) from error
        finally:
            asked.cancel()
        self._last_sign_of_life = _now()
        return answer

    async def ask_json(
        self, method: str, target: str, headers: Mapping[str, str], timeout_s: float, body: Any = None
    ) -> tuple[int, Any]:
        """Status and JSON of a small answer to a small request; None where it has no body.

        Raises ServiceUnavailable, also for an answer that is no JSON.
        """
        patience = Patience(timeout_s, ALIVE_TIMEOUT_S)
        if body is None:
            answer = await self.request(method, target, headers=headers, patience=patience)
        else:
            headers = {**headers, "Content-Type": "application/json"}
            answer = await self.request(method, target, headers=headers, body=_once(to_json(body)), patience=patience)
        try:
            content = await answer.read()
            return answer.status, json.loads(content) if content else None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ServiceUnavailable(self.name, type(error).__name__) from error
        finally:
            answer.release()

    async def _wait(self, asked: asyncio.Future[aiohttp.ClientResponse], patience: Patience) -> None:
        started = _now()
        while True:
            done, _ = await asyncio.wait((asked,), timeout=PATIENCE_S)
            if done:
                return
            if _now() - max(started, self._last_sign_of_life) >= patience.silence_s:
                raise TimeoutError
            if self._question is None or self._question.done():
                self._question = asyncio.create_task(self._ask_whether_it_lives())

    async def _ask_whether_it_lives(self) -> None:
        try:
            timeout = aiohttp.ClientTimeout(total=ALIVE_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
            async with self._session.get(URL(self._url + "/health/live"), timeout=timeout) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("service_silent", to=self.name, reason=type(error).__name__)
            return
        self._last_sign_of_life = _now()


Services = Mapping[str, Service]


@asynccontextmanager
async def connected(urls: Mapping[str, str]) -> AsyncGenerator[Services]:
    """The services by name. Connections are made when they are needed."""
    services = {name: Service(name, url) for name, url in urls.items()}
    try:
        yield services
    finally:
        await asyncio.gather(*(service.close() for service in services.values()))


async def _once(content: bytes) -> AsyncGenerator[bytes]:
    yield content


def _now() -> float:
    return asyncio.get_running_loop().time()
