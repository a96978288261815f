"""The SQL of forgetting: people who were erased, and free text that is too old."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from emon_feedback.asking.repository import ASKING
from emon_platform.database import Transaction


async def forget_erased(tx: Transaction, person_ids: Sequence[UUID], now: datetime) -> None:
    """Takes those of these people who were erased out of everything that they wrote, were asked, or did.

    What they wrote stays, and so does what was written about them, under their id alone. Where nobody is left who is asked, the
    timer looks at once.
    """
    erased = [
        row["person_id"]
        for row in await tx.fetch(
            "SELECT person_id FROM directory_people WHERE person_id = ANY ($1::uuid[]) AND erased", person_ids
        )
    ]
    if not erased:
        return
    # Whoever is asking these people at this moment is waited for (see asking/repository.py).
    await tx.execute("SELECT pg_advisory_xact_lock($1)", ASKING)
    # Then the rows that every command locks: whoever acts at this moment is waited for.
    concerned = await tx.fetch(
        """
        SELECT id
        FROM feedback
        WHERE author_id = ANY ($1::uuid[])
           OR involved && $1::uuid[]
        ORDER BY id
        FOR NO KEY UPDATE
        """,
        erased,
    )
    ids = [row["id"] for row in concerned]
    await tx.execute("DELETE FROM asked WHERE person_id = ANY ($1::uuid[])", erased)
    await tx.execute(
        """
        UPDATE feedback
        SET author_id = CASE WHEN author_id = ANY ($2::uuid[]) THEN NULL ELSE author_id END,
            acknowledged_by = CASE WHEN acknowledged_by = ANY ($2::uuid[]) THEN NULL ELSE acknowledged_by END,
            interim_by = CASE WHEN interim_by = ANY ($2::uuid[]) THEN NULL ELSE interim_by END,
            answered_by = CASE WHEN answered_by = ANY ($2::uuid[]) THEN NULL ELSE answered_by END,
            involved = array(SELECT person FROM unnest(involved) AS person WHERE person <> ALL ($2::uuid[]))
        WHERE id = ANY ($1::uuid[])
        """,
        ids,
        erased,
    )
    await tx.execute(
        """
        UPDATE feedback
        SET due_by = NULL,
            look_at = $2
        WHERE id = ANY ($1::uuid[])
          AND look_at IS NOT NULL
          AND NOT EXISTS (
              SELECT
              FROM asked
              WHERE asked.feedback_id = feedback.id
                AND asked.round = feedback.round
          )
        """,
        ids,
        now,
    )


async def blank_texts_before(tx: Transaction, moment: datetime) -> None:
    """Blanks every text that was written before then; that and when something was written stays."""
    await tx.execute("UPDATE feedback SET text = NULL WHERE submitted_at < $1 AND text IS NOT NULL", moment)
    await tx.execute("UPDATE feedback SET interim_text = NULL WHERE interim_at < $1 AND interim_text IS NOT NULL", moment)
    await tx.execute("UPDATE feedback SET answer_text = NULL WHERE answered_at < $1 AND answer_text IS NOT NULL", moment)
    await tx.execute("UPDATE messages SET text = NULL WHERE written_at < $1 AND text IS NOT NULL", moment)
