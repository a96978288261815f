"""The SQL of meetings and participants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from emon_contracts.events.meetings import MeetingKind
from emon_contracts.values import ZonedDateTime
from emon_meetings.meetings.rules import Meeting, MeetingStatus
from emon_platform.database import Transaction

_COLUMNS = """
    id, ags, kind, title, local_start, time_zone, duration_minutes, place, link,
    scheduled_by, status, cancellation_reason, revision, version
"""


@dataclass(frozen=True, slots=True)
class Participant:
    """Whom a meeting is for: a person, or every member of an organisation."""

    person_id: UUID | None = None
    organisation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class WantedMeetings:
    """Which meetings of a list are wanted, None being all, and in which order.

    `organisation_id`: those that it takes part in, and those that members of it are invited to.
    """

    ags: str | None
    kind: MeetingKind | None
    organisation_id: UUID | None
    starting_from: datetime | None
    starting_before: datetime | None
    latest_first: bool


async def insert_meeting(tx: Transaction, meeting: Meeting, participants: Sequence[Participant]) -> None:
    """Saves a new meeting and whom it is for."""
    await tx.execute(
        """
        INSERT INTO meetings (
            id, ags, kind, title, local_start, time_zone, starts_at, duration_minutes, place, link, scheduled_by
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        meeting.id,
        meeting.ags,
        meeting.kind.value,
        meeting.title,
        meeting.start.local,
        meeting.start.time_zone,
        meeting.starts_at,
        meeting.duration_minutes,
        meeting.place,
        meeting.link,
        meeting.scheduled_by,
    )
    await tx.execute(
        """
        INSERT INTO participants (meeting_id, ags, person_id, organisation_id)
        SELECT $1, $2, * FROM unnest($3::uuid[], $4::uuid[])
        ON CONFLICT DO NOTHING
        """,
        meeting.id,
        meeting.ags,
        [participant.person_id for participant in participants],
        [participant.organisation_id for participant in participants],
    )


async def save_meeting(tx: Transaction, meeting: Meeting) -> None:
    """Saves a changed meeting, whose row the caller has locked."""
    await tx.execute(
        """
        UPDATE meetings
        SET title = $2, local_start = $3, time_zone = $4, starts_at = $5, duration_minutes = $6, place = $7, link = $8,
            status = $9, cancellation_reason = $10, revision = $11, version = $12
        WHERE id = $1
        """,
        meeting.id,
        meeting.title,
        meeting.start.local,
        meeting.start.time_zone,
        meeting.starts_at,
        meeting.duration_minutes,
        meeting.place,
        meeting.link,
        meeting.status.value,
        meeting.cancellation_reason,
        meeting.revision,
        meeting.version,
    )


async def meeting_by_id(tx: Transaction, meeting_id: UUID) -> Meeting | None:
    """The meeting, if it exists for the caller."""
    return _meeting(await tx.fetchrow(f"SELECT {_COLUMNS} FROM meetings WHERE id = $1", meeting_id))


async def meetings_by_id(tx: Transaction, meeting_ids: Sequence[UUID]) -> dict[UUID, Meeting]:
    """Those of these meetings that exist for the caller."""
    rows = await tx.fetch(f"SELECT {_COLUMNS} FROM meetings WHERE id = ANY ($1::uuid[])", meeting_ids)
    return {meeting.id: meeting for row in rows if (meeting := _meeting(row)) is not None}


async def lock_meeting(tx: Transaction, meeting_id: UUID) -> Meeting | None:
    """The meeting, locked until the end of the transaction: its events keep their order, and no reply goes by meanwhile."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))", meeting_id)
    return _meeting(await tx.fetchrow(f"SELECT {_COLUMNS} FROM meetings WHERE id = $1 FOR NO KEY UPDATE", meeting_id))


async def share_meeting(tx: Transaction, meeting_id: UUID) -> Meeting | None:
    """The meeting, kept as it is until the end of the transaction, which many may do at the same time.

    The advisory lock is the queue: who shares a row lock passes by whoever waits to change the row, so that a steady stream of
    replies would keep a new time out (PostgreSQL's README.tuplock; measured with 30 connections: for up to 12 s, and now 30 ms).
    """
    await tx.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended($1::uuid::text, 0))", meeting_id)
    return _meeting(await tx.fetchrow(f"SELECT {_COLUMNS} FROM meetings WHERE id = $1 FOR SHARE", meeting_id))


async def participants_of(tx: Transaction, meeting_id: UUID) -> list[Participant]:
    """Whom the meeting is for, where the caller may see it."""
    rows = await tx.fetch(
        """
        SELECT person_id, organisation_id
        FROM participants
        WHERE meeting_id = $1
        ORDER BY organisation_id, person_id
        """,
        meeting_id,
    )
    return [Participant(row["person_id"], row["organisation_id"]) for row in rows]


async def meetings_by_start(
    tx: Transaction,
    *,
    wanted: WantedMeetings,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Meeting]:
    """Meetings in reach of the caller, in the wanted order, behind the given sort key."""
    moment, identifier = after or (None, None)
    scope = tx.scope
    behind, direction = ("<", "DESC") if wanted.latest_first else (">", "ASC")
    rows = await tx.fetch(
        f"""
        SELECT {_COLUMNS}
        FROM meetings
        WHERE (
                $1
                OR ags = ANY ($2::text[])
                OR id IN (SELECT meeting_id FROM invitations WHERE person_id = $3)
              )
          AND ($4::text IS NULL OR ags = $4)
          AND ($5::text IS NULL OR kind = $5)
          AND ($6::timestamptz IS NULL OR starts_at >= $6)
          AND ($7::timestamptz IS NULL OR starts_at < $7)
          AND (
              $8::uuid IS NULL
              OR id IN (SELECT meeting_id FROM participants WHERE organisation_id = $8)
              OR id IN (
                  SELECT invitations.meeting_id
                  FROM directory_memberships
                  JOIN invitations USING (person_id, ags)
                  WHERE directory_memberships.organisation_id = $8
              )
          )
          AND ($9::timestamptz IS NULL OR (starts_at, id) {behind} ($9, $10::uuid))
        ORDER BY starts_at {direction}, id {direction}
        LIMIT $11
        """,
        scope.everywhere,
        sorted(scope.municipalities),
        scope.person_id,
        wanted.ags,
        wanted.kind.value if wanted.kind else None,
        wanted.starting_from,
        wanted.starting_before,
        wanted.organisation_id,
        moment,
        identifier,
        limit,
    )
    return [meeting for row in rows if (meeting := _meeting(row)) is not None]


def _meeting(row: Any) -> Meeting | None:
    if row is None:
        return None
    return Meeting(
        id=row["id"],
        ags=row["ags"],
        kind=MeetingKind(row["kind"]),
        title=row["title"],
        # As it was stored, without another look at today's time zone rules.
        start=ZonedDateTime.model_construct(local=row["local_start"], time_zone=row["time_zone"]),
        duration_minutes=row["duration_minutes"],
        place=row["place"],
        link=row["link"],
        scheduled_by=row["scheduled_by"],
        status=MeetingStatus(row["status"]),
        cancellation_reason=row["cancellation_reason"],
        revision=row["revision"],
        version=row["version"],
    )
