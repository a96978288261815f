"""Figures that stand in the database, read when somebody asks for metrics.

Several workers of a service see the same database and say the same. A question never waits for a database that does not answer:
then its figures are left out, and `emon_database_figures_up` says so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from emon_platform import metrics
from emon_platform.database import Database, Transaction
from emon_platform.failures import is_transient
from emon_platform.metrics import Reading

log = structlog.get_logger()

ANSWER_WITHIN_S = 1.0
COUNTED_UP_TO = 10_000

Values = Mapping[tuple[str, ...], float]
Figures = Callable[[Transaction], Awaitable[Mapping[Reading, Values]]]
"""Reads some figures with the worker's role. It must cost next to nothing however large the tables are."""


async def of_outbox(tx: Transaction) -> Mapping[Reading, Values]:
    """How much waits for the relay, and for how long."""
    row = await tx.fetchrow(
        """
        SELECT
            (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS waiting) AS events,
            (SELECT extract(epoch FROM clock_timestamp() - created_at) FROM outbox ORDER BY position LIMIT 1) AS age_s
        """,
        COUNTED_UP_TO,
    )
    return {metrics.outbox_events: {(): row["events"]}, metrics.outbox_age_seconds: {(): max(float(row["age_s"] or 0), 0)}}


async def of_dead_letters(tx: Transaction) -> Mapping[Reading, Values]:
    """How many records wait for an operator."""
    count = await tx.fetchval("SELECT count(*) FROM (SELECT FROM dead_letters LIMIT $1) AS kept", COUNTED_UP_TO)
    return {metrics.dead_letters: {(): count}}


class DatabaseFigures:
    """The figures of one worker's database."""

    def __init__(self, database: Database, figures: Sequence[Figures]) -> None:
        self._database = database
        self._figures = figures
        self._shown: set[Reading] = set()
        self._reading: asyncio.Task[Mapping[Reading, Values]] | None = None

    async def refresh(self) -> None:
        """Reads all figures anew, or takes them back. Takes no longer than ANSWER_WITHIN_S, whatever became of the database."""
        # Waited for, not cancelled: to cancel a statement waits for the server as well. Nobody begins a second one meanwhile.
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        reading = self._reading
        await asyncio.wait((reading,), timeout=ANSWER_WITHIN_S)
        found = reading.result() if reading.done() else dict[Reading, Values]()
        for figure in self._shown - found.keys():
            figure.values = {}
        for figure, values in found.items():
            figure.values = values
        self._shown = set(found)
        metrics.database_figures_up.values = {(): 1 if found else 0}

    async def close(self) -> None:
        """Ends what is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))

    async def _read(self) -> Mapping[Reading, Values]:
        found: dict[Reading, Values] = {}
        try:
            async with self._database.unscoped(f"SET LOCAL statement_timeout = {ANSWER_WITHIN_S * 1000:.0f}") as tx:
                for figures in self._figures:
                    found |= await figures(tx)
        except Exception as error:
            if not is_transient(error):
                log.error("figures_failed", exc_info=error)
            return {}
        return found
