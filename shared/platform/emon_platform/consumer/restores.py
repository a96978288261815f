"""Whether the consumer's database went back in time: it was restored from a backup, or made anew.

Kafka's copy of an offset is committed after the offset in the database, so it is never ahead of it. Where it is, the database
is older than what this consumer has done. Nothing is lost by that, since reading goes on from the database's own offsets; but
what was done once, such as sending a mail, would be done again. Not noticed is a restore together with Kafka's own data, or one
after Kafka forgot the group (offsets.retention.minutes, 7 days without a member).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from emon_contracts.topics import Topic
from emon_platform.consumer import offsets
from emon_platform.consumer.offsets import Partition
from emon_platform.database import Database, Transaction
from emon_platform.kafka_access import KafkaAccess
from emon_platform.kafka_edge import committed_offsets

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Comparison:
    """`restored_at`: when the last restore was noticed, ever. `behind`: where the database is behind Kafka's copy now."""

    restored_at: datetime | None
    behind: frozenset[Partition]


async def compare(database: Database, kafka: KafkaAccess, consumer: str, topics: Iterable[Topic]) -> Comparison:
    """Compares the stored offsets with Kafka's copy, and records a restore. Raises KafkaError, and what the database raises."""
    partitions = [(topic.name, number) for topic in topics for number in range(topic.partitions)]
    # Kafka first: offsets only grow, so the copy that was read before can be no newer than what is read now.
    copy = {Partition(*key): offset for key, offset in (await committed_offsets(kafka, consumer, partitions)).items()}
    async with database.unscoped() as tx:
        stored = await offsets.stored(tx, consumer)
        behind = {partition: offset for partition, offset in copy.items() if offset > stored.get(partition, 0)}
        if behind:
            noted = await tx.fetch(
                """
                INSERT INTO restores (consumer, topic, partition, stored_offset, kafka_offset)
                SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[])
                ON CONFLICT DO NOTHING
                RETURNING topic
                """,
                consumer,
                [partition.topic for partition in behind],
                [partition.number for partition in behind],
                [stored.get(partition, 0) for partition in behind],
                list(behind.values()),
            )
            if noted:
                log.warning("database_restored", consumer=consumer, partitions=len(noted))
        return Comparison(await last_restore(tx), frozenset(behind))


async def last_restore(tx: Transaction) -> datetime | None:
    """When the last restore of this database was noticed."""
    return await tx.fetchval("SELECT max(restored_at) FROM restores")


async def note(tx: Transaction, consumer: str) -> None:
    """Records a restore that an operator made, in the transaction that makes it: what the backup holds is in doubt from now on.

    It names no partition, since none is behind: Kafka may be as new as the database.
    """
    await tx.execute("DELETE FROM restores WHERE consumer = $1 AND topic = ''", consumer)  # one that the backup remembers
    await tx.execute(
        """
        INSERT INTO restores (consumer, topic, partition, stored_offset, kafka_offset, restored_at)
        VALUES ($1, '', 0, 0, 0, clock_timestamp())
        """,
        consumer,
    )
