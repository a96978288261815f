"""What the mail sink took, as its log: asked for by Mailpit's HTTP API, and kept also when the platform is gone."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.notifications.mail_server import Received

LOOKS_EVERY_S = 0.3
BROKEN_OFF = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass
class MailLog:
    """`mails`: all that were taken so far, in that order."""

    url: str
    session: aiohttp.ClientSession
    mails: list[Received] = field(default_factory=list[Received])
    _seen: set[str] = field(default_factory=set[str])

    def mails_taken(self) -> list[bytes]:
        """Their contents."""
        return [mail.content for mail in self.mails]

    async def look(self) -> None:
        """Adds what came since."""
        new: list[Any] = []
        page: list[Any] = []
        while not page or page[-1]["ID"] not in self._seen:
            async with self.session.get(f"{self.url}/api/v1/messages?start={len(new)}&limit=100") as answer:
                page = (await answer.json(content_type=None))["messages"]
            new += page
            if not page:
                break
        fresh = {mail["ID"]: mail for mail in reversed(new) if mail["ID"] not in self._seen}
        for identifier, mail in fresh.items():
            async with self.session.get(f"{self.url}/api/v1/message/{identifier}/raw") as answer:
                self.mails.append(Received(mail["To"][0]["Address"], await answer.read()))
            self._seen.add(identifier)

    async def follow(self) -> None:
        """Looks again and again; a sink that is being started or killed is asked again."""
        while True:
            with suppress(*BROKEN_OFF):
                await self.look()
            await asyncio.sleep(LOOKS_EVERY_S)


@asynccontextmanager
async def followed_mail_log(url: str) -> AsyncGenerator[MailLog]:
    """A log that grows by itself."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        log = MailLog(url, session)
        following = asyncio.create_task(log.follow())
        try:
            yield log
        finally:
            if following.done():
                following.result()  # it ends by a defect alone
            following.cancel()
