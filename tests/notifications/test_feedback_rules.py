"""Who is told what about feedback: rules without I/O."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from emon_contracts.envelope import Event, Payload
from emon_contracts.events.feedback import (
    Awaited,
    FeedbackAcknowledged,
    FeedbackAnswered,
    FeedbackContinued,
    FeedbackKind,
    FeedbackOverdue,
    FeedbackPutOff,
    FeedbackSubmitted,
)
from emon_notifications.deliveries.rules import Cause, Kind
from emon_notifications.feedback.rules import Feedback, Request, after, kinds_for, what_to_tell
from emon_notifications.mailing.rules import End, Tell, Told

FIRST, SECOND, AUTHOR = uuid4(), uuid4(), uuid4()
DAY, LATER_DAY = date(2027, 3, 8), date(2027, 3, 15)
NOTHING_NEW = End(Cause.HAD_NOTHING_TO_TELL, "nothing-new")


def event(version: int, payload: type[Payload], **said: Any) -> Event[Any]:
    facts = {"feedback_id": UUID(int=1), "ags": "08115003", "kind": FeedbackKind.IDEA, "confidential": False}
    return Event(
        id=uuid7(),
        type=payload.TYPE,
        subject=str(UUID(int=1)),
        sequence=version,
        tenant="08115003",
        time=datetime.now(UTC),
        payload=payload.model_validate(facts | said),
    )


SUBMITTED = event(1, FeedbackSubmitted, asked=(FIRST,), acknowledge_by=DAY)
ACKNOWLEDGED = event(2, FeedbackAcknowledged, author_id=AUTHOR, acknowledged_by=FIRST, answer_by=LATER_DAY)


def story(*events: Event[Any]) -> Feedback:
    feedback: Feedback | None = None
    for happened in events:
        feedback = after(feedback, happened)
    assert feedback is not None
    return feedback


def overdue(version: int, awaited: Awaited, asked: UUID, in_vain: UUID) -> Event[Any]:
    return event(version, FeedbackOverdue, awaited=awaited, asked=(asked,), asked_in_vain=(in_vain,), due_by=LATER_DAY)


def test_nobody_is_told_of_anonymous_feedback_that_was_answered() -> None:
    for payload, said in (
        (FeedbackAcknowledged, {"acknowledged_by": FIRST, "answer_by": DAY}),
        (FeedbackPutOff, {"replied_by": FIRST, "answer_by": DAY}),
        (FeedbackAnswered, {"answered_by": FIRST}),
    ):
        assert kinds_for(event(2, payload, author_id=None, **said)) == []
        assert [person for person, _ in kinds_for(event(2, payload, author_id=AUTHOR, **said))] == [AUTHOR]


def test_who_is_asked_again_is_reminded_and_who_comes_next_is_told_why_and_who_was_asked_in_vain_hears_nothing() -> None:
    assert kinds_for(overdue(2, Awaited.ANSWER, FIRST, FIRST)) == [(FIRST, Kind.FEEDBACK_REMINDER)]
    assert kinds_for(overdue(2, Awaited.ANSWER, SECOND, FIRST)) == [(SECOND, Kind.FEEDBACK_ESCALATION)]


def test_a_request_that_somebody_fulfilled_before_it_went_out_is_nothing() -> None:
    request = Request(Kind.FEEDBACK_ASKED, 1)
    assert what_to_tell(story(SUBMITTED), Kind.FEEDBACK_ASKED, request, None) == Tell(Kind.FEEDBACK_ASKED, 1)
    assert what_to_tell(story(SUBMITTED, ACKNOWLEDGED), Kind.FEEDBACK_ASKED, request, None) == NOTHING_NEW


def test_a_request_that_went_to_somebody_else_meanwhile_is_nothing() -> None:
    escalated = story(SUBMITTED, overdue(2, Awaited.ACKNOWLEDGEMENT, SECOND, FIRST))
    assert what_to_tell(escalated, Kind.FEEDBACK_ASKED, None, None) == NOTHING_NEW
    request = Request(Kind.FEEDBACK_ESCALATION, 2)
    assert what_to_tell(escalated, Kind.FEEDBACK_ESCALATION, request, None) == Tell(Kind.FEEDBACK_ESCALATION, 2)
    assert escalated.due_by == LATER_DAY


def test_that_the_author_wrote_back_does_not_swallow_an_unsent_request() -> None:
    continued = story(SUBMITTED, event(2, FeedbackContinued, asked=(FIRST,)))
    request = Request(Kind.FEEDBACK_ASKED, 1)
    assert what_to_tell(continued, Kind.FEEDBACK_CONTINUED, request, None) == Tell(Kind.FEEDBACK_ASKED, 2)
    told = Told(Kind.FEEDBACK_ASKED, 1)
    assert what_to_tell(continued, Kind.FEEDBACK_CONTINUED, request, told) == Tell(Kind.FEEDBACK_CONTINUED, 2)
    assert what_to_tell(continued, Kind.FEEDBACK_CONTINUED, request, Told(Kind.FEEDBACK_ASKED, 2)) == NOTHING_NEW


def test_the_author_never_gets_an_older_state_after_a_newer_one() -> None:
    put_off = event(3, FeedbackPutOff, author_id=AUTHOR, replied_by=FIRST, answer_by=LATER_DAY)
    answered = event(4, FeedbackAnswered, author_id=AUTHOR, answered_by=FIRST)
    known = story(SUBMITTED, ACKNOWLEDGED, put_off)
    assert what_to_tell(known, Kind.FEEDBACK_ACKNOWLEDGED, None, None) == Tell(Kind.FEEDBACK_PUT_OFF, 3)
    known = story(SUBMITTED, ACKNOWLEDGED, put_off, answered, event(5, FeedbackContinued, asked=(FIRST,)))
    assert what_to_tell(known, Kind.FEEDBACK_PUT_OFF, None, Told(Kind.FEEDBACK_ACKNOWLEDGED, 2)) == Tell(
        Kind.FEEDBACK_ANSWERED, 5
    )
    assert what_to_tell(known, Kind.FEEDBACK_PUT_OFF, None, Told(Kind.FEEDBACK_ANSWERED, 4)) == NOTHING_NEW


def test_a_late_answer_is_asked_for_until_there_is_one() -> None:
    late = overdue(3, Awaited.ANSWER, FIRST, FIRST)
    request = Request(Kind.FEEDBACK_REMINDER, 3)
    known = story(SUBMITTED, ACKNOWLEDGED, late)
    told = Told(Kind.FEEDBACK_ASKED, 1)
    assert known.awaited is Awaited.ANSWER
    assert what_to_tell(known, Kind.FEEDBACK_REMINDER, request, told) == Tell(Kind.FEEDBACK_REMINDER, 3)
    answered = story(SUBMITTED, ACKNOWLEDGED, late, event(4, FeedbackAnswered, author_id=None, answered_by=FIRST))
    assert what_to_tell(answered, Kind.FEEDBACK_REMINDER, request, told) == NOTHING_NEW
