"""One cut through all databases and the log, at which nothing is between them that is not in the backup.

Whoever appends an event waits, for some milliseconds, while every database's snapshot is taken and the log's ends are read. So an
event that some database has committed is in its outbox, or in the log before the ends; and no database has consumed an event
whose publisher does not know of it. After that everybody goes on, and the snapshots are read for as long as it takes.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg

from emon_operator.backup.places import PARTITIONS, Places
from emon_platform.consumer.offsets import Partition
from emon_platform.kafka_edge import Log

# A request that writes would be behind us in the queue: rather tried again than anybody kept waiting. Above one second, the
# server ends a vacuum of its own that is in the way.
LOCK_TIMEOUTS_MS = (100, 200, 400, 800, 1500, 1500, 1500, 1500)
PAUSE_S = 0.5


class NoCut(Exception):
    """Somebody holds the outbox of this database for too long: a long transaction is under way."""


@dataclass(frozen=True, slots=True)
class Cut:
    """`readers`: a connection for each service, in a transaction that sees the moment `taken_at`."""

    readers: Mapping[str, Any]
    taken_at: datetime
    ends: Mapping[Partition, int] | None
    writers_waited_ms: float


@asynccontextmanager
async def cut(places: Places, log: Log | None) -> AsyncGenerator[Cut]:
    """Takes it; the snapshots last as long as the block. Raises NoCut."""
    async with AsyncExitStack() as stack:
        readers: dict[str, Any] = {}
        lockers: dict[str, Any] = {}
        for service, place in places.databases.items():
            for connections, use in ((readers, "reads"), (lockers, "cuts")):
                connections[service] = await asyncpg.connect(
                    place.worker_url, server_settings={"application_name": f"emon backup {use}"}
                )
                stack.push_async_callback(connections[service].close)
        if log is not None:
            await log.ends(PARTITIONS)  # so that nothing has to be found out while everybody waits
        started = await _hold_outboxes(lockers)
        try:
            await asyncio.gather(*(_take_snapshot(reader) for reader in readers.values()))
            taken_at = datetime.now(UTC)
            ends = None if log is None else await log.ends(PARTITIONS)
        finally:
            await asyncio.gather(*(locker.execute("ROLLBACK") for locker in lockers.values()))
        yield Cut(readers, taken_at, ends, (time.monotonic() - started) * 1000)


async def _hold_outboxes(lockers: Mapping[str, Any]) -> float:
    """Answers since when, by the monotonic clock."""
    failed: str | None = None
    for timeout_ms in LOCK_TIMEOUTS_MS:
        if failed is not None:
            await asyncio.sleep(PAUSE_S)
        started = time.monotonic()
        failed = await _lock(lockers, timeout_ms)
        if failed is None:
            return started
    raise NoCut(f"the outbox of {failed} could not be held: a long transaction is under way. Try again later.")


async def _lock(lockers: Mapping[str, Any], timeout_ms: int) -> str | None:
    """Holds every outbox, or none: answers whose could not be had."""
    outcomes = await asyncio.gather(
        *(
            locker.execute(f"BEGIN; SET LOCAL lock_timeout = {timeout_ms}; LOCK TABLE outbox IN SHARE MODE")
            for locker in lockers.values()
        ),
        return_exceptions=True,
    )
    failed = {service: outcome for service, outcome in zip(lockers, outcomes, strict=True) if isinstance(outcome, BaseException)}
    if not failed:
        return None
    await asyncio.gather(*(locker.execute("ROLLBACK") for locker in lockers.values()))
    for outcome in failed.values():
        if not isinstance(outcome, asyncpg.LockNotAvailableError):
            raise outcome
    return next(iter(failed))


async def _take_snapshot(reader: Any) -> None:
    await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    await reader.fetchval("SELECT pg_current_snapshot()::text")
