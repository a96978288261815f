"""Events of meetings. All are keyed by the meeting, so that they are read in the order in which they happened."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from emon_contracts.envelope import Payload
from emon_contracts.topics import MEETINGS_EVENTS, Topic
from emon_contracts.values import Ags, ZonedDateTime

# So that an event stays far below EVENT_BYTES_MAX however many people are invited.
INVITATIONS_PER_EVENT_MAX = 500


class MeetingKind(StrEnum):
    """Round tables are about tasks, problems and successes; exchanges recur."""

    ROUND_TABLE = "round_table"
    EXCHANGE = "exchange"


class _MeetingFacts(Payload):
    """The whole public state of a meeting. `revision` rises with time, place and cancellation (RFC 5545 SEQUENCE)."""

    TOPIC: ClassVar[Topic] = MEETINGS_EVENTS
    KEY: ClassVar[str] = "meeting_id"

    meeting_id: UUID
    ags: Ags
    kind: MeetingKind
    title: Annotated[str, Field(examples=["Runder Tisch im März"])]
    start: ZonedDateTime
    starts_at: datetime
    duration_minutes: Annotated[int, Field(examples=[90])]
    place: Annotated[str | None, Field(examples=["Rathaus, Sitzungssaal"])]
    link: Annotated[str | None, Field(examples=["https://video.example/runder-tisch"])]
    revision: int


class MeetingScheduled(_MeetingFacts):
    """A meeting has a time and a place."""

    TYPE: ClassVar[str] = "de.emon.meetings.meeting-scheduled.v1"


class MeetingRescheduled(_MeetingFacts):
    """Time or place of a meeting changed."""

    TYPE: ClassVar[str] = "de.emon.meetings.meeting-rescheduled.v1"


class MeetingRetitled(_MeetingFacts):
    """Only the title changed: nobody is told for that alone, and the next mail bears the new title."""

    TYPE: ClassVar[str] = "de.emon.meetings.meeting-retitled.v1"


class MeetingCancelled(_MeetingFacts):
    """A meeting does not take place."""

    TYPE: ClassVar[str] = "de.emon.meetings.meeting-cancelled.v1"


class Reply(StrEnum):
    """What somebody says to an invitation."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    TENTATIVE = "tentative"


class IssuedInvitation(BaseModel):
    """An invitation is an aggregate of its own."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    invitation_id: UUID
    person_id: UUID


class InvitationsIssued(Payload):
    """People were invited, at most INVITATIONS_PER_EVENT_MAX in one event, each of them once per meeting."""

    TYPE: ClassVar[str] = "de.emon.meetings.invitations-issued.v1"
    TOPIC: ClassVar[Topic] = MEETINGS_EVENTS
    KEY: ClassVar[str] = "meeting_id"

    meeting_id: UUID
    ags: Ags
    invitations: tuple[IssuedInvitation, ...]


class InvitationReplied(Payload):
    """Somebody said whether they come, to the meeting as `revision` has it. `replied_by`: they, or who noted it for them."""

    TYPE: ClassVar[str] = "de.emon.meetings.invitation-replied.v1"
    TOPIC: ClassVar[Topic] = MEETINGS_EVENTS
    KEY: ClassVar[str] = "meeting_id"

    meeting_id: UUID
    ags: Ags
    invitation_id: UUID
    person_id: UUID
    reply: Reply
    revision: int
    replied_by: UUID
