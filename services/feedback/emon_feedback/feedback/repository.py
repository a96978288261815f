"""The SQL of feedback, of who was asked, and of messages."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from emon_contracts.events.feedback import FeedbackKind
from emon_feedback.asking.rules import Level
from emon_feedback.feedback.rules import About, Asked, Feedback, FeedbackStatus, Message, Reply
from emon_platform.database import Transaction

_COLUMNS = """
    feedback.id, feedback.ags, feedback.kind, feedback.about_person_id, feedback.about_organisation_id,
    feedback.about_meeting_id, feedback.about_topic, feedback.text, feedback.anonymous, feedback.author_id, feedback.status,
    feedback.submitted_at, feedback.acknowledge_by, feedback.answer_by, feedback.due_by, feedback.look_at, feedback.round,
    feedback.acknowledged_at, feedback.acknowledged_by, feedback.interim_text, feedback.interim_by, feedback.interim_at,
    feedback.answer_text, feedback.answered_by, feedback.answered_at, feedback.stars, feedback.rated_at, feedback.involved,
    feedback.version,
    array(
        SELECT ROW(asked.person_id, asked.level, asked.round, asked.asked_at)
        FROM asked
        WHERE asked.feedback_id = feedback.id
        ORDER BY asked.asked_at, asked.person_id
    ) AS asked,
    array(
        SELECT ROW(messages.id, messages.text, messages.written_at)
        FROM messages
        WHERE messages.feedback_id = feedback.id
        ORDER BY messages.id
    ) AS messages
"""


async def insert_feedback(tx: Transaction, feedback: Feedback, secret_hash: bytes | None) -> None:
    """Saves new feedback and who is asked first."""
    await tx.execute(
        """
        INSERT INTO feedback (
            id, ags, kind, about_person_id, about_organisation_id, about_meeting_id, about_topic, text, anonymous, author_id,
            secret_hash, submitted_at, acknowledge_by, answer_by, due_by, look_at, round, involved
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        """,
        feedback.id,
        feedback.ags,
        feedback.kind.value,
        feedback.about.person_id,
        feedback.about.organisation_id,
        feedback.about.meeting_id,
        feedback.about.topic,
        feedback.text,
        feedback.anonymous,
        feedback.author_id,
        secret_hash,
        feedback.submitted_at,
        feedback.acknowledge_by,
        feedback.answer_by,
        feedback.due_by,
        feedback.look_at,
        feedback.round,
        sorted(feedback.involved),
    )
    await tx.executemany(
        """
        INSERT INTO asked (feedback_id, ags, person_id, level, round, asked_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        _asked_rows(feedback),
    )


async def save_feedback(tx: Transaction, feedback: Feedback) -> None:
    """Saves changed feedback, whose row the caller has locked. Who was asked and what was written back is saved apart."""
    interim, answer = feedback.interim, feedback.answer
    await tx.execute(
        """
        UPDATE feedback
        SET status = $2, answer_by = $3, due_by = $4, look_at = $5, round = $6, acknowledged_at = $7, acknowledged_by = $8,
            interim_text = $9, interim_by = $10, interim_at = $11, answer_text = $12, answered_by = $13, answered_at = $14,
            stars = $15, rated_at = $16, involved = $17, version = $18
        WHERE id = $1
        """,
        feedback.id,
        feedback.status.value,
        feedback.answer_by,
        feedback.due_by,
        feedback.look_at,
        feedback.round,
        feedback.acknowledged_at,
        feedback.acknowledged_by,
        interim and interim.text,
        interim and interim.by,
        interim and interim.at,
        answer and answer.text,
        answer and answer.by,
        answer and answer.at,
        feedback.stars,
        feedback.rated_at,
        sorted(feedback.involved),
        feedback.version,
    )


async def save_asked(tx: Transaction, feedback: Feedback) -> None:
    """Saves who is asked in a further round."""
    await tx.executemany(
        """
        INSERT INTO asked (feedback_id, ags, person_id, level, round, asked_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (feedback_id, person_id) DO UPDATE
        SET level = excluded.level,
            round = excluded.round,
            asked_at = excluded.asked_at
        """,
        _asked_rows(feedback),
    )


async def insert_message(tx: Transaction, feedback_id: UUID, message: Message) -> None:
    """Saves what the author wrote back."""
    await tx.execute(
        "INSERT INTO messages (id, feedback_id, text, written_at) VALUES ($1, $2, $3, $4)",
        message.id,
        feedback_id,
        message.text,
        message.at,
    )


async def feedback_by_id(tx: Transaction, feedback_id: UUID) -> Feedback | None:
    """The feedback, if it exists for the caller."""
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM feedback WHERE id = $1", feedback_id)
    return None if row is None else _feedback(row)


async def lock_feedback(tx: Transaction, feedback_id: UUID) -> Feedback | None:
    """The feedback, locked until the end of the transaction: of two who act at once the second sees what the first did."""
    if await tx.fetchval("SELECT true FROM feedback WHERE id = $1 FOR NO KEY UPDATE", feedback_id) is None:
        return None
    return await feedback_by_id(tx, feedback_id)


async def feedback_to_look_after(tx: Transaction, now: datetime, limit: int) -> list[Feedback]:
    """What is due and nobody else is at, locked until the end of the transaction."""
    rows = await tx.fetch(
        """
        SELECT id
        FROM feedback
        WHERE look_at <= $1
        ORDER BY look_at
        LIMIT $2
        FOR NO KEY UPDATE SKIP LOCKED
        """,
        now,
        limit,
    )
    found = await tx.fetch(f"SELECT {_COLUMNS} FROM feedback WHERE id = ANY ($1::uuid[])", [row["id"] for row in rows])
    return [_feedback(row) for row in found]


@dataclass(frozen=True, slots=True)
class WantedFeedback:
    """Which feedback of a list is wanted; None is all. `is_open`: whether its answer is still to come."""

    status: FeedbackStatus | None = None
    is_open: bool | None = None
    ags: str | None = None
    author_id: UUID | None = None
    about: About = field(default_factory=About)


async def newest_feedback(
    tx: Transaction, wanted: WantedFeedback, after: tuple[datetime, UUID] | None, limit: int
) -> list[Feedback]:
    """Feedback in reach of the caller, the newest first, behind the given sort key."""
    moment, identifier = after or (None, None)
    rows = await tx.fetch(
        f"""
        SELECT {_COLUMNS}
        FROM feedback
        WHERE ($1::text IS NULL OR status = $1)
          AND ($2::boolean IS NULL OR (answered_at IS NULL) = $2)
          AND ($3::text IS NULL OR ags = $3)
          AND ($4::uuid IS NULL OR author_id = $4)
          AND ($5::uuid IS NULL OR about_person_id = $5)
          AND ($6::uuid IS NULL OR about_organisation_id = $6)
          AND ($7::uuid IS NULL OR about_meeting_id = $7)
          AND ($8::timestamptz IS NULL OR (submitted_at, id) < ($8, $9::uuid))
        ORDER BY submitted_at DESC, id DESC
        LIMIT $10
        """,
        wanted.status.value if wanted.status else None,
        wanted.is_open,
        wanted.ags,
        wanted.author_id,
        wanted.about.person_id,
        wanted.about.organisation_id,
        wanted.about.meeting_id,
        moment,
        identifier,
        limit,
    )
    return [_feedback(row) for row in rows]


async def names_of(tx: Transaction, person_ids: set[UUID]) -> dict[UUID, str]:
    """The names of these people, where the caller may know them."""
    rows = await tx.fetch(
        "SELECT person_id, display_name FROM directory_people WHERE person_id = ANY ($1::uuid[]) AND NOT erased",
        list(person_ids),
    )
    return {row["person_id"]: row["display_name"] for row in rows}


def _asked_rows(feedback: Feedback) -> list[tuple[UUID, str, UUID, str, int, datetime]]:
    return [
        (feedback.id, feedback.ags, item.person_id, item.level.value, item.round, item.asked_at) for item in feedback.asked_last
    ]


def _reply(text: str | None, by: UUID | None, at: datetime | None) -> Reply | None:
    return None if at is None else Reply(text, by, at)


def _feedback(row: Any) -> Feedback:
    return Feedback(
        id=row["id"],
        ags=row["ags"],
        kind=FeedbackKind(row["kind"]),
        about=About(row["about_person_id"], row["about_organisation_id"], row["about_meeting_id"], row["about_topic"]),
        text=row["text"],
        anonymous=row["anonymous"],
        author_id=row["author_id"],
        submitted_at=row["submitted_at"],
        acknowledge_by=row["acknowledge_by"],
        answer_by=row["answer_by"],
        due_by=row["due_by"],
        look_at=row["look_at"],
        round=row["round"],
        asked=tuple(Asked(person, Level(level), number, at) for person, level, number, at in row["asked"]),
        involved=frozenset(row["involved"]),
        messages=tuple(Message(*message) for message in row["messages"]),
        status=FeedbackStatus(row["status"]),
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        interim=_reply(row["interim_text"], row["interim_by"], row["interim_at"]),
        answer=_reply(row["answer_text"], row["answered_by"], row["answered_at"]),
        stars=row["stars"],
        rated_at=row["rated_at"],
        version=row["version"],
    )
