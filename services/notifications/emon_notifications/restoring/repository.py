"""The SQL of restoring."""

from datetime import datetime

from emon_notifications.deliveries.rules import Cause, sources, target
from emon_platform.database import Transaction


async def hold_what_was_due(tx: Transaction, before: datetime) -> int:
    """Holds what would be sent by itself and was last touched before this moment; answers how many.

    What staff released since, and what was planned since, was touched later. A sign-in mail is wanted now or not at all, and
    what waits for a person or a meeting is held by planning, once it turns up.
    """
    tag = await tx.execute(
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
        """,
        target(Cause.DATABASE_WAS_RESTORED),
        sources(Cause.DATABASE_WAS_RESTORED),
        before,
    )
    return int(tag.removeprefix("UPDATE "))
