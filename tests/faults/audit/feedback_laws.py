"""The law of feedback: what a mail says was so, whoever is asked hears it, and nobody hears what is said of them. Pure."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from tests.faults.audit.case import Case, Violation, violation
from tests.faults.audit.history import FEEDBACK_ASKS, FEEDBACK_CONTINUED, FEEDBACK_NEWS, FEEDBACK_STATES
from tests.faults.audit.intentions import KINDS_OF_NEWS, kind_of_request
from tests.faults.audit.records import SourceEvent, TakenMail


def each_mail_about_feedback_says_what_was_so(case: Case) -> Iterator[Violation]:
    """Of the version in its link, to this reader; and nobody is only told that the author wrote back who is still to act."""
    for mail, person_id in _mails_to(case):
        where = {"mail": mail.mail_id, "person": person_id, "version": mail.state, "kind": mail.kind}
        events = case.history.about(_of(mail), *FEEDBACK_STATES)
        if mail.state not in {event.sequence for event in events}:
            yield violation("state-that-never-was", **where)
            continue
        so = _what_is_so([event for event in events if event.sequence <= mail.state], person_id)
        if mail.kind not in so:
            yield violation("says-what-is-not-so", **where)
        told = [known.revision or 0 for known in case.trial.told.get((person_id, _of(mail)), ())]
        for kind in so.keys() - KINDS_OF_NEWS.values() - {"feedback_continued"} if mail.kind == "feedback_continued" else ():
            if not any(so[kind] <= revision < mail.state for revision in told):
                yield violation("request-left-out", **where, request=kind)


def _what_is_so(events: Sequence[SourceEvent], person_id: UUID) -> dict[str, int]:
    """After these events: the kinds of mail that tell this person the truth, and since which version they do."""
    so: dict[str, int] = {}
    asks_or_ends = [event for event in events if event.type in (*FEEDBACK_ASKS, *FEEDBACK_NEWS)]
    if asks_or_ends and asks_or_ends[-1].type in FEEDBACK_ASKS and _asks(asks_or_ends[-1], person_id):
        so[kind_of_request(asks_or_ends[-1], person_id)] = asks_or_ends[-1].sequence
    news = [event for event in events if event.type in FEEDBACK_NEWS]
    if news and news[-1].payload["author_id"] == str(person_id):
        so[KINDS_OF_NEWS[news[-1].type]] = news[-1].sequence
    continued = [event for event in events if event.type == FEEDBACK_CONTINUED and _asks(event, person_id)]
    if continued:
        so["feedback_continued"] = continued[-1].sequence
    return so


def _asks(event: SourceEvent, person_id: UUID) -> bool:
    return str(person_id) in event.payload["asked"]


def each_mail_about_feedback_is_as_new_as_its_event(case: Case) -> Iterator[Violation]:
    """It tells of the event that it is for, or of what came after."""
    for mail, person_id in _mails_to(case):
        for delivery in case.deliveries_of_mail[mail.mail_id] if mail.mail_id is not None else ():
            intention = case.intention_of(delivery)
            if intention and delivery.status == "accepted" and (mail.state or 0) < (intention.revision or 0):
                yield violation("older-than-its-event", mail=mail.mail_id, person=person_id, event=delivery.event_id)


def nobody_hears_what_is_said_of_them(case: Case) -> Iterator[Violation]:
    """Neither they nor, by a request to act, anybody who reads the same mailbox (couples share one)."""
    for mail, person_id in _mails_to(case):
        written = case.evidence.promises.written.get(_of(mail))
        about = written and written.about and case.evidence.people.get(written.about)
        reads_it = about is not None and mail.address in about.addresses and mail.kind not in KINDS_OF_NEWS.values()
        if written is not None and (person_id == written.about or reads_it):
            yield violation("told-whom-it-is-about", mail=mail.mail_id, person=written.about, kind=mail.kind)


def each_event_about_feedback_knows_its_author(case: Case) -> Iterator[Violation]:
    """Who gave no name is not named; who gave one is, until they are erased."""
    for feedback_id, written in case.evidence.promises.written.items():
        for event in case.history.about(feedback_id, *FEEDBACK_NEWS):
            author = event.payload["author_id"] and UUID(event.payload["author_id"])
            forgotten = author is None and written.author is not None and case.trial.person(written.author).was_erased
            if author != written.author and not forgotten:
                yield violation("wrong-author", feedback=feedback_id, event=event.id)


def _mails_to(case: Case) -> Iterator[tuple[TakenMail, UUID]]:
    """Each mail about feedback that is asked about, with each of its readers."""
    for mail in case.evidence.taken:
        if mail.feedback is not None and case.is_asked_about(mail.feedback.subject_id):
            for person_id in sorted(mail.readers):
                yield mail, person_id


def _of(mail: TakenMail) -> UUID:
    assert mail.feedback is not None  # _mails_to picks these
    return mail.feedback.subject_id
