"""Rates, counted in this process's memory: they protect the platform from one client, and are no accounting."""

import time

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.requests import Request

from emon_contracts.values import email_key
from emon_gateway.limits.addresses import network_of
from emon_gateway.settings import GatewaySettings, rate_of
from emon_platform.http.problems import ProblemError


class Rates:
    """The gateway's limits. Each raises 429 with Retry-After, but for the one on mailboxes, which nobody is told of."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._trusted = settings.trusted_proxies
        self._per_session = rate_of(settings.rate_per_session)
        self._per_address = rate_of(settings.rate_per_address)
        self._sign_in_per_address = rate_of(settings.rate_of_sign_in_per_address)
        self._anonymous_feedback_per_address = rate_of(settings.rate_of_anonymous_feedback_per_address)
        self._sign_in_per_mailbox = rate_of(settings.rate_of_sign_in_per_mailbox)
        # Mailboxes apart: their windows are long, and each hit looks through all that may have ended.
        self._short = FixedWindowRateLimiter(MemoryStorage())
        self._mailboxes = FixedWindowRateLimiter(MemoryStorage())

    async def count_session(self, token_hash: bytes) -> None:
        """A request of a session."""
        await self._count(self._per_session, "session", token_hash.hex())

    async def count_stranger(self, request: Request) -> None:
        """A request of somebody who is not signed in."""
        await self._count(self._per_address, "stranger", network_of(request, self._trusted))

    async def count_sign_in(self, request: Request) -> None:
        """A request for a sign-in link."""
        await self._count(self._sign_in_per_address, "sign-in", network_of(request, self._trusted))

    async def count_anonymous_feedback(self, request: Request) -> None:
        """Feedback of somebody who says nothing of who they are."""
        await self._count(self._anonymous_feedback_per_address, "anonymous-feedback", network_of(request, self._trusted))

    async def admits_mail_to(self, email: str) -> bool:
        """Whether this mailbox may get one more sign-in mail."""
        return await self._mailboxes.hit(self._sign_in_per_mailbox, email_key(email))

    async def _count(self, rate: RateLimitItem, kind: str, who: str) -> None:
        if await self._short.hit(rate, kind, who):
            return
        reset_at = (await self._short.get_window_stats(rate, kind, who)).reset_time
        seconds = max(1, round(reset_at - time.time()))
        raise ProblemError(429, "too-many-requests", f"At most {rate}. Wait a little.", headers={"Retry-After": str(seconds)})
