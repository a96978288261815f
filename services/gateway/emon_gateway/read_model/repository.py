"""The SQL that keeps the read model. Rows about somebody who was erased go, and none comes back by a late event."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from emon_contracts.envelope import Event
from emon_contracts.events.meetings import (
    InvitationReplied,
    InvitationsIssued,
    MeetingCancelled,
    MeetingRescheduled,
    MeetingRetitled,
    MeetingScheduled,
)
from emon_contracts.events.notifications import DeliveryFailed, DeliverySettled
from emon_gateway.read_model.rules import FeedbackFacts
from emon_platform.database import Transaction

MeetingEvent = Event[MeetingScheduled] | Event[MeetingRescheduled] | Event[MeetingRetitled] | Event[MeetingCancelled]
DeliveryEvent = Event[DeliveryFailed] | Event[DeliverySettled]

# Held (pg_advisory_xact_lock) while rows about people are saved, and while those of erased people go: 64 bits, "erasing".
ERASING = 0x65726173696E67
# An invitation is an aggregate of its own, and this is its first version.
FIRST_VERSION = 1

KEPT_FOR = timedelta(days=100)
"""What is over is kept so long: the network looks 90 days back."""
SETTLED_KEPT_FOR = timedelta(days=42)
"""Longer than events are kept in Kafka, so that a late one finds what came after it."""


async def hold_erasure_off(tx: Transaction) -> None:
    """Waits for an erasure that is under way, and keeps others out until the commit."""
    await tx.execute("SELECT pg_advisory_xact_lock_shared($1)", ERASING)


async def save_meetings(tx: Transaction, events: Sequence[MeetingEvent]) -> None:
    """Takes what is newer than the copy."""
    await tx.executemany(
        """
        INSERT INTO meetings (
            meeting_id, version, ags, title, start_local, start_time_zone, starts_at, place, revision, cancelled
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (meeting_id) DO UPDATE
        SET version = excluded.version,
            ags = excluded.ags,
            title = excluded.title,
            start_local = excluded.start_local,
            start_time_zone = excluded.start_time_zone,
            starts_at = excluded.starts_at,
            place = excluded.place,
            revision = excluded.revision,
            cancelled = excluded.cancelled
        WHERE meetings.version < excluded.version
        """,
        [
            (
                event.payload.meeting_id,
                event.sequence,
                event.payload.ags,
                event.payload.title,
                event.payload.start.local,
                event.payload.start.time_zone,
                event.payload.starts_at,
                event.payload.place,
                event.payload.revision,
                isinstance(event.payload, MeetingCancelled),
            )
            for event in events
        ],
    )


async def guests_of(tx: Transaction, meeting_ids: Sequence[UUID]) -> list[UUID]:
    """Who is invited to these meetings."""
    rows = await tx.fetch("SELECT DISTINCT person_id FROM invitations WHERE meeting_id = ANY ($1::uuid[])", meeting_ids)
    return [row["person_id"] for row in rows]


async def save_invitations(tx: Transaction, events: Sequence[Event[InvitationsIssued]]) -> None:
    """Remembers who is invited; what is known of an invitation already, such as a reply, is newer."""
    rows = [
        (invitation.invitation_id, event.payload.meeting_id, event.payload.ags, invitation.person_id)
        for event in events
        for invitation in event.payload.invitations
    ]
    await tx.execute(
        """
        INSERT INTO invitations (invitation_id, meeting_id, ags, person_id, version)
        SELECT given.*, $5
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) AS given (invitation_id, meeting_id, ags, person_id)
        WHERE NOT EXISTS (
            SELECT FROM directory_people AS person WHERE person.person_id = given.person_id AND person.erased
        )
        ON CONFLICT (invitation_id) DO NOTHING
        """,
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] for row in rows],
        FIRST_VERSION,
    )


async def save_replies(tx: Transaction, events: Sequence[Event[InvitationReplied]]) -> None:
    """Takes each reply that is newer than what is known of its invitation."""
    await tx.executemany(
        """
        INSERT INTO invitations (invitation_id, meeting_id, ags, person_id, version, replied_revision)
        SELECT $1, $2, $3, $4, $5, $6
        WHERE NOT EXISTS (SELECT FROM directory_people AS person WHERE person.person_id = $4 AND person.erased)
        ON CONFLICT (invitation_id) DO UPDATE
        SET version = excluded.version,
            replied_revision = excluded.replied_revision
        WHERE invitations.version < excluded.version
        """,
        [
            (
                event.payload.invitation_id,
                event.payload.meeting_id,
                event.payload.ags,
                event.payload.person_id,
                event.sequence,
                event.payload.revision,
            )
            for event in events
        ],
    )


async def save_feedback(tx: Transaction, facts: Sequence[FeedbackFacts]) -> None:
    """Takes of each fact what is newer than the copy; whoever is involved stays so."""
    await tx.executemany(
        """
        INSERT INTO feedback (
            feedback_id, ags, kind, confidential, author_id, involved, awaited, due_by, state_version, promised_by,
            promised_version, answered_at
        )
        SELECT
            $1, $2, $3, $4,
            CASE
                WHEN NOT EXISTS (SELECT FROM directory_people AS person WHERE person.person_id = $5 AND person.erased)
                    THEN $5::uuid
            END,
            array(
                SELECT given
                FROM unnest($6::uuid[]) AS given
                WHERE NOT EXISTS (SELECT FROM directory_people AS person WHERE person.person_id = given AND person.erased)
            ),
            $7, $8, $9, $10, $11, $12
        ON CONFLICT (feedback_id) DO UPDATE
        SET author_id = coalesce(feedback.author_id, excluded.author_id),
            involved = array(
                SELECT DISTINCT person FROM unnest(feedback.involved || excluded.involved) AS person ORDER BY person
            ),
            awaited = CASE
                WHEN feedback.state_version < excluded.state_version THEN excluded.awaited
                ELSE feedback.awaited
            END,
            due_by = CASE WHEN feedback.state_version < excluded.state_version THEN excluded.due_by ELSE feedback.due_by END,
            state_version = greatest(feedback.state_version, excluded.state_version),
            promised_by = CASE
                WHEN feedback.promised_version < excluded.promised_version THEN excluded.promised_by
                ELSE feedback.promised_by
            END,
            promised_version = greatest(feedback.promised_version, excluded.promised_version),
            answered_at = coalesce(feedback.answered_at, excluded.answered_at)
        """,
        [
            (
                said.feedback_id,
                said.ags,
                said.kind,
                said.confidential,
                said.author_id,
                sorted(said.involved),
                said.awaited and said.awaited.value,
                said.due_by,
                said.state_version,
                said.promised_by,
                said.promised_version,
                said.answered_at,
            )
            for said in facts
        ],
    )


async def save_deliveries(tx: Transaction, events: Sequence[DeliveryEvent]) -> None:
    """Takes what is newer than the copy."""
    await tx.executemany(
        """
        INSERT INTO deliveries (
            delivery_id, version, person_id, subject_id, ags, kind, category, failed_as, reason, since
        )
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
        WHERE NOT EXISTS (SELECT FROM directory_people AS person WHERE person.person_id = $3 AND person.erased)
        ON CONFLICT (delivery_id) DO UPDATE
        SET version = excluded.version,
            failed_as = excluded.failed_as,
            reason = excluded.reason,
            since = excluded.since
        WHERE deliveries.version < excluded.version
        """,
        [
            (
                event.payload.delivery_id,
                event.sequence,
                event.payload.person_id,
                event.payload.subject_id,
                event.payload.ags,
                event.payload.kind,
                event.payload.category,
                event.payload.status.value if isinstance(event.payload, DeliveryFailed) else None,
                event.payload.reason,
                event.time,
            )
            for event in events
        ],
    )


async def forget_erased(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """Takes those of these people who were erased out of everything."""
    rows = await tx.fetch("SELECT person_id FROM directory_people WHERE person_id = ANY ($1::uuid[]) AND erased", person_ids)
    erased = [row["person_id"] for row in rows]
    if not erased:
        return
    await tx.execute("SELECT pg_advisory_xact_lock($1)", ERASING)
    await tx.execute("DELETE FROM invitations WHERE person_id = ANY ($1::uuid[])", erased)
    await tx.execute("DELETE FROM deliveries WHERE person_id = ANY ($1::uuid[])", erased)
    await tx.execute("UPDATE feedback SET author_id = NULL WHERE author_id = ANY ($1::uuid[])", erased)
    await tx.execute(
        """
        UPDATE feedback
        SET involved = array(SELECT person FROM unnest(involved) AS person WHERE person <> ALL ($1::uuid[]))
        WHERE involved && $1::uuid[]
        """,
        erased,
    )


async def sweep(tx: Transaction, now: datetime) -> None:
    """Forgets what is over for so long that nobody looks at it any more."""
    await tx.execute(
        """
        WITH past AS (DELETE FROM meetings WHERE starts_at < $1 RETURNING meeting_id)
        DELETE FROM invitations WHERE meeting_id IN (SELECT meeting_id FROM past)
        """,
        now - KEPT_FOR,
    )
    await tx.execute("DELETE FROM feedback WHERE answered_at < $1", now - KEPT_FOR)
    await tx.execute("DELETE FROM deliveries WHERE failed_as IS NULL AND since < $1", now - SETTLED_KEPT_FOR)
