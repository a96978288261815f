"""Records as the platform would leave them, for tests of the auditor's law: a test tells a story, bends it, and audits."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.faults.audit.intentions import INVITATIONS_ISSUED, SIGN_IN_REQUESTED
from tests.faults.audit.records import Attempt, Delivery, Evidence, LedgerMail, Person, SourceEvent, TakenMail
from tests.faults.auditor import Report, audit

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MEETING = UUID(int=1)


@dataclass
class Story:
    """Records as the platform would leave them; a test changes some and audits."""

    events: list[SourceEvent] = field(default_factory=list[SourceEvent])
    people: dict[UUID, Person] = field(default_factory=dict[UUID, Person])
    deliveries: list[Delivery] = field(default_factory=list[Delivery])
    mails: list[LedgerMail] = field(default_factory=list[LedgerMail])
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    taken: list[TakenMail] = field(default_factory=list[TakenMail])
    versions: int = 0

    def person(self, **more: Any) -> UUID:
        person_id = uuid4()
        self.people[person_id] = Person(frozenset({f"{person_id}@example.org"}), **more)
        return person_id

    def happens(self, type_: str, **payload: Any) -> SourceEvent:
        event = SourceEvent(uuid4(), type_, payload.pop("subject", MEETING), 1, NOW, len(self.events), payload)
        self.events.append(event)
        return event

    def state(self, type_: str, revision: int) -> SourceEvent:
        self.versions += 1
        event = self.happens(type_, revision=revision, starts_at=(NOW + timedelta(days=30)).isoformat())
        self.events[-1] = replace(event, sequence=self.versions)
        return self.events[-1]

    def invited(self, *people: UUID) -> SourceEvent:
        return self.happens(INVITATIONS_ISSUED, invitations=[{"person_id": str(person)} for person in people])

    def signs_in(self, *people: UUID) -> SourceEvent:
        expires_at = (NOW + timedelta(minutes=30)).isoformat()
        return self.happens(
            SIGN_IN_REQUESTED, subject=uuid4(), person_ids=[str(person) for person in people], expires_at=expires_at
        )

    def delivery(
        self, event: SourceEvent, person: UUID, status: str, reason: str | None, mail_id: UUID | None = None
    ) -> Delivery:
        self.deliveries.append(Delivery(uuid4(), event.id, person, event.subject, status, reason, mail_id, NOW))
        return self.deliveries[-1]

    def mailed(
        self, event: SourceEvent, person: UUID, kind: str, revision: int | None, status: str = "accepted", *, arrives: bool = True
    ) -> Delivery:
        """A delivery with its mail and one try, which the mail server took or not."""
        mail = LedgerMail(uuid4(), kind, revision)
        self.mails.append(mail)
        self.attempts.append(Attempt(uuid4(), mail.id, status))
        if arrives:
            self.arrives(mail, person)
        return self.delivery(event, person, status, None if status == "accepted" else "no-reply", mail.id)

    def arrives(self, mail: LedgerMail, person: UUID) -> None:
        [address] = self.people[person].addresses
        meeting = None if mail.kind == "sign_in" else MEETING
        self.taken.append(
            TakenMail(len(self.taken), mail.id, mail.kind, address, meeting, mail.revision, mail.kind == "cancellation")
        )

    def audit(self, **more: Any) -> Report:
        return audit(
            Evidence(self.events, self.people, self.deliveries, self.mails, self.attempts, self.taken, **more),
        )

    def laws_broken(self, **more: Any) -> set[str]:
        return self.audit(**more).laws_broken()
