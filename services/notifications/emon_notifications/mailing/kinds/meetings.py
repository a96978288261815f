"""Mails about a meeting: invitation, change, cancellation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from emon_calendar.zones import end_instant
from emon_contracts.events.meetings import MeetingKind
from emon_contracts.values import ZonedDateTime
from emon_notifications.deliveries.rules import Kind
from emon_notifications.mailing.due import Due
from emon_notifications.mailing.kinds.matter import Contents, LinkTo
from emon_notifications.mailing.rules import End, Meeting, Tell, what_to_tell
from emon_notifications.rendering import MeetingFacts
from emon_platform.database import Transaction
from emon_platform.signed_links import Purpose, SignedLink

KINDS = frozenset({Kind.INVITATION, Kind.CHANGE, Kind.CANCELLATION})
LINK_OUTLIVES_MEETING = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MeetingMatter:
    """A meeting as it is now, and the invitation of one guest."""

    facts: MeetingFacts
    link_expires_at: datetime
    is_cancelled: bool
    invitation_id: UUID | None
    shares_mail: ClassVar[bool] = False

    def decide(self, due: Due, now: datetime) -> Tell | End:
        """By what is true now, and what the guest knows."""
        meeting = Meeting(self.facts.revision, self.is_cancelled, self.facts.starts_at)
        return what_to_tell(meeting, due.told, now, may_know=due.may_know)

    def contents(self, tell: Tell, due: Sequence[Due], now: datetime) -> Contents:
        """The meeting, and a link to the guest's invitation."""
        [guest] = due
        if self.invitation_id is None:
            raise ValueError("a letter to somebody who is not invited")
        link = SignedLink(
            purpose=Purpose.INVITATION,
            identifier=self.invitation_id,
            subject_id=self.invitation_id,
            revision=self.facts.revision,
            person_id=guest.person_id,
            issued_at=now,
            expires_at=self.link_expires_at,
        )
        return Contents(self.facts, (LinkTo(guest.display_name or "", link),))


async def load(tx: Transaction, due: Sequence[Due]) -> Mapping[UUID, MeetingMatter]:
    """The meetings of these deliveries, and the invitations of their guests."""
    rows = await tx.fetch(
        """
        SELECT given.id, meeting.*, municipality.name AS municipality_name, guest.invitation_id
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS given (id, meeting_id, person_id)
        JOIN meetings AS meeting ON meeting.meeting_id = given.meeting_id
        LEFT JOIN directory_municipalities AS municipality ON municipality.ags = meeting.ags
        LEFT JOIN guests AS guest ON guest.meeting_id = given.meeting_id AND guest.person_id = given.person_id
        """,
        [item.id for item in due],
        [item.subject_id for item in due],
        [item.person_id for item in due],
    )
    meetings: dict[UUID, tuple[MeetingFacts, datetime]] = {}
    matters: dict[UUID, MeetingMatter] = {}
    for row in rows:
        known = meetings.get(row["meeting_id"])
        if known is None:
            facts = _facts(row)
            known = meetings[facts.meeting_id] = facts, end_instant(facts.start, facts.duration_minutes) + LINK_OUTLIVES_MEETING
        matters[row["id"]] = MeetingMatter(*known, row["cancelled"], row["invitation_id"])
    return matters


def _facts(row: Any) -> MeetingFacts:
    return MeetingFacts(
        meeting_id=row["meeting_id"],
        kind=MeetingKind(row["kind"]),
        title=row["title"],
        start=ZonedDateTime.model_construct(time_zone=row["start_time_zone"], local=row["start_local"]),
        starts_at=row["starts_at"],
        duration_minutes=row["duration_minutes"],
        place=row["place"],
        link=row["link"],
        revision=row["revision"],
        municipality_name=row["municipality_name"],
    )
