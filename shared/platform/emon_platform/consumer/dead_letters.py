"""Records that could not be handled, kept whole in the service's own database until an operator decides."""

import base64
import json
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
        SELECT id, topic, partition, "offset", reason, received_at, length(value) AS bytes
        FROM dead_letters
        ORDER BY id
        """
    )


async def take(tx: Transaction, identifier: int) -> Record | None:
    """Removes a dead letter in this transaction and answers the record it was."""
    row = await tx.fetchrow("DELETE FROM dead_letters WHERE id = $1 RETURNING *", identifier)
    return None if row is None else record_of(row)


async def find(tx: Transaction, identifier: int) -> Record | None:
    """The record of a dead letter."""
    row = await tx.fetchrow("SELECT * FROM dead_letters WHERE id = $1", identifier)
    return None if row is None else record_of(row)


def record_of(row: Any) -> Record:
    """The record as the broker gave it."""
    headers = [(name, None if value is None else base64.b64decode(value)) for name, value in json.loads(row["headers"])]
    return Record(row["topic"], row["partition"], row["offset"], row["key"], headers, row["value"])


async def sweep(tx: Transaction) -> None:
    """Forgets those whose time is over."""
    await tx.execute("DELETE FROM dead_letters WHERE received_at < now() - make_interval(days => $1)", KEPT_FOR_DAYS)
