"""The law: what must hold between what was committed, what the mail server took, and the ledger. Pure.

Each function of LAWS looks at one thing and yields what breaks it; a law for a new kind of mail is one more function there.
What justifies a delivery that led to no mail stands in justifications.py, what holds for feedback and introductions alone in
feedback_laws.py and introduction_laws.py.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from uuid import UUID

from tests.faults.audit.case import ARRIVED_OR_IN_DOUBT, Case, Violation, violation
from tests.faults.audit.feedback_laws import (
    each_event_about_feedback_knows_its_author,
    each_mail_about_feedback_is_as_new_as_its_event,
    each_mail_about_feedback_says_what_was_so,
    nobody_hears_what_is_said_of_them,
)
from tests.faults.audit.history import (
    FEEDBACK_ASKS,
    FEEDBACK_STATES,
    INVITATION_REPLIED,
    INVITATIONS_ISSUED,
    MEETING_CANCELLED,
    MEETING_STATES,
    SIGN_IN_REQUESTED,
)
from tests.faults.audit.introduction_laws import (
    nobody_hears_anything_before_they_are_introduced,
    nobody_is_introduced_twice_or_for_nothing,
    whoever_others_entered_is_introduced,
)
from tests.faults.audit.justifications import JUSTIFICATIONS
from tests.faults.audit.records import LedgerMail, SourceEvent, TakenMail

WITH_CALENDAR = frozenset({"invitation", "change", "cancellation"})
RESENT_BY_ITSELF = frozenset({"sign_in"})
"""Wanted now or not at all, and harmless twice: what is in doubt is sent again without anybody's decision."""
SEVERAL_IN_ONE_MAIL = frozenset({"sign_in"})

Law = Callable[[Case], Iterator[Violation]]


def what_was_committed_was_published(case: Case) -> Iterator[Violation]:
    """Every version of every meeting and all feedback, and every invitation and reply, stands in the topic."""
    committed = case.evidence.committed
    if committed is None:
        return
    for subject_id, version in committed.versions.items():
        published = {event.sequence for event in case.history.about(subject_id, *MEETING_STATES, *FEEDBACK_STATES)}
        for missing in sorted(set(range(1, version + 1)) - published):
            yield violation("event-lost", subject=subject_id, version=missing)
    issued = {
        (event.subject, UUID(invitation["person_id"]))
        for event in case.history.events
        if event.type == INVITATIONS_ISSUED
        for invitation in event.payload["invitations"]
    }
    for meeting_id, person_id in sorted(committed.invited - issued):
        yield violation("event-lost", meeting=meeting_id, person=person_id)
    for invitation_id, (version, reply) in committed.replies.items():
        replied = {event.sequence: event.payload["reply"] for event in case.history.about(invitation_id, INVITATION_REPLIED)}
        if replied.get(version) != reply or len(replied) < version - 1:  # the first version is the invitation itself
            yield violation("event-lost", invitation=invitation_id, version=version)


def whoever_is_to_act_on_feedback_is_asked(case: Case) -> Iterator[Violation]:
    """The newest event that asks names everybody of whom feedback knows that they are asked."""
    committed = case.evidence.committed
    for feedback_id, person_id in sorted(committed.asked) if committed is not None else ():
        asks = case.history.about(feedback_id, *FEEDBACK_ASKS)
        if not asks or str(person_id) not in asks[-1].payload["asked"]:
            yield violation("not-asked", feedback=feedback_id, person=person_id)


def everybody_is_in_the_directory_as_they_are(case: Case) -> Iterator[Violation]:
    """And nobody who was erased."""
    committed = case.evidence.committed
    if committed is None:
        return
    for person_id, version in (*committed.people.items(), *committed.erased.items()):
        known = case.evidence.people.get(person_id)
        if known is None or known.version < version or (person_id in committed.erased and not known.was_erased):
            yield violation("event-lost", person=person_id, version=version)


def whoever_a_meeting_is_for_is_invited(case: Case) -> Iterator[Violation]:
    """All members of an organisation, also those who joined later."""
    committed = case.evidence.committed
    for meeting_id, person_id in sorted(committed.due - committed.invited) if committed else ():
        yield violation("not-invited", meeting=meeting_id, person=person_id)


def what_the_api_confirmed_happened(case: Case) -> Iterator[Violation]:
    """Whoever got an answer can rely on it, whatever was killed a moment later."""
    promises = case.evidence.promises
    for meeting_id, version in promises.meetings.items():
        if max((event.sequence for event in case.history.about(meeting_id, *MEETING_STATES)), default=0) < version:
            yield violation("promise-broken", meeting=meeting_id, version=version)
    links = Counter(
        UUID(person) for event in case.history.events if event.type == SIGN_IN_REQUESTED for person in event.payload["person_ids"]
    )
    for person_id, requests in promises.links.items():
        if links[person_id] < requests:
            yield violation("promise-broken", person=person_id, requests=requests, links=links[person_id])
    for feedback_id, confirmed in promises.feedback.items():
        happened = Counter(event.type for event in case.history.about(feedback_id, *FEEDBACK_STATES))
        for type_, times in confirmed.items():
            if happened[type_] < times:
                yield violation("promise-broken", feedback=feedback_id, type=type_, times=times)
    for person_id in sorted(promises.erased):
        if not case.trial.person(person_id).was_erased:
            yield violation("promise-broken", person=person_id, erased="never")


def what_somebody_replied_last_stands(case: Case) -> Iterator[Violation]:
    """Per meeting and person: the newest reply that was published is the last that the API confirmed."""
    newest: dict[tuple[UUID, UUID], SourceEvent] = {}
    for event in sorted(case.history.events, key=lambda event: event.sequence):
        if event.type == INVITATION_REPLIED:
            newest[UUID(event.payload["meeting_id"]), UUID(event.payload["person_id"])] = event
    for (meeting_id, person_id), reply in case.evidence.promises.replies.items():
        event = newest.get((meeting_id, person_id))
        if event is None or event.payload["reply"] != reply:
            yield violation("promise-broken", meeting=meeting_id, person=person_id, reply=reply)


def each_intention_is_in_the_ledger_once(case: Case) -> Iterator[Violation]:
    """And nothing else is. Introductions, which no event intends, have a law of their own."""
    for event_id, person_id in sorted(case.intended.keys() - case.ledger.keys()):
        yield violation("never-planned", event=event_id, person=person_id)
    for (event_id, person_id), deliveries in case.ledger.items():
        if (event_id, person_id) not in case.intended and not deliveries[0].introduces:
            yield violation("not-intended", event=event_id, person=person_id, delivery=deliveries[0].id)
        if len(deliveries) > 1:
            yield violation("planned-twice", event=event_id, person=person_id)


def each_delivery_ended_for_a_reason(case: Case) -> Iterator[Violation]:
    """Each state is justified by what was committed and what the tries brought."""
    for delivery in case.deliveries:
        intention = case.intention_of(delivery)
        where = {"delivery": delivery.id, "event": delivery.event_id, "person": delivery.person_id}
        justified = JUSTIFICATIONS.get(delivery.status)
        if justified is None:
            yield violation("unsettled", **where, status=delivery.status, reason=delivery.reason)
        elif delivery.status not in ("accepted", "uncertain") and not delivery.reason:
            yield violation("no-reason", **where, status=delivery.status)
        elif intention is not None and not justified(intention, delivery, case.trial):
            yield violation("not-justified", **where, status=delivery.status, reason=delivery.reason)


def what_was_accepted_was_taken(case: Case) -> Iterator[Violation]:
    """A delivery that is accepted has its mail, whose tries say so; one that is uncertain a try that is in doubt."""
    for delivery in case.deliveries:
        if delivery.status not in ARRIVED_OR_IN_DOUBT:
            continue
        tries = case.outcomes[delivery.mail_id] if delivery.mail_id is not None else Counter[str | None]()
        if not tries[delivery.status]:
            yield violation("no-try", delivery=delivery.id, status=delivery.status)
        if delivery.status == "accepted" and not case.copies[delivery.mail_id]:
            yield violation("accepted-but-lost", delivery=delivery.id, mail=delivery.mail_id)


def no_mail_was_taken_more_often_than_the_ledger_knows(case: Case) -> Iterator[Violation]:
    """Once for each try that was accepted, once more at most for each that is in doubt."""
    for mail_id, copies in case.copies.items():
        if mail_id is None or mail_id not in case.mails:
            yield violation("taken-but-not-known", mail=mail_id or "without a Message-ID of ours", copies=copies)
        elif not case.deliveries_of_mail[mail_id] and not (
            case.evidence.decisions.released and case.outcomes[mail_id]["uncertain"]
        ):
            # A delivery that staff release is written anew where there is something newer to say.
            yield violation("mail-of-no-delivery", mail=mail_id)
        elif copies > (possible := case.may_have_arrived(mail_id)):
            law = "doubled" if possible else "taken-but-not-known"
            yield violation(law, mail=mail_id, copies=copies, tries=possible)
    for mail_id in case.mails:
        if case.copies[mail_id] < case.outcomes[mail_id]["accepted"]:
            yield violation("accepted-but-lost", mail=mail_id, copies=case.copies[mail_id])


def what_is_in_doubt_is_tried_again_only_by_staff(case: Case) -> Iterator[Violation]:
    """Sign-in mails excepted."""
    for mail_id, mail in case.mails.items():
        releases = sum(delivery.id in case.evidence.decisions.released for delivery in case.deliveries_of_mail[mail_id])
        if mail.kind not in RESENT_BY_ITSELF and case.may_have_arrived(mail_id) > 1 + releases:
            yield violation("tried-again-in-doubt", mail=mail_id)
        if mail.kind not in SEVERAL_IN_ONE_MAIL and len(case.deliveries_of_mail[mail_id]) > 1:
            yield violation("one-mail-for-several", mail=mail_id)


def each_mail_says_what_the_ledger_says(case: Case) -> Iterator[Violation]:
    """And goes to an address of the person it is for, with links for them."""
    for mail in case.evidence.taken:
        known = case.mails.get(mail.mail_id) if mail.mail_id is not None else None
        if known is None:
            continue
        deliveries = case.deliveries_of_mail[known.id]
        is_about_it = not deliveries or mail.subject_id in {None, *(delivery.subject_id for delivery in deliveries)}
        if not (_says_the_same(mail, known) and is_about_it):
            yield violation("mail-differs-from-ledger", mail=known.id, kind=mail.kind, state=mail.state)
        for delivery in deliveries:
            person = case.evidence.people.get(delivery.person_id)
            if person is not None and mail.address not in person.addresses:
                yield violation("wrong-address", mail=known.id, person=delivery.person_id)
            if delivery.person_id not in mail.readers:
                yield violation("links-of-somebody-else", mail=known.id, person=delivery.person_id)


def _says_the_same(mail: TakenMail, known: LedgerMail) -> bool:
    about_a_meeting, about_feedback = known.kind in WITH_CALENDAR, known.kind.startswith("feedback_")
    return (mail.kind, mail.introduces, mail.is_cancel) == (known.kind, known.introduces, known.kind == "cancellation") and (
        (mail.meeting_id is not None, mail.feedback is not None, mail.state)
        == (about_a_meeting, about_feedback, known.revision if about_a_meeting or about_feedback else None)
    )


def each_mail_tells_of_a_state_that_was(case: Case) -> Iterator[Violation]:
    """A committed one, and none older than the event that the mail is for."""
    for mail in case.evidence.taken:
        if mail.meeting_id is None or mail.mail_id is None or not case.history.about(mail.meeting_id, *MEETING_STATES):
            continue
        states = [
            state for state in case.history.about(mail.meeting_id, *MEETING_STATES) if state.payload["revision"] == mail.sequence
        ]
        if not any((state.type == MEETING_CANCELLED) == mail.is_cancel for state in states):
            yield violation("state-that-never-was", mail=mail.mail_id, sequence=mail.sequence)
        for delivery in case.deliveries_of_mail[mail.mail_id]:
            intention = case.intended.get((delivery.event_id, delivery.person_id))
            if intention and delivery.status == "accepted" and (mail.sequence or 0) < (intention.revision or 0):
                yield violation("older-than-its-event", mail=mail.mail_id, event=delivery.event_id, sequence=mail.sequence)


def nobody_hears_an_older_state_after_a_newer_one(case: Case) -> Iterator[Violation]:
    """Per person and subject, in the order in which the mail server took the mails; nothing but the cancellation is last."""
    stories: dict[tuple[UUID, UUID], dict[UUID, TakenMail]] = defaultdict(dict)
    for mail in sorted(case.evidence.taken, key=lambda mail: mail.order):
        if mail.subject_id is not None and mail.mail_id is not None and case.is_asked_about(mail.subject_id):
            for delivery in case.deliveries_of_mail[mail.mail_id]:
                # Another copy of the same mail is for the law about copies.
                stories[delivery.person_id, mail.subject_id].setdefault(mail.mail_id, mail)
    for (person_id, subject_id), story in stories.items():
        for earlier, later in pairwise(story.values()):
            where = {"person": person_id, "subject": subject_id, "mail": later.mail_id, "state": later.state}
            if earlier.is_cancel:
                yield violation("after-the-cancellation", **where)
            elif (later.state or 0) == (earlier.state or 0):
                yield violation("told-twice", **where)
            elif (later.state or 0) < (earlier.state or 0):
                yield violation("older-after-newer", **where)


def nothing_was_given_up_as_unreadable(case: Case) -> Iterator[Violation]:
    """A dead letter is an event that nobody hears of."""
    if case.evidence.dead_letters:
        yield violation("dead-letters", count=case.evidence.dead_letters)


LAWS: Sequence[Law] = (
    what_was_committed_was_published,
    everybody_is_in_the_directory_as_they_are,
    whoever_a_meeting_is_for_is_invited,
    whoever_is_to_act_on_feedback_is_asked,
    what_the_api_confirmed_happened,
    what_somebody_replied_last_stands,
    each_intention_is_in_the_ledger_once,
    each_delivery_ended_for_a_reason,
    what_was_accepted_was_taken,
    no_mail_was_taken_more_often_than_the_ledger_knows,
    what_is_in_doubt_is_tried_again_only_by_staff,
    each_mail_says_what_the_ledger_says,
    each_mail_tells_of_a_state_that_was,
    nobody_hears_an_older_state_after_a_newer_one,
    each_mail_about_feedback_says_what_was_so,
    each_mail_about_feedback_is_as_new_as_its_event,
    nobody_hears_what_is_said_of_them,
    each_event_about_feedback_knows_its_author,
    whoever_others_entered_is_introduced,
    nobody_is_introduced_twice_or_for_nothing,
    nobody_hears_anything_before_they_are_introduced,
    nothing_was_given_up_as_unreadable,
)
