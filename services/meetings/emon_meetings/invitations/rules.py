"""What may be replied to an invitation. Pure: state and wish in, new state or a refusal out.

A reply belongs to the revision of the meeting that it was given for. A new time or place asks again.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from emon_contracts.events.meetings import InvitationReplied, Reply
from emon_contracts.refusals import Refusal
from emon_meetings.meetings.rules import Meeting, MeetingStatus


@dataclass(frozen=True, slots=True)
class GivenReply:
    """What was said, to the meeting as `revision` has it. `by`: who was invited, or who noted it for them."""

    reply: Reply
    revision: int
    by: UUID


@dataclass(frozen=True, slots=True)
class Answered:
    """The reply that stands now, and the invitation's version; `changed` is False where the same was said before."""

    given: GivenReply
    version: int
    changed: bool


def reply(
    meeting: Meeting, earlier: GivenReply | None, version: int, wanted: Reply, by: UUID, seen_revision: int | None, now: datetime
) -> Answered | Refusal:
    """A reply may change until the meeting starts. `seen_revision`: of the meeting as the caller saw it, if they say so."""
    if meeting.status is MeetingStatus.CANCELLED:
        return Refusal("meeting-cancelled", "This meeting was cancelled and takes no replies.", conflict=True)
    if meeting.starts_at <= now:
        return Refusal("meeting-started", "This meeting has started and takes no replies any more.", conflict=True)
    if seen_revision is not None and seen_revision != meeting.revision:
        return Refusal(
            "meeting-changed", "Time or place of the meeting changed. Look at it again and reply to how it is now.", conflict=True
        )
    if earlier is not None and (earlier.reply, earlier.revision) == (wanted, meeting.revision):
        return Answered(earlier, version, changed=False)
    return Answered(GivenReply(wanted, meeting.revision, by), version + 1, changed=True)


def reply_to(meeting: Meeting, given: GivenReply | None) -> Reply | None:
    """The reply to the time and place that stand now."""
    return given.reply if given and given.revision == meeting.asked_revision else None


def earlier_reply_to(meeting: Meeting, given: GivenReply | None) -> Reply | None:
    """The reply to an earlier time or place, where there is none to the present one."""
    return given.reply if given and given.revision != meeting.asked_revision else None


def event_of(meeting: Meeting, invitation_id: UUID, person_id: UUID, given: GivenReply) -> InvitationReplied:
    """What tells of a reply."""
    return InvitationReplied(
        meeting_id=meeting.id,
        ags=meeting.ags,
        invitation_id=invitation_id,
        person_id=person_id,
        reply=given.reply,
        revision=given.revision,
        replied_by=given.by,
    )
