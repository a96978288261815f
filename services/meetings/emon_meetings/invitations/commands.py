"""Inviting, at the moment of scheduling and whenever somebody joins an organisation that a meeting is for; and replying."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from uuid import UUID

from emon_contracts.actors import Actor
from emon_contracts.envelope import NewEvent
from emon_contracts.events.meetings import INVITATIONS_PER_EVENT_MAX, InvitationsIssued, IssuedInvitation, Reply
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound, Refusal, Refused
from emon_meetings.invitations import repository, rules
from emon_meetings.invitations.repository import Invitation, Issued
from emon_meetings.meetings.repository import Participant, share_meeting
from emon_meetings.meetings.rules import Meeting
from emon_platform import outbox
from emon_platform.database import Database, Transaction

# Each invitation in the event is new; its own count of changes begins here.
FIRST_VERSION = 1


async def invite_participants(tx: Transaction, meeting_id: UUID, ags: str, participants: Sequence[Participant]) -> None:
    """Invites everybody a new meeting is for, each person once."""
    people, organisations = _people_and_organisations(participants)
    await repository.share_memberships(tx, organisations)
    await _publish(tx, await repository.invite(tx, meeting_id, ags, people, organisations))


async def count_audience(tx: Transaction, ags: str, participants: Sequence[Participant]) -> repository.Audience:
    """How many people a new meeting for these would invite."""
    return await repository.count_audience(tx, ags, *_people_and_organisations(participants))


async def invite_new_members(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """Invites people whose memberships changed to the meetings ahead of their organisations, each meeting once."""
    await repository.hold_memberships(tx, person_ids)
    await _publish(tx, await repository.invite_new_members(tx, person_ids))


async def reply_to_invitation(
    database: Database, actor: Actor, meeting_id: UUID, person_id: UUID, wanted: Reply, seen_revision: int | None
) -> tuple[Meeting, Invitation]:
    """Notes what somebody says to their invitation, by themself or through whoever reaches it.

    `seen_revision`: of the meeting as the caller saw it, if they say so; a link says so by itself. First the meeting is locked
    and then the invitation, so that no time is changed under a reply. Raises NotFound or Refused.
    """
    seen_revision = actor.link.revision if actor.link else seen_revision
    async with database.transaction(actor, Permission.INVITATION_REPLY) as tx:
        meeting = await share_meeting(tx, meeting_id)
        invitation = meeting and await repository.lock_invitation(tx, meeting_id, person_id)
        if meeting is None or invitation is None:
            raise NotFound("invitation", person_id)
        answered = rules.reply(
            meeting, invitation.given, invitation.version, wanted, actor.person_id, seen_revision, datetime.now(UTC)
        )
        if isinstance(answered, Refusal):
            raise Refused(answered)
        if answered.changed:
            replied_at = await repository.save_reply(tx, invitation.id, answered.given, answered.version)
            invitation = replace(invitation, given=answered.given, version=answered.version, replied_at=replied_at)
            event = rules.event_of(meeting, invitation.id, person_id, answered.given)
            await outbox.append(
                tx, "meetings", [NewEvent(event, subject=str(invitation.id), sequence=invitation.version, tenant=meeting.ags)]
            )
    return meeting, invitation


async def _publish(tx: Transaction, issued: Iterable[Issued]) -> None:
    events: list[NewEvent] = []
    for (meeting_id, ags), group in groupby(sorted(issued, key=_meeting), key=_meeting):
        waiting = [IssuedInvitation(invitation_id=item.id, person_id=item.person_id) for item in group]
        for start in range(0, len(waiting), INVITATIONS_PER_EVENT_MAX):
            invitations = tuple(waiting[start : start + INVITATIONS_PER_EVENT_MAX])
            payload = InvitationsIssued(meeting_id=meeting_id, ags=ags, invitations=invitations)
            events.append(NewEvent(payload, subject=str(meeting_id), sequence=FIRST_VERSION, tenant=ags))
    await outbox.append(tx, "meetings", events)


def _people_and_organisations(participants: Sequence[Participant]) -> tuple[set[UUID], set[UUID]]:
    return (
        {participant.person_id for participant in participants if participant.person_id},
        {participant.organisation_id for participant in participants if participant.organisation_id},
    )


def _meeting(issued: Issued) -> tuple[UUID, str]:
    return issued.meeting_id, issued.ags
