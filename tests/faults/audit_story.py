"""Records as the platform would leave them, for tests of the auditor's law: a test tells a story, bends it, and audits."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.faults.audit.history import INVITATIONS_ISSUED, SIGN_IN_REQUESTED
from tests.faults.audit.records import Attempt, Delivery, Evidence, LedgerMail, Link, Person, SourceEvent, TakenMail
from tests.faults.auditor import Report, audit

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MEETING = UUID(int=1)
FEEDBACK = UUID(int=2)


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

    def feedback(self, type_: str, **people: UUID | tuple[UUID, ...] | None) -> SourceEvent:
        """An event about the feedback of this story, one version after the one before."""
        version = 1 + sum(event.subject == FEEDBACK for event in self.events)
        self.happens(type_, subject=FEEDBACK, **{name: _as_published(value) for name, value in people.items()})
        self.events[-1] = replace(self.events[-1], sequence=version)
        return self.events[-1]

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
        self,
        event: SourceEvent,
        person: UUID,
        kind: str,
        revision: int | None,
        status: str = "accepted",
        *,
        arrives: bool = True,
        introduces: bool = False,
    ) -> Delivery:
        """A delivery with its mail and one try, which the mail server took or not."""
        mail = self._tried(LedgerMail(uuid4(), kind, revision, person if introduces else None), person, status, arrives=arrives)
        return self.delivery(event, person, status, None if status == "accepted" else "no-reply", mail.id)

    def introduced(self, person: UUID, status: str = "accepted", reason: str | None = None, *, arrives: bool = True) -> Delivery:
        """A mail that does nothing but introduce; none, where it is owed and was not sent."""
        mail = None
        if status in ("accepted", "uncertain", "bounced"):
            mail = self._tried(LedgerMail(uuid4(), "introduction", None, person), person, status, arrives=arrives)
        self.deliveries.append(Delivery(uuid4(), uuid4(), person, person, status, reason, mail and mail.id, NOW))
        return self.deliveries[-1]

    def _tried(self, mail: LedgerMail, person: UUID, status: str, *, arrives: bool) -> LedgerMail:
        self.mails.append(mail)
        self.attempts.append(Attempt(uuid4(), mail.id, status, started_at=NOW + timedelta(seconds=len(self.attempts))))
        if arrives:
            self.arrives(mail, person)
        return mail

    def arrives(self, mail: LedgerMail, person: UUID) -> None:
        address = min(self.people[person].addresses)
        is_about_meeting = mail.kind in ("invitation", "change", "cancellation")
        self.taken.append(
            TakenMail(
                order=len(self.taken),
                mail_id=mail.id,
                kind=mail.kind,
                address=address,
                meeting_id=MEETING if is_about_meeting else None,
                sequence=mail.revision if is_about_meeting else None,
                is_cancel=mail.kind == "cancellation",
                links=_links(mail, person),
            )
        )

    def audit(self, **more: Any) -> Report:
        return audit(
            Evidence(self.events, self.people, self.deliveries, self.mails, self.attempts, self.taken, **more),
        )

    def laws_broken(self, **more: Any) -> set[str]:
        return self.audit(**more).laws_broken()


def _links(mail: LedgerMail, person: UUID) -> tuple[Link, ...]:
    links: list[Link] = []
    if mail.kind in ("invitation", "change", "cancellation"):
        links.append(Link("invitation", uuid4(), person, mail.revision or 0))
    if mail.kind.startswith("feedback_"):
        links.append(Link("feedback", FEEDBACK, person, mail.revision or 0))
    if mail.kind == "sign_in":
        links.append(Link("sign_in", person, person, 0))
    if mail.introduces is not None:
        links += [Link(purpose, mail.introduces, mail.introduces, 0) for purpose in ("correction", "erasure")]
    return tuple(links)


def _as_published(value: UUID | tuple[UUID, ...] | None) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return None if value is None else [str(person) for person in value]
