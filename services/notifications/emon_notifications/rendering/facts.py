"""What a mail says, and to whom."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, NamedTuple
from uuid import UUID

from emon_contracts.actors import Role
from emon_contracts.events.feedback import Awaited, FeedbackKind
from emon_contracts.events.meetings import MeetingKind
from emon_contracts.values import ZonedDateTime


class MailKind(StrEnum):
    """Each kind has a folder of templates with this name."""

    INVITATION = "invitation"
    CHANGE = "change"
    CANCELLATION = "cancellation"
    SIGN_IN = "sign_in"
    FEEDBACK_ASKED = "feedback_asked"
    FEEDBACK_REMINDER = "feedback_reminder"
    FEEDBACK_ESCALATION = "feedback_escalation"
    FEEDBACK_CONTINUED = "feedback_continued"
    FEEDBACK_ACKNOWLEDGED = "feedback_acknowledged"
    FEEDBACK_PUT_OFF = "feedback_put_off"
    FEEDBACK_ANSWERED = "feedback_answered"
    INTRODUCTION = "introduction"
    ADDRESS_CONFIRMATION = "address_confirmation"
    ADDRESS_CHANGED = "address_changed"


@dataclass(frozen=True, slots=True)
class MeetingFacts:
    """The public state of a meeting, as MeetingScheduled and its successors say it."""

    meeting_id: UUID
    kind: MeetingKind
    title: str
    start: ZonedDateTime
    starts_at: datetime
    duration_minutes: int
    place: str | None
    link: str | None
    revision: int
    municipality_name: str | None
    links: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """A sign-in mail holds one link for each of the `people` who share the mailbox."""

    expires_at: datetime
    people: int

    @property
    def links(self) -> int:
        """How many personal links the mail holds."""
        return self.people


@dataclass(frozen=True, slots=True)
class FeedbackFacts:
    """What a mail may say of feedback. `awaited` and `due_by` are what is asked for, or promised, and by the end of which day."""

    kind: FeedbackKind
    awaited: Awaited
    due_by: date | None
    municipality_name: str | None
    links: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """A question to a proposed address, which can be answered until `expires_at`.

    `by_themself` is false where others proposed it, because the person's own takes no mail.
    """

    expires_at: datetime
    by_themself: bool
    links: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class NoFacts:
    """A mail that says the same to everybody, or does nothing but introduce."""

    links: ClassVar[int] = 0


Facts = MeetingFacts | SignInFacts | FeedbackFacts | AddressFacts | NoFacts


@dataclass(frozen=True, slots=True)
class Part:
    """As what somebody takes part: a role, in an organisation, in a municipality. Names are None where they are not known."""

    role: Role
    organisation: str | None
    municipality: str | None


@dataclass(frozen=True, slots=True)
class IntroductionFacts:
    """Who entered somebody (None: the administration of the platform), and as what."""

    entered_by: str | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes. Replies go to `reply_to`, which is also the organiser of meetings.

    `domain` stands on the right of calendar UIDs, so it never changes. `public_url` is where the gateway is reached, and
    `sign_in_url` where somebody signs in: at the dashboard, where there is one.
    """

    name: str
    address: str
    reply_to: str
    domain: str
    public_url: str
    sign_in_url: str


class PersonalLink(NamedTuple):
    """A signed link and whose it is. The token consists of characters of base64url."""

    person_name: str
    token: str


@dataclass(frozen=True, slots=True)
class IntroductionLinks:
    """Tokens of the links with which somebody corrects what is stored of them, or erases it."""

    correct: str
    erase: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """One mailbox. `display_name` is None where several people read it; `message_id` has no angle brackets."""

    display_name: str | None
    email: str
    message_id: str
    links: tuple[PersonalLink, ...]
    introduction: IntroductionLinks | None = None
