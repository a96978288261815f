"""All SQL of planning."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from emon_contracts.envelope import Event
from emon_contracts.events.meetings import MeetingCancelled, MeetingRescheduled, MeetingRetitled, MeetingScheduled
from emon_notifications.deliveries.rules import OPEN, Cause, Kind, sources, target
from emon_notifications.planning.rules import PLANNED_WITHIN, TRIED_FOR, TYPES, WAITS_FOR
from emon_notifications.undelivered import repository as undelivered
from emon_platform.database import Transaction

MeetingEvent = Event[MeetingScheduled] | Event[MeetingRescheduled] | Event[MeetingRetitled] | Event[MeetingCancelled]

_OPEN = [status.value for status in sorted(OPEN)]


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who is invited."""

    meeting_id: UUID
    person_id: UUID
    invitation_id: UUID


@dataclass(frozen=True, slots=True)
class Owed:
    """Something to tell one person. `expires_at` None: when the meeting starts."""

    event_id: UUID
    person_id: UUID
    subject_id: UUID
    ags: str | None
    occurred_at: datetime
    expires_at: datetime | None
    traceparent: str | None


async def save_meetings(tx: Transaction, events: Sequence[MeetingEvent]) -> None:
    """Takes what is newer than the copy."""
    newest: dict[UUID, MeetingEvent] = {}
    for event in events:
        known = newest.get(event.payload.meeting_id)
        if known is None or known.sequence < event.sequence:
            newest[event.payload.meeting_id] = event
    rows = [
        (
            event.payload.meeting_id,
            event.sequence,
            event.payload.ags,
            event.payload.kind.value,
            event.payload.title,
            event.payload.start.local,
            event.payload.start.time_zone,
            event.payload.starts_at,
            event.payload.duration_minutes,
            event.payload.place,
            event.payload.link,
            event.payload.revision,
            isinstance(event.payload, MeetingCancelled),
        )
        for _, event in sorted(newest.items())
    ]
    await tx.execute(
        """
        INSERT INTO meetings (
            meeting_id, version, ags, kind, title, start_local, start_time_zone, starts_at, duration_minutes, place, link,
            revision, cancelled
        )
        SELECT *
        FROM unnest(
            $1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::timestamp[], $7::text[], $8::timestamptz[],
            $9::integer[], $10::text[], $11::text[], $12::integer[], $13::boolean[]
        )
        ON CONFLICT (meeting_id) DO UPDATE
        SET version = excluded.version,
            ags = excluded.ags,
            kind = excluded.kind,
            title = excluded.title,
            start_local = excluded.start_local,
            start_time_zone = excluded.start_time_zone,
            starts_at = excluded.starts_at,
            duration_minutes = excluded.duration_minutes,
            place = excluded.place,
            link = excluded.link,
            revision = excluded.revision,
            cancelled = excluded.cancelled
        WHERE meetings.version < excluded.version
        """,
        *zip(*rows, strict=True),
    )


async def save_guests(tx: Transaction, guests: Sequence[Guest]) -> None:
    """Remembers who is invited; who is known already stays as they are."""
    await tx.execute(
        """
        INSERT INTO guests (meeting_id, person_id, invitation_id)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[])
        ON CONFLICT DO NOTHING
        """,
        [guest.meeting_id for guest in guests],
        [guest.person_id for guest in guests],
        [guest.invitation_id for guest in guests],
    )


# What becomes of something that is owed, from what is known now: used when it is planned, and again when a person or a
# meeting that it waited for turns up. $1 is PLANNED_WITHIN, $2 TRIED_FOR, $3 the moment before which events are held, by the
# operator's word; a restore that was noticed says it too. Sign-in mails are wanted now or not at all.
_PROSPECT = """
    CROSS JOIN LATERAL (
        SELECT least(owed.expires_at, meeting.starts_at, owed.occurred_at + $2::interval) AS expires_at -- NULLs do not count
    ) AS time_limit
    CROSS JOIN LATERAL (
        SELECT
            CASE
                WHEN owed.occurred_at < now() - $1::interval THEN ARRAY['expired', 'event-too-old']
                WHEN time_limit.expires_at <= now() THEN ARRAY['expired', 'too-late']
                WHEN person.person_id IS NULL THEN ARRAY['waiting', 'person-unknown']
                WHEN person.erased THEN ARRAY['erased', 'person-erased']
                WHEN person.email IS NULL AND owed.category = 'sign_in' THEN ARRAY['skipped', 'no-address']
                WHEN person.email IS NULL THEN ARRAY['by_hand', 'no-address']
                WHEN meeting.meeting_id IS NULL AND owed.category = 'meetings' THEN ARRAY['waiting', 'meeting-unknown']
                WHEN owed.category = 'sign_in' THEN ARRAY['queued', NULL]
                WHEN owed.occurred_at < greatest($3::timestamptz, (SELECT max(restored_at) FROM restores))
                    THEN ARRAY['held', 'from-before-the-restore']
                ELSE ARRAY['queued', NULL]
            END AS word
    ) AS prospect
"""

_PLAN = f"""
    planned AS (
        INSERT INTO deliveries (
            event_id, person_id, kind, category, priority, subject_id, ags, status, reason, may_have_been_sent, occurred_at,
            expires_at, traceparent
        )
        SELECT
            owed.event_id, owed.person_id, owed.kind, owed.category, $6, owed.subject_id, owed.ags,
            prospect.word[1], prospect.word[2], prospect.word[1] = 'held', owed.occurred_at, time_limit.expires_at,
            owed.traceparent
        FROM owed
        LEFT JOIN directory_people AS person ON person.person_id = owed.person_id
        LEFT JOIN meetings AS meeting ON meeting.meeting_id = owed.subject_id
        {_PROSPECT}
        ORDER BY owed.place
        ON CONFLICT (event_id, person_id, channel) DO NOTHING
        RETURNING id, status
    )
    SELECT id FROM planned WHERE status IN ('held', 'by_hand')
"""

_PLAN_FOR_PEOPLE = f"""
    WITH owed AS (
        SELECT *, $4::text AS kind, $5::text AS category
        FROM unnest($7::uuid[], $8::uuid[], $9::uuid[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::text[])
            WITH ORDINALITY
            AS given (event_id, person_id, subject_id, ags, occurred_at, expires_at, traceparent, place)
    ),
    {_PLAN}
"""

_PLAN_FOR_GUESTS = f"""
    WITH owed AS (
        SELECT
            given.event_id, guests.person_id, given.subject_id, given.ags, given.occurred_at, NULL::timestamptz AS expires_at,
            given.traceparent, given.place, $4::text AS kind, $5::text AS category
        FROM unnest($7::uuid[], $8::uuid[], $9::text[], $10::timestamptz[], $11::text[])
            WITH ORDINALITY AS given (event_id, subject_id, ags, occurred_at, traceparent, place)
        JOIN guests ON guests.meeting_id = given.subject_id
    ),
    {_PLAN}
"""


async def plan_for_people(tx: Transaction, kind: Kind, owed: Sequence[Owed], hold_before: datetime | None) -> None:
    """Notes what is owed to these people."""
    undeliverable = await tx.fetch(
        _PLAN_FOR_PEOPLE,
        PLANNED_WITHIN,
        TRIED_FOR,
        hold_before,
        kind.value,
        TYPES[kind].category.value,
        TYPES[kind].priority,
        [item.event_id for item in owed],
        [item.person_id for item in owed],
        [item.subject_id for item in owed],
        [item.ags for item in owed],
        [item.occurred_at for item in owed],
        [item.expires_at for item in owed],
        [item.traceparent for item in owed],
    )
    await undelivered.tell(tx, [row["id"] for row in undeliverable])


async def plan_for_guests(tx: Transaction, kind: Kind, events: Sequence[MeetingEvent], hold_before: datetime | None) -> None:
    """Notes what is owed to everybody who is invited, in the order of the events."""
    undeliverable = await tx.fetch(
        _PLAN_FOR_GUESTS,
        PLANNED_WITHIN,
        TRIED_FOR,
        hold_before,
        kind.value,
        TYPES[kind].category.value,
        TYPES[kind].priority,
        [event.id for event in events],
        [event.payload.meeting_id for event in events],
        [event.payload.ags for event in events],
        [event.time for event in events],
        [event.traceparent for event in events],
    )
    await undelivered.tell(tx, [row["id"] for row in undeliverable])


async def supersede_older(tx: Transaction, event_ids: Sequence[UUID]) -> None:
    """Ends what is open for somebody about a subject of which these events tell them something newer, and settles what failed.

    What is on its way is locked as well, though it stays as it is: so its outcome is recorded before this or after it, and
    whichever comes second sees the other. In the order of planning, as every other query that locks several deliveries.
    """
    failed = await tx.fetch(
        """
        WITH locked AS MATERIALIZED (
            SELECT older.id, older.told_as FROM deliveries AS newer
            JOIN deliveries AS older ON older.person_id = newer.person_id AND older.subject_id = newer.subject_id
            WHERE newer.event_id = ANY($1::uuid[])
              AND older.position < newer.position
              AND (older.status IN ('waiting', 'queued', 'deferred', 'held', 'sending') OR older.told_as IS NOT NULL)
            ORDER BY older.position
            FOR UPDATE OF older
        )
        SELECT DISTINCT id FROM locked WHERE told_as IS NOT NULL
        """,
        event_ids,
    )
    await tx.execute(
        """
        UPDATE deliveries AS older
        SET status = $2, reason = 'newer-planned', not_before = NULL, updated_at = now()
        FROM deliveries AS newer
        WHERE newer.event_id = ANY($1::uuid[])
          AND newer.status = ANY($4::text[])
          AND older.person_id = newer.person_id
          AND older.subject_id = newer.subject_id
          AND older.position < newer.position
          AND older.status = ANY($3::text[])
        """,
        event_ids,
        target(Cause.NEWER_WAS_PLANNED),
        sources(Cause.NEWER_WAS_PLANNED),
        _OPEN,
    )
    if failed:
        await undelivered.settle_overtaken(tx, [row["id"] for row in failed])


_RECONSIDER = f"""
    UPDATE deliveries AS waiting
    SET status = prospect.word[1],
        reason = prospect.word[2],
        may_have_been_sent = prospect.word[1] = 'held',
        expires_at = time_limit.expires_at,
        updated_at = now()
    FROM deliveries AS owed
    LEFT JOIN directory_people AS person ON person.person_id = owed.person_id
    LEFT JOIN meetings AS meeting ON meeting.meeting_id = owed.subject_id
    {_PROSPECT}
    WHERE waiting.id = owed.id
      AND waiting.status = 'waiting'
      AND owed.status = 'waiting'
      AND (owed.person_id = ANY($4::uuid[]) OR owed.subject_id = ANY($5::uuid[]))
      AND prospect.word[1] <> 'waiting'
    RETURNING waiting.id
"""


async def reconsider_waiting(
    tx: Transaction, hold_before: datetime | None, *, person_ids: Sequence[UUID] = (), meeting_ids: Sequence[UUID] = ()
) -> None:
    """Goes on with what waited for these people or meetings."""
    decided = await tx.fetch(_RECONSIDER, PLANNED_WITHIN, TRIED_FOR, hold_before, person_ids, meeting_ids)
    await undelivered.tell(tx, [row["id"] for row in decided])


async def end_for_erased(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """Nothing more is sent to those of them who were erased. What is on its way cannot be called back."""
    ended = await tx.fetch(
        """
        UPDATE deliveries
        SET status = $2, reason = 'person-erased', updated_at = now()
        WHERE person_id IN (SELECT person_id FROM directory_people WHERE person_id = ANY($1::uuid[]) AND erased)
          AND status = ANY($3::text[])
        RETURNING id
        """,
        person_ids,
        target(Cause.PERSON_WAS_ERASED),
        sources(Cause.PERSON_WAS_ERASED),
    )
    await undelivered.tell(tx, [row["id"] for row in ended])


async def expire(tx: Transaction) -> None:
    """Ends what is no longer worth telling, and what waited too long."""
    ended = await tx.fetch(
        """
        UPDATE deliveries
        SET status = $1,
            reason = CASE WHEN status = 'waiting' THEN reason ELSE 'too-late' END,
            not_before = NULL,
            updated_at = now()
        WHERE id IN (
            SELECT id
            FROM deliveries
            WHERE status = ANY($2::text[])
              AND status IN ('waiting', 'queued', 'deferred', 'held')
              AND (expires_at <= now() OR (status = 'waiting' AND created_at <= now() - $3::interval))
            ORDER BY position
            FOR UPDATE SKIP LOCKED
        )
        RETURNING id
        """,
        target(Cause.TIME_RAN_OUT),
        sources(Cause.TIME_RAN_OUT),
        WAITS_FOR,
    )
    await undelivered.tell(tx, [row["id"] for row in ended])


async def forget_unused_addresses(tx: Transaction) -> None:
    """A suppressed address that is nobody's any more is a leftover of somebody who changed it or was erased."""
    await tx.execute(
        """
        DELETE FROM suppressed_addresses AS suppressed
        WHERE NOT EXISTS (SELECT FROM directory_people AS person WHERE person.email_key = suppressed.email_key)
        """
    )
