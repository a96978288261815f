"""What the auditor compares, as plain records: what was committed, what the mail server took, what the ledger says.

The auditor shares no code with the platform, so that both cannot be wrong in the same way. Nothing here is an address, but for
`Person.addresses` and `TakenMail.address`, which no report shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


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
    """Everything the directory ever said of somebody: mail may be under way to an address they had a moment ago."""

    addresses: frozenset[str] = frozenset()
    version: int = 0
    was_without_address: bool = False
    was_erased: bool = False


@dataclass(frozen=True, slots=True)
class Intention:
    """Somebody is to hear of an event.

    `offset` orders the intentions for one person and subject. `revision` is the state of a meeting that they are to know of at
    least; `deadline` is when it is too late to tell them.
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
    """A row of the ledger: what became of an event for a person."""

    id: UUID
    event_id: UUID
    person_id: UUID
    subject_id: UUID
    status: str
    reason: str | None
    mail_id: UUID | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class LedgerMail:
    """A row of the ledger: an SMTP message."""

    id: UUID
    kind: str
    revision: int | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of the ledger: one try of a mail. `outcome` None: under way."""

    id: UUID
    mail_id: UUID
    outcome: str | None
    code: int | None = None


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


@dataclass(frozen=True, slots=True)
class Committed:
    """What the databases of meetings and contacts hold: the versions of meetings and people, who is invited, who should be."""

    versions: Mapping[UUID, int] = field(default_factory=dict[UUID, int])
    people: Mapping[UUID, int] = field(default_factory=dict[UUID, int])  # person -> version
    invited: frozenset[tuple[UUID, UUID]] = frozenset()  # meeting, person
    due: frozenset[tuple[UUID, UUID]] = frozenset()  # the same, for members of whom a meeting that stands is for


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
    promised: Mapping[UUID, int] = field(default_factory=dict[UUID, int])  # meeting -> version that the API confirmed
    promised_links: Mapping[UUID, int] = field(default_factory=dict[UUID, int])  # person -> requests that the API took
    dead_letters: int = 0
    subjects: frozenset[UUID] | None = None
