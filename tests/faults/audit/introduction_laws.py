"""The law of introductions: whoever was entered by others hears so once, and before anything else (GDPR Art. 14). Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from tests.faults.audit.case import Case, Violation, violation
from tests.faults.audit.records import Delivery, TakenMail

ENDED_WITHOUT_A_MAIL = frozenset({"bounced", "suppressed", "expired", "cancelled", "by_hand"})
"""Whether justifiably so is judged like for every other delivery."""


def whoever_others_entered_is_introduced(case: Case) -> Iterator[Violation]:
    """By a mail of any kind; and where the one that does nothing else could not be sent, nothing is hidden."""
    alone = _alone(case)
    for person_id, person in case.to_introduce.items():
        ended = {delivery.status for delivery in alone.get(person_id, ())} & ENDED_WITHOUT_A_MAIL
        if not case.introducing.get(person_id) and not ended and not person.was_erased:
            yield violation("never-introduced", person=person_id)


def nobody_is_introduced_twice_or_for_nothing(case: Case) -> Iterator[Violation]:
    """What may have arrived counts as arrived. Who entered themselves knows."""
    for person_id, mails in case.introducing.items():
        if len(mails) > 1 and case.is_asked_about(person_id):
            yield violation("introduced-twice", person=person_id, mails=len(mails))
        if person_id not in case.to_introduce and case.is_asked_about(person_id):
            yield violation("introduced-for-nothing", person=person_id)
    for person_id, deliveries in _alone(case).items():
        if person_id not in case.to_introduce:
            yield violation("not-intended", person=person_id, delivery=deliveries[0].id)
        if sum(delivery.status != "expired" for delivery in deliveries) > 1:
            yield violation("planned-twice", person=person_id)


def _alone(case: Case) -> Mapping[UUID, Sequence[Delivery]]:
    """By person: what is owed because nothing else introduced them."""
    alone: dict[UUID, list[Delivery]] = defaultdict(list)
    for delivery in case.deliveries:
        if delivery.introduces:
            alone[delivery.person_id].append(delivery)
    return alone


def nobody_hears_anything_before_they_are_introduced(case: Case) -> Iterator[Violation]:
    """Unless nobody knows whether an earlier mail did it. A sign-in mail to several people introduces none of them."""
    first: dict[UUID, TakenMail] = {}
    for mail in sorted(case.evidence.taken, key=lambda mail: mail.order):
        if len(mail.readers) == 1:
            [person_id] = mail.readers
            first.setdefault(person_id, mail)
        elif mail.introduces is not None:
            yield violation("introduced-among-several", mail=mail.mail_id, person=mail.introduces)
    for person_id in case.to_introduce:
        mail = first.get(person_id)
        if mail is not None and mail.introduces != person_id and not _was_in_doubt_before(case, person_id, mail):
            yield violation("told-before-introduced", mail=mail.mail_id, person=person_id, kind=mail.kind)


def _was_in_doubt_before(case: Case, person_id: UUID, mail: TakenMail) -> bool:
    """Whether it was in doubt by the time that this mail was sent that the person had been introduced."""
    sent_at = min((attempt.started_at for attempt in case.evidence.attempts if attempt.mail_id == mail.mail_id), default=None)
    return sent_at is not None and any(started_at <= sent_at for started_at in _doubtful_introductions(case, person_id))


def _doubtful_introductions(case: Case, person_id: UUID) -> Iterator[datetime]:
    for attempt in case.evidence.attempts:
        mail = case.mails.get(attempt.mail_id)
        if attempt.outcome == "uncertain" and mail is not None and mail.introduces == person_id:
            yield attempt.started_at
