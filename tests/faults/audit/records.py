"""What the auditor compares, as plain records: what was committed, what the mail server took, what the ledger says.

The auditor shares no code with the platform, so that both cannot be wrong in the same way. Nothing here is an address, but for
`Person.addresses` and `TakenMail.address`, which no report shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """An event as it first stood in its topic. `offset` orders events of one subject: they share a key, and so a partition."""

    id: UUID
    type: str
    subject: UUID
    sequence: int
    time: datetime
    offset: int
    payload: Mapping[str, Any]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Everything the directory ever said of somebody: mail may be under way to an address they had a moment ago.

    `known_since` is when it first did; `entered_by_others`: not by themselves, but by somebody else or the operator.
    """

    addresses: frozenset[str] = frozenset()
    version: int = 0
    was_without_address: bool = False
    was_erased: bool = False
    entered_by_others: bool = False
    known_since: datetime = LONG_AGO


@dataclass(frozen=True, slots=True)
class Intention:
    """Somebody is to hear of an event.

    `offset` orders the intentions for one person and subject. `revision` is the state of a meeting, or the version of feedback,
    that they are to know of at least; `deadline` is when it is too late to tell them.
    """

    event_id: UUID
    person_id: UUID
    subject_id: UUID
    kind: str
    offset: int
    occurred_at: datetime
    revision: int | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the ledger: what became of an event for a person. One whose subject is the person themself introduces them."""

    id: UUID
    event_id: UUID
    person_id: UUID
    subject_id: UUID
    status: str
    reason: str | None
    mail_id: UUID | None
    updated_at: datetime

    @property
    def introduces(self) -> bool:
        """Whether it is owed because nothing else introduced this person."""
        return self.subject_id == self.person_id


@dataclass(frozen=True, slots=True)
class LedgerMail:
    """A row of the ledger: an SMTP message. `introduces` is whom it tells who entered them."""

    id: UUID
    kind: str
    revision: int | None
    introduces: UUID | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of the ledger: one try of a mail. `outcome` None: under way."""

    id: UUID
    mail_id: UUID
    outcome: str | None
    code: int | None = None
    started_at: datetime = LONG_AGO


@dataclass(frozen=True, slots=True)
class Link:
    """A link in a mail: what it is for, what it is about in which state, and who may follow it."""

    purpose: str
    subject_id: UUID
    person_id: UUID
    revision: int


@dataclass(frozen=True, slots=True)
class TakenMail:
    """A mail that the mail server took for good. `order`: of acceptance. `meeting_id` and `sequence` are its calendar part's."""

    order: int
    mail_id: UUID | None
    kind: str
    address: str
    meeting_id: UUID | None = None
    sequence: int | None = None
    is_cancel: bool = False
    links: tuple[Link, ...] = ()

    @property
    def readers(self) -> frozenset[UUID]:
        """Whom its links are for."""
        return frozenset(link.person_id for link in self.links)

    @property
    def introduces(self) -> UUID | None:
        """Whom it tells who entered them: it has both the link to correct and the one to erase."""
        correct, erase = ({link.subject_id for link in self.links if link.purpose == of} for of in ("correction", "erasure"))
        return next(iter(correct & erase), None)

    @property
    def feedback(self) -> Link | None:
        """The link to the feedback that it is about."""
        return next((link for link in self.links if link.purpose == "feedback"), None)

    @property
    def subject_id(self) -> UUID | None:
        """The meeting or the feedback that it is about."""
        return self.meeting_id or (self.feedback and self.feedback.subject_id)

    @property
    def state(self) -> int | None:
        """Which state of its subject it tells of."""
        return self.feedback.revision if self.feedback is not None else self.sequence


@dataclass(frozen=True, slots=True)
class Committed:
    """What the databases of meetings, feedback and contacts hold."""

    versions: Mapping[UUID, int] = field(default_factory=dict[UUID, int])  # of meetings and feedback
    people: Mapping[UUID, int] = field(default_factory=dict[UUID, int])  # person -> version
    erased: Mapping[UUID, int] = field(default_factory=dict[UUID, int])  # person -> version of the end
    invited: frozenset[tuple[UUID, UUID]] = frozenset()  # meeting, person
    due: frozenset[tuple[UUID, UUID]] = frozenset()  # the same, for members of whom a meeting that stands is for
    replies: Mapping[UUID, tuple[int, str]] = field(default_factory=dict[UUID, tuple[int, str]])  # invitation -> version, reply
    asked: frozenset[tuple[UUID, UUID]] = frozenset()  # feedback that waits, person who is asked now


@dataclass(frozen=True, slots=True)
class Written:
    """Feedback as it was submitted: by whom, None where they gave no name, and about which person, if about one."""

    author: UUID | None = None
    about: UUID | None = None


@dataclass(frozen=True, slots=True)
class Promises:
    """What the API confirmed, as its callers know it."""

    meetings: Mapping[UUID, int] = field(default_factory=dict[UUID, int])  # version
    links: Mapping[UUID, int] = field(default_factory=dict[UUID, int])  # person -> requests
    replies: Mapping[tuple[UUID, UUID], str] = field(default_factory=dict[tuple[UUID, UUID], str])  # meeting, person -> the last
    feedback: Mapping[UUID, Mapping[str, int]] = field(
        default_factory=dict[UUID, Mapping[str, int]]
    )  # -> type of event -> how often
    written: Mapping[UUID, Written] = field(default_factory=dict[UUID, Written])
    erased: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Decisions:
    """What staff decided about deliveries, as they know it themselves: the ledger keeps no record of a release."""

    released: frozenset[UUID] = frozenset()
    cancelled: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything an audit looks at. `subjects` None: all; otherwise the audit keeps to what is about these."""

    events: Sequence[SourceEvent]
    people: Mapping[UUID, Person]
    deliveries: Sequence[Delivery]
    mails: Sequence[LedgerMail]
    attempts: Sequence[Attempt]
    taken: Sequence[TakenMail]
    committed: Committed | None = None
    decisions: Decisions = Decisions()
    promises: Promises = Promises()
    dead_letters: int = 0
    subjects: frozenset[UUID] | None = None
