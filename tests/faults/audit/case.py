"""A case: the evidence, put in order for the law, and what breaks it."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from tests.faults.audit.history import History
from tests.faults.audit.intentions import intentions_of
from tests.faults.audit.justifications import Trial
from tests.faults.audit.records import Delivery, Evidence, Intention, LedgerMail, Person

ARRIVED_OR_IN_DOUBT = ("accepted", "uncertain")


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """A law that was broken, and the ids of where; never an address."""

    law: str
    about: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.law}: " + ", ".join(f"{name} {value}" for name, value in self.about)


def violation(law: str, **ids: object) -> Violation:
    """A broken law; ids that are None are left out."""
    return Violation(law, tuple((name, str(value)) for name, value in ids.items() if value is not None))


class Case:
    """The evidence, put in order."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.history = History(evidence.events)
        self.intentions = [item for item in intentions_of(self.history) if self.is_asked_about(item.subject_id)]
        self.deliveries = [item for item in evidence.deliveries if self.is_asked_about(item.subject_id)]
        self.mails = {mail.id: mail for mail in evidence.mails}

    def is_asked_about(self, subject_id: UUID) -> bool:
        """Whether the audit is about this subject."""
        return self.evidence.subjects is None or subject_id in self.evidence.subjects

    @cached_property
    def intended(self) -> dict[tuple[UUID, UUID], Intention]:
        """By event and person."""
        return {(item.event_id, item.person_id): item for item in self.intentions}

    @cached_property
    def to_introduce(self) -> dict[UUID, Person]:
        """Everybody who was entered by others."""
        people = self.evidence.people
        return {id_: person for id_, person in people.items() if person.entered_by_others and self.is_asked_about(id_)}

    def intention_of(self, delivery: Delivery) -> Intention | None:
        """What a delivery is owed for: an event, or that the directory has somebody whom others entered."""
        if not delivery.introduces:
            return self.intended.get((delivery.event_id, delivery.person_id))
        person_id, person = delivery.person_id, self.to_introduce.get(delivery.person_id)
        if person is None:
            return None
        return Intention(delivery.event_id, person_id, person_id, "introduction", 0, person.known_since)

    @cached_property
    def ledger(self) -> dict[tuple[UUID, UUID], list[Delivery]]:
        """By event and person: one each, if all is well."""
        found: dict[tuple[UUID, UUID], list[Delivery]] = defaultdict(list)
        for delivery in self.deliveries:
            found[delivery.event_id, delivery.person_id].append(delivery)
        return found

    @cached_property
    def deliveries_of_mail(self) -> dict[UUID, list[Delivery]]:
        """Also those that are not asked about: their mails are on the server too."""
        found: dict[UUID, list[Delivery]] = defaultdict(list)
        for delivery in self.evidence.deliveries:
            if delivery.mail_id is not None:
                found[delivery.mail_id].append(delivery)
        return found

    @cached_property
    def introducing(self) -> dict[UUID, set[UUID]]:
        """By person: the mails that introduced them, or of which nobody knows."""
        found: dict[UUID, set[UUID]] = defaultdict(set)
        for mail in self.evidence.taken:
            if mail.introduces is not None and mail.mail_id is not None:
                found[mail.introduces].add(mail.mail_id)
        for mail in self.evidence.mails:
            if mail.introduces is not None and self.may_have_arrived(mail.id):
                found[mail.introduces].add(mail.id)
        return found

    @cached_property
    def outcomes(self) -> dict[UUID, Counter[str | None]]:
        """How the tries of each mail ended."""
        found: dict[UUID, Counter[str | None]] = defaultdict(Counter)
        for attempt in self.evidence.attempts:
            found[attempt.mail_id][attempt.outcome] += 1
        return found

    @cached_property
    def copies(self) -> Counter[UUID | None]:
        """How often the mail server took each mail."""
        return Counter(mail.mail_id for mail in self.evidence.taken)

    def may_have_arrived(self, mail_id: UUID) -> int:
        """In how many tries."""
        return sum(self.outcomes[mail_id][outcome] for outcome in ARRIVED_OR_IN_DOUBT)

    @cached_property
    def trial(self) -> Trial:
        """What justifications ask for."""
        told: dict[tuple[UUID, UUID], list[LedgerMail]] = defaultdict(list)
        for mail_id, deliveries in self.deliveries_of_mail.items():
            if mail_id in self.mails and self.may_have_arrived(mail_id):
                for delivery in deliveries:
                    told[delivery.person_id, delivery.subject_id].append(self.mails[mail_id])
        newest: dict[tuple[UUID, UUID], int] = defaultdict(int)
        for item in self.intentions:
            key = (item.person_id, item.subject_id)
            newest[key] = max(newest[key], item.offset)
        refused = {attempt.mail_id for attempt in self.evidence.attempts if attempt.outcome == "bounced"}
        return Trial(self.evidence, self.history, told, newest, refused, self.introducing)
