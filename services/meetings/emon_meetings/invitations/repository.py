"""The SQL of invitations."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from emon_platform.database import Transaction


@dataclass(frozen=True, slots=True)
class Issued:
    """An invitation that was just made."""

    id: UUID
    meeting_id: UUID
    ags: str
    person_id: UUID


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation as it is shown; the name is None where the person is gone or not in the caller's reach."""

    id: UUID
    meeting_id: UUID
    person_id: UUID
    display_name: str | None
    reply: str | None
    issued_at: datetime
    version: int


async def share_memberships(tx: Transaction, organisation_ids: Collection[UUID]) -> None:
    """Waits for changes of these organisations' memberships that are under way, and keeps others out until the commit.

    Without it, a member who is added at the moment of scheduling could be missed by both sides.
    """
    await tx.execute(
        """
        SELECT pg_advisory_xact_lock_shared(hashtextextended(organisation_id::text, 0))
        FROM unnest($1::uuid[]) AS organisation_id
        """,
        sorted(organisation_ids),
    )


async def hold_memberships(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """The other side of share_memberships: for all organisations of these people, in one order."""
    await tx.execute(
        """
        SELECT pg_advisory_xact_lock(hashtextextended(organisation_id::text, 0))
        FROM (
            SELECT DISTINCT organisation_id
            FROM directory_memberships
            WHERE person_id = ANY ($1::uuid[])
            ORDER BY organisation_id
        ) AS theirs
        """,
        person_ids,
    )


async def invite(
    tx: Transaction, meeting_id: UUID, ags: str, person_ids: Collection[UUID], organisation_ids: Collection[UUID]
) -> list[Issued]:
    """Invites people and the members of organisations in the meeting's municipality, whoever is not invited yet."""
    rows = await tx.fetch(
        """
        INSERT INTO invitations (meeting_id, ags, person_id)
        SELECT $1, $2, person_id
        FROM directory_people
        WHERE NOT erased
          AND (
              person_id = ANY ($3::uuid[])
              OR person_id IN (
                  SELECT person_id
                  FROM directory_memberships
                  WHERE organisation_id = ANY ($4::uuid[])
                    AND ags = $2
              )
          )
        ORDER BY person_id
        ON CONFLICT (meeting_id, person_id) DO NOTHING
        RETURNING id, meeting_id, ags, person_id
        """,
        meeting_id,
        ags,
        list(person_ids),
        list(organisation_ids),
    )
    return [Issued(*row) for row in rows]


async def invite_new_members(tx: Transaction, person_ids: Sequence[UUID]) -> list[Issued]:
    """Invites these people to every meeting ahead that is for an organisation of theirs, and to none twice."""
    rows = await tx.fetch(
        """
        INSERT INTO invitations (meeting_id, ags, person_id)
        SELECT DISTINCT meetings.id, meetings.ags, membership.person_id
        FROM directory_memberships AS membership
        JOIN participants USING (organisation_id, ags)
        JOIN meetings ON meetings.id = participants.meeting_id
        WHERE membership.person_id = ANY ($1::uuid[])
          AND meetings.status = 'scheduled'
          AND meetings.starts_at > now()
        ON CONFLICT (meeting_id, person_id) DO NOTHING
        RETURNING id, meeting_id, ags, person_id
        """,
        person_ids,
    )
    return [Issued(*row) for row in rows]


_INVITATION = """
    SELECT invitations.id, invitations.meeting_id, invitations.person_id, directory_people.display_name,
           invitations.reply, invitations.issued_at, invitations.version
    FROM invitations
    LEFT JOIN directory_people ON directory_people.person_id = invitations.person_id
"""


async def invitations_of(tx: Transaction, meeting_id: UUID, after: UUID | None, limit: int) -> list[Invitation]:
    """A meeting's invitations in reach of the caller, in the order in which they were made, behind the given one."""
    rows = await tx.fetch(
        f"""
        {_INVITATION}
        WHERE invitations.meeting_id = $1
          AND ($2::uuid IS NULL OR invitations.id > $2)
        ORDER BY invitations.id
        LIMIT $3
        """,
        meeting_id,
        after,
        limit,
    )
    return [_invitation(row) for row in rows]


async def invitation_by_id(tx: Transaction, invitation_id: UUID) -> Invitation | None:
    """The invitation, if it exists for the caller."""
    row = await tx.fetchrow(f"{_INVITATION} WHERE invitations.id = $1", invitation_id)
    return None if row is None else _invitation(row)


def _invitation(row: Any) -> Invitation:
    return Invitation(*row)
