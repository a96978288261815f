"""Before a mailer takes anything: was the ledger restored? Then what is due in it may have been sent after its backup."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from emon_contracts.topics import Topic
from emon_notifications.restoring import repository
from emon_platform.consumer import restores
from emon_platform.database import Database
from emon_platform.kafka_access import KafkaAccess
from emon_platform.kafka_edge import KafkaError

log = structlog.get_logger()

PAUSE_S_MIN = 0.1
PAUSE_S_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Holding:
    """`hold_before`: the operator's own word for a restore that cannot be noticed, such as one together with Kafka's data."""

    database: Database
    kafka: KafkaAccess
    consumer: str
    topics: Sequence[Topic]
    hold_before: datetime | None

    async def hold_what_a_backup_brought_back(self) -> None:
        """Holds it. Waits for Kafka, which alone can tell; without its word a mail could go out twice."""
        restored_at = await self._restored_at()
        moments = [moment for moment in (restored_at, self.hold_before) if moment is not None]
        if not moments:
            return
        async with self.database.unscoped() as tx:
            held = await repository.hold_what_was_due(tx, max(moments))
        if held:
            log.warning("deliveries_held_after_restore", deliveries=held)

    async def _restored_at(self) -> datetime | None:
        pause = PAUSE_S_MIN
        while True:
            try:
                return (await restores.compare(self.database, self.kafka, self.consumer, self.topics)).restored_at
            except KafkaError as error:
                log.warning("mailer_waits_for_kafka", reason=type(error).__name__, retry_in_s=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_S_MAX)
