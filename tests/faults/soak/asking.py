"""Asking the API of a platform that breaks: again and again, until it is done."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from emon_operator.demo_client import Browser

GIVES_UP_AFTER_S = 180.0
ASKS_AGAIN_AFTER_S = 0.4
ANSWERS_WITHIN_S = 20.0
# What passes: the platform is out of order, or what was entered a moment ago has not come through Kafka yet.
PASSING = {412, 422, 429, 500, 502, 503, 504}

BROKEN_OFF = (aiohttp.ClientError, TimeoutError, OSError)


class GaveUp(Exception):
    """What had to be possible was not; the message says what was answered, without what was asked."""


@dataclass
class Asking:
    """`seed` makes idempotency keys those of one soak; `retried` counts what was in the way."""

    seed: int
    retried: Counter[str] = field(default_factory=Counter[str])

    async def ask(
        self,
        browser: Browser,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        already: tuple[int, str] | None = None,
    ) -> Any:
        """Asks until it is done. `already`: status and code of what says that it was done before the answer was lost."""
        deadline = time.monotonic() + GIVES_UP_AFTER_S
        while True:
            try:
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    headers = {"Idempotency-Key": f"{key} of {self.seed}"} if key else {}
                    if method == "PATCH":
                        _, _, found = await browser.ask("GET", path)
                        headers["If-Match"] = found.get("ETag", '"none"')
                    status, answer, _ = await browser.ask(method, path, body, headers)
            except BROKEN_OFF as failure:
                status, answer = 0, type(failure).__name__
            if 200 <= status < 300:
                return answer
            if already is not None and status == already[0] and already[1] in str(answer):
                return None
            self.retried[f"{status or answer}"] += 1
            if (status and status not in PASSING) or time.monotonic() > deadline:
                raise GaveUp(f"{method} was answered {status}: {str(answer)[:300]}")
            await asyncio.sleep(ASKS_AGAIN_AFTER_S)
