"""Records that could not be handled, kept whole in the service's own database until an operator decides."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from emon_platform.consumer.records import Record
from emon_platform.database import Transaction

KEPT_FOR_DAYS = 35


async def keep(tx: Transaction, consumer: str, record: Record, reason: str) -> None:
    """Keeps a record. A record that is read again after a crash is kept once."""
    headers = [(name, None if value is None else base64.b64encode(value).decode()) for name, value in record.headers]
    await tx.execute(
        """
        INSERT INTO dead_letters (consumer, topic, partition, "offset", key, headers, value, reason)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (consumer, topic, partition, "offset") DO NOTHING
        """,
        consumer,
        record.topic,
        record.partition,
        record.offset,
        record.key,
        json.dumps(headers),
        record.value,
        reason,
    )


async def all_of(tx: Transaction) -> list[Any]:
    """Every dead letter without its contents, oldest first."""
    return await tx.fetch(
        """
        SELECT id, topic, partition, "offset", reason, received_at, retry, length(value) AS bytes
        FROM dead_letters
        ORDER BY id
        """
    )


async def find(tx: Transaction, identifier: int) -> tuple[Record, str] | None:
    """A dead letter and the reason why it is one."""
    row = await tx.fetchrow("SELECT * FROM dead_letters WHERE id = $1", identifier)
    return None if row is None else (record_of(row), row["reason"])


async def ask_for_retry(tx: Transaction, identifier: int | None) -> int:
    """Marks one (or all, for None) to be tried again by the service; answers how many there are."""
    tag = await tx.execute("UPDATE dead_letters SET retry = true WHERE $1::bigint IS NULL OR id = $1", identifier)
    return int(tag.rpartition(" ")[2])


async def waiting_for_retry(tx: Transaction, consumer: str) -> tuple[int, Record] | None:
    """The oldest that is to be tried again, locked, so that two workers never try the same one."""
    row = await tx.fetchrow(
        "SELECT * FROM dead_letters WHERE retry AND consumer = $1 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED", consumer
    )
    return None if row is None else (row["id"], record_of(row))


async def still_dead(tx: Transaction, identifier: int, reason: str) -> None:
    """Tried again in vain: it stays, with the new reason."""
    await tx.execute("UPDATE dead_letters SET retry = false, reason = $2 WHERE id = $1", identifier, reason)


async def drop(tx: Transaction, identifier: int) -> bool:
    """Forgets one; answers whether there was one."""
    return await tx.execute("DELETE FROM dead_letters WHERE id = $1", identifier) == "DELETE 1"


def record_of(row: Any) -> Record:
    """The record as the broker gave it."""
    headers = [(name, None if value is None else base64.b64decode(value)) for name, value in json.loads(row["headers"])]
    return Record(row["topic"], row["partition"], row["offset"], row["key"], headers, row["value"])


async def drop_records_of(tx: Transaction, topic: str, keys: Sequence[str]) -> None:
    """Forgets every record of these keys: what was kept of somebody who is erased holds their name."""
    await tx.execute(
        "DELETE FROM dead_letters WHERE topic = $1 AND key = ANY ($2::bytea[])", topic, [key.encode() for key in keys]
    )


async def sweep(tx: Transaction) -> None:
    """Forgets those whose time is over."""
    await tx.execute("DELETE FROM dead_letters WHERE received_at < now() - make_interval(days => $1)", KEPT_FOR_DAYS)
