"""Work that comes back by the clock. One worker of a service does it at a time; a failure is tried again next time."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from emon_platform import metrics
from emon_platform.database import Database, Transaction
from emon_platform.failures import is_transient

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Timer:
    """`run` is called every `every_s` seconds, and once at the start, in a transaction of the worker."""

    name: str
    every_s: float
    run: Callable[[Transaction], Awaitable[None]]


async def run_timers(database: Database, timers: Sequence[Timer]) -> None:
    """Runs all timers until cancelled."""
    async with asyncio.TaskGroup() as group:
        for timer in timers:
            group.create_task(_repeat(database, timer))


async def _repeat(database: Database, timer: Timer) -> None:
    # Signed 32 bits, the class "timer" and the name: the two-key form of advisory locks.
    lock = zlib.crc32(timer.name.encode()) - 2**31
    metrics.timer_interval_seconds.labels(timer.name).set(timer.every_s)
    while True:
        try:
            async with database.unscoped() as tx:
                is_ours = await tx.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", 0x74696D65, lock)
                if is_ours:
                    await timer.run(tx)
            if is_ours:
                metrics.timer_last_success_seconds.labels(timer.name).set_to_current_time()
        except Exception as error:
            if not is_transient(error):
                log.error("timer_failed", timer=timer.name, exc_info=error)
            else:
                log.warning("timer_interrupted", timer=timer.name, reason=type(error).__name__)
        await asyncio.sleep(timer.every_s)
