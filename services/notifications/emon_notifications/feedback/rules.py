"""What an event makes of the copy of feedback, and what somebody is told about it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from uuid import UUID

from emon_contracts.envelope import Event
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
from emon_notifications.mailing.rules import End, Tell, Told

FeedbackEvent = (
    Event[FeedbackSubmitted]
    | Event[FeedbackAcknowledged]
    | Event[FeedbackPutOff]
    | Event[FeedbackAnswered]
    | Event[FeedbackOverdue]
    | Event[FeedbackContinued]
)


class Phase(StrEnum):
    """How far feedback has come."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    PUT_OFF = "put_off"
    ANSWERED = "answered"


NEWS: Mapping[Phase, Kind] = {
    Phase.ACKNOWLEDGED: Kind.FEEDBACK_ACKNOWLEDGED,
    Phase.PUT_OFF: Kind.FEEDBACK_PUT_OFF,
    Phase.ANSWERED: Kind.FEEDBACK_ANSWERED,
}
"""What its author is told."""

NEWS_KINDS = frozenset(NEWS.values())
REQUEST_KINDS = frozenset({Kind.FEEDBACK_ASKED, Kind.FEEDBACK_REMINDER, Kind.FEEDBACK_ESCALATION})
KINDS = NEWS_KINDS | REQUEST_KINDS | {Kind.FEEDBACK_CONTINUED}


@dataclass(frozen=True, slots=True)
class Feedback:
    """What is true of feedback now. The three `since` are versions: see the table of the same name."""

    feedback_id: UUID
    version: int
    ags: str
    kind: FeedbackKind
    phase: Phase
    due_by: date | None
    asking_since: int | None
    news_since: int
    continued_since: int

    @property
    def awaited(self) -> Awaited:
        """What is asked for, as long as anything is."""
        return Awaited.ACKNOWLEDGEMENT if self.phase is Phase.RECEIVED else Awaited.ANSWER


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody was asked to act, by a mail of this kind, in this version."""

    kind: Kind
    version: int


def after(known: Feedback | None, event: FeedbackEvent) -> Feedback:
    """The copy after an event, which is newer than it. Each event says enough to begin a copy with."""
    said = event.payload
    version = event.sequence
    feedback = known or Feedback(said.feedback_id, version, said.ags, said.kind, Phase.RECEIVED, None, None, 0, 0)
    feedback = replace(feedback, version=version, ags=said.ags, kind=said.kind)
    match said:
        case FeedbackSubmitted():
            return replace(feedback, phase=Phase.RECEIVED, due_by=said.acknowledge_by, asking_since=version)
        case FeedbackAcknowledged():
            return _with_news(feedback, Phase.ACKNOWLEDGED, said.answer_by)
        case FeedbackPutOff():
            return _with_news(feedback, Phase.PUT_OFF, said.answer_by)
        case FeedbackAnswered():
            return _with_news(feedback, Phase.ANSWERED, None)
        case FeedbackContinued():
            return replace(feedback, continued_since=version)
        case FeedbackOverdue(awaited=Awaited.ACKNOWLEDGEMENT):
            return replace(feedback, phase=Phase.RECEIVED, due_by=said.due_by, asking_since=version)
        case FeedbackOverdue():
            phase = Phase.PUT_OFF if feedback.phase is Phase.PUT_OFF else Phase.ACKNOWLEDGED
            return replace(feedback, phase=phase, due_by=said.due_by, asking_since=version)


def _with_news(feedback: Feedback, phase: Phase, due_by: date | None) -> Feedback:
    return replace(feedback, phase=phase, due_by=due_by, asking_since=None, news_since=feedback.version)


def kinds_for(event: FeedbackEvent) -> Sequence[tuple[UUID, Kind]]:
    """Who is told of an event, and by a mail of which kind. Nobody is told twice of one event."""
    match event.payload:
        case FeedbackSubmitted(asked=asked):
            told = [(person_id, Kind.FEEDBACK_ASKED) for person_id in asked]
        case FeedbackOverdue(asked=asked, asked_in_vain=in_vain):
            # Who was asked before and is asked again is reminded; who comes after them is told that they were.
            told = [
                (person_id, Kind.FEEDBACK_REMINDER if person_id in in_vain else Kind.FEEDBACK_ESCALATION) for person_id in asked
            ]
        case FeedbackContinued(asked=asked):
            told = [(person_id, Kind.FEEDBACK_CONTINUED) for person_id in asked]
        case FeedbackAcknowledged(author_id=author_id):
            told = _for_author(author_id, Kind.FEEDBACK_ACKNOWLEDGED)
        case FeedbackPutOff(author_id=author_id):
            told = _for_author(author_id, Kind.FEEDBACK_PUT_OFF)
        case FeedbackAnswered(author_id=author_id):
            told = _for_author(author_id, Kind.FEEDBACK_ANSWERED)
    return list(dict(told).items())


def _for_author(author_id: UUID | None, kind: Kind) -> list[tuple[UUID, Kind]]:
    return [] if author_id is None else [(author_id, kind)]


def what_to_tell(feedback: Feedback, planned: Kind, request: Request | None, told: Told | None) -> Tell | End:
    """What one person is told about feedback: what is true now, against what they know, whatever event led here.

    `told.revision` is the version that the newest mail told of. So an unsent request survives everything that comes after
    it, except that it is no longer true: who was to be told that the author wrote back is asked to act, and who was asked in
    vain or too late is told nothing.
    """
    known = -1 if told is None else told.revision
    if planned in NEWS_KINDS:
        news = NEWS.get(feedback.phase)
        if news is not None and known < feedback.news_since:
            return Tell(news, feedback.version)
    elif request is not None and request.version == feedback.asking_since and known < request.version:
        return Tell(request.kind, feedback.version)
    elif planned is Kind.FEEDBACK_CONTINUED and known < feedback.continued_since:
        return Tell(Kind.FEEDBACK_CONTINUED, feedback.version)
    return End(Cause.HAD_NOTHING_TO_TELL, "nothing-new")
