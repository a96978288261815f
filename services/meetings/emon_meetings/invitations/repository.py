"""The SQL of invitations."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from emon_contracts.events.meetings import Reply
from emon_meetings.invitations.rules import GivenReply
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
    issued_at: datetime
    version: int
    given: GivenReply | None
    replied_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReplyCounts:
    """How many of a meeting's guests said what to its present time and place; `none` is how many said nothing to it."""

    accepted: int
    declined: int
    tentative: int
    none: int


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


# Whom a meeting is for: $1 is its municipality, $2 people, $3 organisations.
_MEANT = """
    NOT erased
    AND (
        person_id = ANY ($2::uuid[])
        OR person_id IN (
            SELECT person_id
            FROM directory_memberships
            WHERE organisation_id = ANY ($3::uuid[])
              AND ags = $1
        )
    )
"""


@dataclass(frozen=True, slots=True)
class Audience:
    """How many people a meeting is for."""

    people: int
    without_address: int


async def count_audience(tx: Transaction, ags: str, person_ids: Collection[UUID], organisation_ids: Collection[UUID]) -> Audience:
    """How many people `invite` would invite to a new meeting."""
    row = await tx.fetchrow(
        f"SELECT count(*), count(*) FILTER (WHERE email IS NULL) FROM directory_people WHERE {_MEANT}",
        ags,
        list(person_ids),
        list(organisation_ids),
    )
    return Audience(*row)


async def invite(
    tx: Transaction, meeting_id: UUID, ags: str, person_ids: Collection[UUID], organisation_ids: Collection[UUID]
) -> list[Issued]:
    """Invites people and the members of organisations in the meeting's municipality, whoever is not invited yet."""
    rows = await tx.fetch(
        f"""
        INSERT INTO invitations (meeting_id, ags, person_id)
        SELECT $4, $1, person_id
        FROM directory_people
        WHERE {_MEANT}
        ORDER BY person_id
        ON CONFLICT (meeting_id, person_id) DO NOTHING
        RETURNING id, meeting_id, ags, person_id
        """,
        ags,
        list(person_ids),
        list(organisation_ids),
        meeting_id,
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
    SELECT invitations.id, invitations.meeting_id, invitations.person_id, directory_people.display_name, invitations.issued_at,
           invitations.version, invitations.reply, invitations.replied_revision, invitations.replied_by, invitations.replied_at
    FROM invitations
    LEFT JOIN directory_people ON directory_people.person_id = invitations.person_id
"""


@dataclass(frozen=True, slots=True)
class RepliedWith:
    """Which invitations of a list are wanted: those with this reply to the meeting as `revision` has it, or with None."""

    reply: Reply | None
    revision: int


async def invitations_of(
    tx: Transaction, meeting_id: UUID, replied_with: RepliedWith | None, after: UUID | None, limit: int
) -> list[Invitation]:
    """A meeting's invitations in reach of the caller, in the order in which they were made, behind the given one."""
    rows = await tx.fetch(
        f"""
        WITH invitations AS ( -- the page first, so that names are looked up for it alone
            SELECT *
            FROM invitations
            WHERE meeting_id = $1
              AND ($2::uuid IS NULL OR id > $2)
              AND (
                  $3::integer IS NULL
                  OR CASE WHEN replied_revision = $3 THEN reply END IS NOT DISTINCT FROM $4::text
              )
            ORDER BY id
            LIMIT $5
        )
        {_INVITATION}
        ORDER BY invitations.id
        """,
        meeting_id,
        after,
        replied_with.revision if replied_with else None,
        replied_with.reply.value if replied_with and replied_with.reply else None,
        limit,
    )
    return [_invitation(row) for row in rows]


async def invitations_of_person(
    tx: Transaction,
    person_id: UUID,
    *,
    open_only: bool,
    starting_from: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Invitation]:
    """Somebody's invitations in reach of the caller, by the start of the meeting, behind the given sort key.

    Open is what they can still reply to, and have not as it is now.
    """
    moment, identifier = after or (None, None)
    rows = await tx.fetch(
        f"""
        {_INVITATION}
        JOIN meetings ON meetings.id = invitations.meeting_id
        WHERE invitations.person_id = $1
          AND (
              NOT $2
              OR (
                  meetings.status = 'scheduled'
                  AND meetings.starts_at > now()
                  AND invitations.replied_revision IS DISTINCT FROM meetings.revision
              )
          )
          AND ($3::timestamptz IS NULL OR meetings.starts_at >= $3)
          AND ($4::timestamptz IS NULL OR (meetings.starts_at, invitations.id) > ($4, $5::uuid))
        ORDER BY meetings.starts_at, invitations.id
        LIMIT $6
        """,
        person_id,
        open_only,
        starting_from,
        moment,
        identifier,
        limit,
    )
    return [_invitation(row) for row in rows]


async def invitation_by_id(tx: Transaction, invitation_id: UUID) -> Invitation | None:
    """The invitation, if it exists for the caller."""
    return _found(await tx.fetchrow(f"{_INVITATION} WHERE invitations.id = $1", invitation_id))


async def lock_invitation(tx: Transaction, meeting_id: UUID, person_id: UUID) -> Invitation | None:
    """Somebody's invitation to a meeting, if it exists for the caller, locked until the end of the transaction."""
    query = f"""
        {_INVITATION}
        WHERE invitations.meeting_id = $1
          AND invitations.person_id = $2
        FOR NO KEY UPDATE OF invitations
    """
    return _found(await tx.fetchrow(query, meeting_id, person_id))


async def save_reply(tx: Transaction, invitation_id: UUID, given: GivenReply, version: int) -> datetime:
    """Saves a reply to an invitation that the caller has locked; gives the moment that stands beside it."""
    return await tx.fetchval(
        """
        UPDATE invitations
        SET reply = $2, replied_revision = $3, replied_by = $4, replied_at = now(), version = $5
        WHERE id = $1
        RETURNING replied_at
        """,
        invitation_id,
        given.reply.value,
        given.revision,
        given.by,
        version,
    )


async def count_replies(tx: Transaction, meeting_id: UUID, revision: int) -> ReplyCounts:
    """The replies to a meeting as this revision has it, among the invitations in reach of the caller."""
    row = await tx.fetchrow(
        """
        SELECT count(*) FILTER (WHERE replied_revision = $2 AND reply = 'accepted') AS accepted,
               count(*) FILTER (WHERE replied_revision = $2 AND reply = 'declined') AS declined,
               count(*) FILTER (WHERE replied_revision = $2 AND reply = 'tentative') AS tentative,
               count(*) FILTER (WHERE replied_revision IS DISTINCT FROM $2) AS none
        FROM invitations
        WHERE meeting_id = $1
        """,
        meeting_id,
        revision,
    )
    return ReplyCounts(*row)


def _found(row: Any) -> Invitation | None:
    return None if row is None else _invitation(row)


def _invitation(row: Any) -> Invitation:
    given = row["reply"] and GivenReply(Reply(row["reply"]), row["replied_revision"], row["replied_by"])
    return Invitation(
        id=row["id"],
        meeting_id=row["meeting_id"],
        person_id=row["person_id"],
        display_name=row["display_name"],
        issued_at=row["issued_at"],
        version=row["version"],
        given=given,
        replied_at=row["replied_at"],
    )
