"""Offsets in the consumer's own database. The update is conditional, so that a zombie cannot apply anything twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from emon_platform.database import Transaction


class Partition(NamedTuple):
    """A partition of a topic. A tuple, because some are made, hashed and compared for each record."""

    topic: str
    number: int


class Overtaken(Exception):
    """Somebody else moved the offset since we read it: this process no longer owns the partition, or a commit went unseen."""


@dataclass(frozen=True, slots=True)
class Advance:
    """From the offset that this process last read or wrote, to the one behind its last record.

    Never from the first record's offset: offsets have gaps.
    """

    partition: Partition
    expected: int
    next: int


async def advance(tx: Transaction, consumer: str, advances: Sequence[Advance]) -> None:
    """The first statement of a batch, so that a loser does no work. Raises Overtaken."""
    ordered = sorted(advances, key=lambda item: item.partition)
    tag = await tx.execute(
        """
        UPDATE consumer_offsets AS stored
        SET next_offset = moved.next
        FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[]) AS moved (topic, partition, expected, next)
        WHERE stored.consumer = $1
          AND stored.topic = moved.topic
          AND stored.partition = moved.partition
          AND stored.next_offset = moved.expected
        """,
        consumer,
        [item.partition.topic for item in ordered],
        [item.partition.number for item in ordered],
        [item.expected for item in ordered],
        [item.next for item in ordered],
    )
    if tag != f"UPDATE {len(ordered)}":
        raise Overtaken(consumer)


async def stored(tx: Transaction, consumer: str) -> dict[Partition, int]:
    """Where the consumer stands."""
    rows = await tx.fetch("SELECT topic, partition, next_offset FROM consumer_offsets WHERE consumer = $1", consumer)
    return {Partition(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def begin(tx: Transaction, consumer: str, offsets: Mapping[Partition, int]) -> None:
    """Starts at these offsets in partitions that are new to the consumer."""
    await tx.executemany(
        "INSERT INTO consumer_offsets (consumer, topic, partition, next_offset) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        [(consumer, partition.topic, partition.number, offset) for partition, offset in sorted(offsets.items())],
    )


async def place(tx: Transaction, consumer: str, offsets: Mapping[Partition, int]) -> None:
    """Puts the consumer at these offsets, whatever it stood at. For an operator, while the service does not run."""
    await tx.executemany(
        """
        INSERT INTO consumer_offsets (consumer, topic, partition, next_offset)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (consumer, topic, partition) DO UPDATE SET next_offset = excluded.next_offset
        """,
        [(consumer, partition.topic, partition.number, offset) for partition, offset in sorted(offsets.items())],
    )
