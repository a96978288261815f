"""The SQL of restoring."""

from datetime import datetime

from emon_notifications.deliveries.rules import Cause, sources, target
from emon_notifications.undelivered import repository as undelivered
from emon_platform.database import Transaction


async def hold_what_was_due(tx: Transaction, before: datetime) -> int:
    """Holds what would be sent by itself and was last touched before this moment; answers how many.

    What staff released since, and what was planned since, was touched later. A sign-in mail is wanted now or not at all, and
    what waits for a person or a meeting is held by planning, once it turns up.
    """
    held = await tx.fetch(
        """
        UPDATE deliveries
        SET status = $1,
            reason = 'from-before-the-restore',
            may_have_been_sent = true,
            not_before = NULL,
            updated_at = now()
        WHERE id IN (
            SELECT id
            FROM deliveries
            WHERE status = ANY($2::text[])
              AND status IN ('queued', 'deferred') -- in words too, for the partial indexes
              AND kind <> 'sign_in'
              AND updated_at < $3
            ORDER BY position
            FOR UPDATE
        )
        RETURNING id
        """,
        target(Cause.DATABASE_WAS_RESTORED),
        sources(Cause.DATABASE_WAS_RESTORED),
        before,
    )
    await undelivered.tell(tx, [row["id"] for row in held])
    return len(held)
