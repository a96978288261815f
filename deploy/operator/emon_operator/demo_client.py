"""What the demonstration sees with: the public API, and the mailboxes of its cast in the mail sink."""

import asyncio
from collections.abc import Mapping
from html import unescape
from types import TracebackType
from typing import Any, Self

import aiohttp

PATIENCE_S = 30.0
SIGN_IN_LINK = "/sign-in?token="
INTERVAL_S = 0.1
IDLE_CONNECTION_S = 3.0


class Unexpected(Exception):
    """An answer that the story does not know; the message quotes it."""


class Browser:
    """Somebody who uses the public API."""

    def __init__(self, url: str, token: str | None = None, session: aiohttp.ClientSession | None = None) -> None:
        self._url = url
        self.token = token
        # Less than the 5 s after which the gateway closes an idle connection: else a request would now and then meet the closing.
        self._session = session or aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=IDLE_CONNECTION_S))
        self._etags: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        await self._session.close()

    def with_token(self, token: str) -> "Browser":
        """The same browser, signed in."""
        return Browser(self._url, token, self._session)

    def with_token_of(self, other: "Browser") -> "Browser":
        """The same browser, in the other's session."""
        return Browser(self._url, other.token, self._session)

    async def get(self, path: str) -> Any:
        """Reads."""
        return await self._ask("GET", path, None, 200, {})

    async def post(self, path: str, body: object, expected: int = 201) -> Any:
        """Makes something."""
        return await self._ask("POST", path, body, expected, {})

    async def patch(self, path: str, body: object) -> Any:
        """Changes something, in the version that stands there now."""
        await self.get(path)
        return await self._ask("PATCH", path, body, 200, {"If-Match": self._etags[path]})

    async def page(self, path: str) -> str:
        """Opens a page, without a session: as somebody does who follows a link in a mail."""
        return await self._page("GET", path, None)

    async def send_form(self, path: str, fields: Mapping[str, str]) -> str:
        """Sends the form of a page; answers the page that comes then."""
        return await self._page("POST", path, fields)

    async def _page(self, method: str, path: str, fields: Mapping[str, str] | None) -> str:
        async with self._session.request(method, self._url + path, data=fields) as answer:
            text = await answer.text()
            if answer.status != 200:
                # Without the path: it may be a link.
                raise Unexpected(f"{method} of a page answered {answer.status}: {text[:500]}")
            return unescape(text)

    async def _ask(self, method: str, path: str, body: object, expected: int, headers: dict[str, str]) -> Any:
        status, answer, _ = await self.ask(method, path, body, headers)
        if status != expected:
            raise Unexpected(f"{method} {path.partition('?')[0]} answered {status}: {str(answer)[:500]}")
        return answer

    async def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Any request, text as it is and all else as JSON: status, body (read as JSON where it is) and headers of the answer."""
        all_headers = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **(headers or {})}
        payload: dict[str, Any] = {"data": body.encode()} if isinstance(body, str) else {"json": body} if body is not None else {}
        async with self._session.request(method, self._url + path, headers=all_headers, **payload) as answer:
            if tag := answer.headers.get("ETag"):
                self._etags[path] = tag
            is_json = answer.content_type.endswith("json")
            return answer.status, await answer.json(content_type=None) if is_json else await answer.text(), answer.headers


class Mailbox:
    """The mail sink, by its HTTP API."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        await self._session.close()

    async def _get(self, path: str) -> Any:
        async with self._session.get(self._url + path) as answer:
            return await answer.json(content_type=None) if answer.content_type == "application/json" else await answer.text()

    async def messages(self) -> list[Any]:
        """Every mail in the sink, the newest first, without its text."""
        return (await self._get("/api/v1/messages?limit=10000"))["messages"]

    async def count_to(self, email: str) -> int:
        """How many mails this address has."""
        return sum(mail["To"][0]["Address"] == email for mail in await self.messages())

    async def next_to(self, email: str, seen: int, holding: str = "") -> Any:
        """The newest mail to this address that holds the words, of those beyond the first `seen`, once there is one.

        For a mail that somebody asked for, say what it holds: others may come at the same moment.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            mine = [mail for mail in await self.messages() if mail["To"][0]["Address"] == email]
            for found in mine[: len(mine) - seen]:
                mail = await self.read(found["ID"])
                if holding in mail["Text"]:
                    return mail
            if asyncio.get_running_loop().time() > deadline:
                raise Unexpected(f"no mail to {email} came within {PATIENCE_S:.0f} s")
            await asyncio.sleep(INTERVAL_S)

    async def about(self, title: str, expected: int) -> list[Any]:
        """The mails whose subject contains the title, the newest first, once there are as many as expected. More are too many."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            found = [mail for mail in await self.messages() if title in mail["Subject"]]
            if len(found) > expected:
                raise Unexpected(f"{len(found)} mails instead of {expected}")
            if len(found) == expected:
                return found
            if asyncio.get_running_loop().time() > deadline:
                raise Unexpected(f"{len(found)} mails instead of {expected} within {PATIENCE_S:.0f} s")
            await asyncio.sleep(INTERVAL_S)

    async def read(self, identifier: str) -> Any:
        """A mail, decoded."""
        return await self._get(f"/api/v1/message/{identifier}")

    async def raw(self, identifier: str) -> str:
        """A mail as it was sent."""
        return await self._get(f"/api/v1/message/{identifier}/raw")
