"""What justifies that a delivery ended as it did: one function for each state, from what was committed and from the tries."""

from collections.abc import Callable, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from tests.faults.audit.history import FEEDBACK_NEWS, FEEDBACK_OVERDUE, MEETING_CANCELLED, History
from tests.faults.audit.records import Delivery, Evidence, Intention, LedgerMail, Person

REQUESTS = frozenset({"feedback_asked", "feedback_reminder", "feedback_escalation"})

SOONEST_EXPIRY = timedelta(hours=24)
"""Nothing expires sooner after its event, but for its own deadline: that is how long somebody unknown is waited for."""


@dataclass(frozen=True)
class Trial:
    """What the functions below look at.

    By person and subject: the mails that may have arrived, and the newest intention. By person: the mails that introduced them.
    """

    evidence: Evidence
    history: History
    told: Mapping[tuple[UUID, UUID], Sequence[LedgerMail]]
    newest: Mapping[tuple[UUID, UUID], int]
    refused: AbstractSet[UUID]  # mails with a try that was refused for good
    introducing: Mapping[UUID, AbstractSet[UUID]]

    def person(self, person_id: UUID) -> Person:
        """What the directory said of them; nothing, where it did not know them."""
        return self.evidence.people.get(person_id, Person())


Justified = Callable[[Intention, Delivery, Trial], bool]


def _by_its_try(_intention: Intention, _delivery: Delivery, _trial: Trial) -> bool:
    return True  # laws.what_was_accepted_was_taken asks for the try


def _newer_is_intended(intention: Intention, _delivery: Delivery, trial: Trial) -> bool:
    return trial.newest[intention.person_id, intention.subject_id] > intention.offset


def _nothing_to_tell(intention: Intention, delivery: Delivery, trial: Trial) -> bool:
    told = [mail for mail in trial.told.get((intention.person_id, intention.subject_id), ()) if mail.id != delivery.mail_id]
    match delivery.reason:
        case "nothing-new":
            knows = any(mail.kind == "cancellation" or (mail.revision or 0) >= (intention.revision or 0) for mail in told)
            return knows or _need_not_act_any_more(intention, trial)
        case "introduced-already":
            return bool(trial.introducing.get(intention.person_id, set[UUID]()) - {delivery.mail_id})
        case "cancelled-before-invited":
            return not told and bool(trial.history.about(intention.subject_id, MEETING_CANCELLED))
        case "no-address":
            return trial.person(intention.person_id).was_without_address
        case _:
            return False


def _need_not_act_any_more(intention: Intention, trial: Trial) -> bool:
    """Whoever was asked to act on feedback, and somebody did, or others are asked meanwhile."""
    later = trial.history.about(intention.subject_id, *FEEDBACK_NEWS, FEEDBACK_OVERDUE)
    return intention.kind in REQUESTS and any(event.offset > intention.offset for event in later)


def _was_refused(_intention: Intention, delivery: Delivery, trial: Trial) -> bool:
    return delivery.mail_id in trial.refused


def _address_was_refused_before(intention: Intention, _delivery: Delivery, trial: Trial) -> bool:
    addresses = trial.person(intention.person_id).addresses
    return any(
        other.mail_id in trial.refused and addresses & trial.person(other.person_id).addresses
        for other in trial.evidence.deliveries
    )


def _was_too_late(intention: Intention, delivery: Delivery, _trial: Trial) -> bool:
    limit = intention.occurred_at + SOONEST_EXPIRY
    return delivery.updated_at >= (limit if intention.deadline is None else min(limit, intention.deadline))


def _was_erased(intention: Intention, _delivery: Delivery, trial: Trial) -> bool:
    return trial.person(intention.person_id).was_erased


def _staff_cancelled(_intention: Intention, delivery: Delivery, trial: Trial) -> bool:
    return delivery.id in trial.evidence.decisions.cancelled


def _has_no_address(intention: Intention, _delivery: Delivery, trial: Trial) -> bool:
    return trial.person(intention.person_id).was_without_address


JUSTIFICATIONS: Mapping[str, Justified] = {
    "accepted": _by_its_try,
    "uncertain": _by_its_try,
    "superseded": _newer_is_intended,
    "skipped": _nothing_to_tell,
    "bounced": _was_refused,
    "suppressed": _address_was_refused_before,
    "expired": _was_too_late,
    "erased": _was_erased,
    "cancelled": _staff_cancelled,
    "by_hand": _has_no_address,
}
"""A state that does not stand here is none in which a delivery may rest once all is quiet."""
