"""Inviting: at the moment of scheduling, and whenever somebody joins an organisation that a meeting is for."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from uuid import UUID

from emon_contracts.envelope import NewEvent
from emon_contracts.events.meetings import INVITATIONS_PER_EVENT_MAX, InvitationsIssued, IssuedInvitation
from emon_meetings.invitations import repository
from emon_meetings.invitations.repository import Issued
from emon_meetings.meetings.repository import Participant
from emon_platform import outbox
from emon_platform.database import Transaction

# Each invitation in the event is new; its own count of changes begins here.
FIRST_VERSION = 1


async def invite_participants(tx: Transaction, meeting_id: UUID, ags: str, participants: Sequence[Participant]) -> None:
    """Invites everybody a new meeting is for, each person once."""
    organisations = {participant.organisation_id for participant in participants if participant.organisation_id}
    people = {participant.person_id for participant in participants if participant.person_id}
    await repository.share_memberships(tx, organisations)
    await _publish(tx, await repository.invite(tx, meeting_id, ags, people, organisations))


async def invite_new_members(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """Invites people whose memberships changed to the meetings ahead of their organisations, each meeting once."""
    await repository.hold_memberships(tx, person_ids)
    await _publish(tx, await repository.invite_new_members(tx, person_ids))


async def _publish(tx: Transaction, issued: Iterable[Issued]) -> None:
    events: list[NewEvent] = []
    for (meeting_id, ags), group in groupby(sorted(issued, key=_meeting), key=_meeting):
        waiting = [IssuedInvitation(invitation_id=item.id, person_id=item.person_id) for item in group]
        for start in range(0, len(waiting), INVITATIONS_PER_EVENT_MAX):
            invitations = tuple(waiting[start : start + INVITATIONS_PER_EVENT_MAX])
            payload = InvitationsIssued(meeting_id=meeting_id, ags=ags, invitations=invitations)
            events.append(NewEvent(payload, subject=str(meeting_id), sequence=FIRST_VERSION, tenant=ags))
    await outbox.append(tx, "meetings", events)


def _meeting(issued: Issued) -> tuple[UUID, str]:
    return issued.meeting_id, issued.ags
