"""What may be done with feedback. Pure: state, wish and time in; new state and what tells of it, or a refusal, out."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from emon_calendar.working_days import day_of, end_of_day
from emon_contracts.envelope import Payload
from emon_contracts.events.feedback import (
    FeedbackAcknowledged,
    FeedbackAnswered,
    FeedbackContinued,
    FeedbackKind,
    FeedbackPutOff,
)
from emon_contracts.refusals import Refusal
from emon_contracts.values import Ags
from emon_feedback.asking.rules import Level

# An author waits a quarter of a year at most for an answer that was put off.
INTERIM_DAYS_MAX = 92
MESSAGES_MAX = 50  # so that one author cannot fill mailboxes without end


class FeedbackStatus(StrEnum):
    """How far it has come. There is no way past `answered`."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    ANSWERED = "answered"
    RATED = "rated"


class Action(StrEnum):
    """What a reader may do next."""

    ACKNOWLEDGE = "acknowledge"
    INTERIM_REPLY = "interim_reply"
    ANSWER = "answer"
    RATE = "rate"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class About:
    """What feedback is about: at most one of these; a topic is in words."""

    person_id: UUID | None = None
    organisation_id: UUID | None = None
    meeting_id: UUID | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who was asked, and in which round."""

    person_id: UUID
    level: Level
    round: int
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody answered; the text is None once it is too old to be kept, `by` once they were erased."""

    text: str | None
    by: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """What the author wrote back."""

    id: UUID
    text: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Feedback:
    """The state of feedback. `round` counts how often somebody was asked; `version` its events.

    `due_by` is the day until whose end those asked now are to act, None where nobody is asked or nothing is left to do.
    `look_at` is when the timer looks after it.
    """

    id: UUID
    ags: Ags
    kind: FeedbackKind
    about: About
    text: str | None
    anonymous: bool
    author_id: UUID | None
    submitted_at: datetime
    acknowledge_by: date
    answer_by: date
    due_by: date | None
    look_at: datetime | None
    round: int
    asked: tuple[Asked, ...]
    involved: frozenset[UUID]
    messages: tuple[Message, ...] = ()
    status: FeedbackStatus = FeedbackStatus.RECEIVED
    acknowledged_at: datetime | None = None
    acknowledged_by: UUID | None = None
    interim: Reply | None = None
    answer: Reply | None = None
    stars: int | None = None
    rated_at: datetime | None = None
    version: int = 1

    @property
    def confidential(self) -> bool:
        """Whether it is about a person."""
        return self.about.person_id is not None

    @property
    def asked_last(self) -> tuple[Asked, ...]:
        """Those who are asked now."""
        return tuple(item for item in self.asked if item.round == self.round)

    def overdue(self, now: datetime) -> bool:
        """Whether its author waits longer than promised, whoever is asked meanwhile."""
        if self.answer is not None:
            return False
        promised = self.acknowledge_by if self.status is FeedbackStatus.RECEIVED else self.answer_by
        return now >= end_of_day(promised)


@dataclass(frozen=True, slots=True)
class Changed:
    """A new state, and what tells of it; `event` is None where nobody else needs to know."""

    feedback: Feedback
    event: Payload | None = None


def acknowledge(feedback: Feedback, by: UUID, now: datetime) -> Changed | Refusal:
    """Somebody read it. Once is enough: another time changes nothing."""
    if feedback.author_id == by:
        return _own()
    if feedback.status is not FeedbackStatus.RECEIVED:
        return Changed(feedback)
    # Whoever was asked late gets the days they were promised, although the first deadline for an answer may be over.
    answer_by = max(feedback.answer_by, feedback.due_by or feedback.answer_by)
    changed = replace(
        _acknowledged(feedback, by, now),
        status=FeedbackStatus.ACKNOWLEDGED,
        answer_by=answer_by,
        due_by=answer_by,
        look_at=end_of_day(answer_by),
        version=feedback.version + 1,
    )
    event = FeedbackAcknowledged(**facts(changed), author_id=changed.author_id, acknowledged_by=by, answer_by=answer_by)
    return Changed(changed, event)


def put_off(feedback: Feedback, by: UUID, text: str, answer_by: date, now: datetime) -> Changed | Refusal:
    """The author gets an interim reply and a new date, once."""
    if feedback.author_id == by:
        return _own()
    if feedback.answer is not None:
        return _answered()
    if feedback.interim is not None:
        return Refusal("interim-reply-given", "An interim reply was given already. Answer it now.", conflict=True)
    today = day_of(now)
    if not today < answer_by <= today + timedelta(days=INTERIM_DAYS_MAX):
        detail = f"Choose a day after today and within {INTERIM_DAYS_MAX} days."
        return Refusal("answer-by-out-of-range", detail, "/answer_by")
    changed = replace(
        _acknowledged(feedback, by, now),
        status=FeedbackStatus.ACKNOWLEDGED,
        interim=Reply(text, by, now),
        answer_by=answer_by,
        due_by=answer_by,
        look_at=end_of_day(answer_by),
        version=feedback.version + 1,
    )
    return Changed(changed, FeedbackPutOff(**facts(changed), author_id=changed.author_id, replied_by=by, answer_by=answer_by))


def answer(feedback: Feedback, by: UUID, text: str, now: datetime) -> Changed | Refusal:
    """The answer, once. It also acknowledges what nobody had acknowledged."""
    if feedback.author_id == by:
        return _own()
    if feedback.answer is not None:
        return _answered()
    changed = replace(
        _acknowledged(feedback, by, now),
        status=FeedbackStatus.ANSWERED,
        answer=Reply(text, by, now),
        due_by=None,
        look_at=None,
        version=feedback.version + 1,
    )
    return Changed(changed, FeedbackAnswered(**facts(changed), author_id=changed.author_id, answered_by=by))


def rate(feedback: Feedback, by_author: bool, stars: int, now: datetime) -> Changed | Refusal:
    """Its author says how good the answer was, once."""
    if not by_author:
        return _not_the_author()
    if feedback.answer is None:
        return Refusal("not-answered-yet", "It can be rated once it is answered.", conflict=True)
    if feedback.stars is not None:
        return Refusal("already-rated", "The answer was rated already.", conflict=True)
    return Changed(replace(feedback, status=FeedbackStatus.RATED, stars=stars, rated_at=now))


def write_back(feedback: Feedback, by_author: bool, message: Message) -> Changed | Refusal:
    """Its author adds something. Nothing is reopened by it, and those who are to read it are told."""
    if not by_author:
        return _not_the_author()
    if len(feedback.messages) >= MESSAGES_MAX:
        return Refusal("too-many-messages", f"At most {MESSAGES_MAX} messages. Submit new feedback.", conflict=True)
    changed = replace(feedback, messages=(*feedback.messages, message), version=feedback.version + 1)
    return Changed(changed, FeedbackContinued(**facts(changed), asked=_readers(changed)))


def may(feedback: Feedback, *, by_author: bool) -> tuple[Action, ...]:
    """What its author, or else somebody who answers it, may do next."""
    if by_author:
        rates = feedback.answer is not None and feedback.stars is None
        writes = len(feedback.messages) < MESSAGES_MAX
        return (*((Action.RATE,) if rates else ()), *((Action.WRITE,) if writes else ()))
    if feedback.answer is not None:
        return ()
    return (
        *((Action.ACKNOWLEDGE,) if feedback.status is FeedbackStatus.RECEIVED else ()),
        *((Action.INTERIM_REPLY,) if feedback.interim is None else ()),
        Action.ANSWER,
    )


def facts(feedback: Feedback) -> dict[str, Any]:
    """What every event about it says."""
    return {
        "feedback_id": feedback.id,
        "ags": feedback.ags,
        "kind": feedback.kind,
        "confidential": feedback.confidential,
    }


def _acknowledged(feedback: Feedback, by: UUID, now: datetime) -> Feedback:
    """Whoever acts has read it, and is told of what the author writes from now on."""
    return replace(
        feedback,
        acknowledged_at=feedback.acknowledged_at or now,
        acknowledged_by=feedback.acknowledged_by or (by if feedback.acknowledged_at is None else None),
        involved=feedback.involved | {by},
    )


def _readers(feedback: Feedback) -> tuple[UUID, ...]:
    """Those who are asked now, and who acted on it, without anybody who was erased since."""
    acted = [feedback.acknowledged_by, feedback.interim and feedback.interim.by, feedback.answer and feedback.answer.by]
    people = [*(item.person_id for item in feedback.asked_last), *(person for person in acted if person)]
    return tuple(dict.fromkeys(people))


def _own() -> Refusal:
    return Refusal("own-feedback", "Nobody answers their own feedback.", conflict=True)


def _answered() -> Refusal:
    return Refusal("already-answered", "It was answered already.", conflict=True)


def _not_the_author() -> Refusal:
    return Refusal("not-the-author", "Only its author can do this.", conflict=True)
