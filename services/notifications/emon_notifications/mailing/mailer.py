"""The mailer: sends what is due over a few connections, and records each try before the mail server is told, and after.

Crash-safety: a mailer has an id, which every try under way bears, and holds an advisory lock on it for as long as it lives. Where
the lock is free, the mailer is dead, and what it had under way is in doubt. It takes little at a time, so that little is ever in
doubt; see rules.next_group_size.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import structlog

from emon_notifications.mailing import repository
from emon_notifications.mailing.lane import PAUSE_S_MAX, PAUSE_S_MIN, Lane, Ledger
from emon_notifications.mailing.letters import Writer
from emon_notifications.mailing.pace import MinuteLimit, Work
from emon_notifications.smtp import SmtpSettings
from emon_platform.database import NOTICED_WHEN_GONE, Database
from emon_platform.failures import is_transient

log = structlog.get_logger()

LOOK_INTERVAL_S = 0.05
FINISH_WITHIN_S = 10.0


class Mailer:
    """Runs until cancelled; then finishes what is under way. Several may run at once, in any number of processes."""

    def __init__(
        self,
        database: Database,
        database_url: str,
        smtp: SmtpSettings,
        writer: Writer,
        *,
        connections: int = 4,
        per_minute: int | None = None,
        before_taking: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`before_taking` is awaited at the beginning of each life, before anything is taken."""
        self._database = database
        self._database_url = database_url
        self._smtp = smtp
        self._writer = writer
        self._connections = connections
        self._before_taking = before_taking
        self._limit = MinuteLimit(per_minute)
        self._ledger = Ledger(database)
        self._interrupted: str | None = "not started"

    def trouble(self) -> list[str]:
        """What keeps mail from going out, in words; empty when all is well."""
        found: list[str] = []
        if self._interrupted:
            found.append(f"mailer: {self._interrupted}")
        if self._ledger.unreachable:
            found.append(f"mail server unreachable: {self._ledger.unreachable}")
        if self._ledger.sender_refused:
            found.append(f"mail server refuses the sender: {self._ledger.sender_refused}")
        return found

    async def run(self) -> None:
        """Sends for as long as it is not cancelled. Failures that pass are tried again with growing pauses."""
        pause = PAUSE_S_MIN
        while True:
            started = time.monotonic()
            try:
                await self._live()
                self._interrupted = "lost its lock"
            except Exception as error:
                self._interrupted = f"stopped by {type(error).__name__}"
                if not is_transient(error):
                    raise
            pause = PAUSE_S_MIN if time.monotonic() - started > PAUSE_S_MAX else min(pause * 2, PAUSE_S_MAX)
            log.warning("mailer_interrupted", reason=self._interrupted, retry_in_s=pause)
            await asyncio.sleep(pause)

    async def _live(self) -> None:
        """One life of a mailer: from getting its lock to losing it."""
        lock: Any = await asyncpg.connect(
            self._database_url, server_settings={"application_name": "notifications mailer", **NOTICED_WHEN_GONE}
        )
        lost = asyncio.Event()
        lock.add_termination_listener(lambda *_: lost.set())  # pyright: ignore[reportUnknownLambdaType]
        work = Work()
        lanes: list[asyncio.Task[None]] = []
        watchers: list[asyncio.Task[Any]] = []
        try:
            mailer_id = secrets.randbits(62)
            await lock.fetchval("SELECT pg_advisory_lock($1)", mailer_id)
            await self._ledger.record_left_over()
            if self._before_taking is not None:
                self._interrupted = "finds out whether the database was restored"
                await self._before_taking()
            self._interrupted = None
            lanes = [asyncio.create_task(self._lane(number, mailer_id, work).run()) for number in range(self._connections)]
            watchers = [asyncio.create_task(self._look(work)), asyncio.create_task(lost.wait())]
            done, _ = await asyncio.wait([*lanes, *watchers], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in watchers:
                task.cancel()
            await _finish(work, lanes)
            lock.terminate()

    def _lane(self, number: int, mailer_id: int, work: Work) -> Lane:
        return Lane(number, mailer_id, self._smtp, self._writer, self._limit, work, self._ledger)

    async def _look(self, work: Work) -> None:
        while True:
            async with self._database.unscoped(repository.BY_INDEX) as tx:
                due = await repository.count_due(tx, self._connections * Work.SHARE_OF_A_LANE)
            await work.found(due)
            await asyncio.sleep(LOOK_INTERVAL_S)


async def _finish(work: Work, lanes: list[asyncio.Task[None]]) -> None:
    """Lets each lane end what it has begun: what would be cut off now would be in doubt."""
    await work.close()
    if not lanes:
        return
    _, late = await asyncio.wait(lanes, timeout=FINISH_WITHIN_S)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=FINISH_WITHIN_S)
