"""The inbox: the ids of events this database has handled, so that what the relay sent twice has one effect."""

from collections.abc import Sequence
from uuid import UUID

from emon_platform.database import Transaction

# Longer than events are kept in Kafka, so that a topic read again from its beginning changes nothing.
KEPT_FOR_DAYS = 42


async def admit(tx: Transaction, event_ids: Sequence[UUID]) -> set[UUID]:
    """Notes the events as handled, in this transaction; answers those that were not before."""
    rows = await tx.fetch(
        "INSERT INTO inbox (event_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING RETURNING event_id", event_ids
    )
    return {row["event_id"] for row in rows}


async def sweep(tx: Transaction) -> None:
    """Forgets events that can no longer be read again."""
    await tx.execute("DELETE FROM inbox WHERE received_at < now() - make_interval(days => $1)", KEPT_FOR_DAYS)
