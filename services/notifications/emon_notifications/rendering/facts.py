"""What a mail says, and to whom."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from emon_contracts.events.meetings import MeetingKind
from emon_contracts.values import ZonedDateTime


class MailKind(StrEnum):
    """Each kind has a folder of templates with this name."""

    INVITATION = "invitation"
    CHANGE = "change"
    CANCELLATION = "cancellation"
    SIGN_IN = "sign_in"


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


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """A sign-in mail holds one link for each of the `people` who share the mailbox."""

    expires_at: datetime
    people: int


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes. Replies go to `reply_to`, which is also the organiser of meetings.

    `domain` stands on the right of calendar UIDs, so it never changes. `public_url` is where the gateway is reached.
    """

    name: str
    address: str
    reply_to: str
    domain: str
    public_url: str


@dataclass(frozen=True, slots=True)
class PersonalLink:
    """A signed link and whose it is. The token consists of characters of base64url."""

    person_name: str
    token: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """One mailbox. `display_name` is None where several people read it; `message_id` has no angle brackets."""

    display_name: str | None
    email: str
    message_id: str
    links: tuple[PersonalLink, ...]
