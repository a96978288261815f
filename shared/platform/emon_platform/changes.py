"""Changes, told to whoever shows something live: in which municipalities, and for which people, something was committed.

A hint and no more. It may be lost, and it may be told of more than changed; who hears it looks for themselves.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import asyncpg
import structlog

from emon_platform.failures import is_transient

log = structlog.get_logger()

CHANNEL = "emon_changes"
EVERYBODYS = "*"
"""Something changed, for whomever."""
NOBODYS = "-"
"""Something changed that is no municipality's; those who may act everywhere see it."""

# PostgreSQL takes less than 8,000 bytes in one notification.
PAYLOAD_BYTES_MAX = 7900
# Beyond so many it costs less to tell everybody.
TOLD_APART_MAX = 2000

PAUSE_S_MIN = 0.1
PAUSE_S_MAX = 5.0
ALIVE_EVERY_S = 15.0
COMMAND_TIMEOUT_S = 10.0

Heard = Callable[[frozenset[str]], None]


def payloads_of(touched: Iterable[str]) -> list[str]:
    """What notifications say of municipalities (AGS) and people (ids): words that a space separates, in as few as they fit in."""
    words = sorted(set(touched))
    if EVERYBODYS in words or len(words) > TOLD_APART_MAX:
        return [EVERYBODYS]
    payloads: list[str] = []
    for word in words:
        if payloads and len(payloads[-1]) + 1 + len(word) <= PAYLOAD_BYTES_MAX:
            payloads[-1] += f" {word}"
        else:
            payloads.append(word)
    return payloads


class Listening:
    """One connection that listens for a whole process, until cancelled; a connection that breaks is made anew.

    `heard` is called with the words of each notification. What was missed without a connection is heard as EVERYBODYS.
    """

    def __init__(self, database_url: str, name: str, heard: Heard) -> None:
        self._database_url = database_url
        self._name = name
        self._heard = heard

    async def run(self) -> None:
        """Listens."""
        pause = PAUSE_S_MIN
        while True:
            try:
                connection = await asyncpg.connect(
                    self._database_url,
                    server_settings={"application_name": self._name},
                    command_timeout=COMMAND_TIMEOUT_S,
                )
                try:
                    ended = asyncio.Event()
                    connection.add_termination_listener(lambda _connection, ended=ended: ended.set())
                    await connection.add_listener(CHANNEL, self._on_notification)
                    self._heard(frozenset({EVERYBODYS}))
                    pause = PAUSE_S_MIN
                    while not ended.is_set():
                        with suppress(TimeoutError):
                            async with asyncio.timeout(ALIVE_EVERY_S):
                                await ended.wait()
                        # One whose other end is gone without a word would be listened to for ever.
                        await connection.execute("SELECT")
                finally:
                    connection.terminate()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.info("not_listening", name=self._name, reason=type(error).__name__, retry_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_S_MAX)

    def _on_notification(self, _connection: Any, _process: int, _channel: str, payload: object) -> None:
        self._heard(frozenset(str(payload).split(" ")))
