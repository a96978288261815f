"""All SQL of erasures."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from emon_platform.database import Transaction

# The class of the advisory lock behind which administrators leave one by one: "admn".
ADMINISTRATION_LOCK = 0x61646D6E
ANNOUNCED_AT_ONCE = 1000


async def lock_for_erasure(tx: Transaction, person_id: UUID) -> int | None:
    """Waits for whoever changes the person or gives them something; answers the version, or None where there is no such row."""
    return await tx.fetchval("SELECT version FROM people WHERE id = $1 FOR UPDATE", person_id)


async def was_erased(tx: Transaction, person_id: UUID) -> bool:
    """Whether the caller was here once."""
    return await tx.fetchval("SELECT EXISTS (SELECT FROM erased_people WHERE id = $1)", person_id)


async def is_last_administrator(tx: Transaction) -> bool:
    """Whether the platform would be without administration. Of two who leave at the same moment the second sees the first."""
    await tx.execute("SELECT pg_advisory_xact_lock($1)", ADMINISTRATION_LOCK)
    return await tx.fetchval("SELECT is_last_administrator()")


async def forget_rows_of_lists(tx: Transaction) -> None:
    """Deletes rows of lists, on their way in or rejected, in which the caller is named, and lists of their own."""
    await tx.execute("SELECT forget_rejected_rows_of_caller()")
    await tx.execute("SELECT forget_import_drafts_of_caller()")


async def act_as(tx: Transaction, person_id: UUID) -> None:
    """For what is asked about the caller: an operator carries out what this person had done themselves."""
    await tx.execute("SELECT set_config('emon.person', $1, true)", str(person_id))


async def erase(tx: Transaction, person_id: UUID, version: int, erased_at: datetime | None = None) -> None:
    """Deletes the person with everything that hangs on them; what stays identifies nobody. Without a moment, it is now."""
    await tx.execute("DELETE FROM people WHERE id = $1", person_id)
    await tx.execute(
        "INSERT INTO erased_people (id, version, erased_at) VALUES ($1, $2, coalesce($3, now()))", person_id, version, erased_at
    )


async def lock_due_for_announcement(tx: Transaction, after: timedelta) -> list[Any]:
    """Id and version of those whose end is to be told again."""
    return await tx.fetch(
        """
        SELECT id, version
        FROM erased_people
        WHERE announced_again_at IS NULL
          AND erased_at <= now() - $1::interval
        ORDER BY erased_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
        """,
        after,
        ANNOUNCED_AT_ONCE,
    )


async def mark_announced(tx: Transaction, person_ids: list[UUID]) -> None:
    """Not to be told a third time."""
    await tx.execute("UPDATE erased_people SET announced_again_at = now() WHERE id = ANY ($1::uuid[])", person_ids)
