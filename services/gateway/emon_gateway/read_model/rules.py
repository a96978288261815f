"""What an event says, as rows of the read model. Pure.

Each fact has a version, and the newest of each counts: so events may come twice, late, or in any order.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from emon_contracts.envelope import Event
from emon_contracts.events.feedback import (
    Awaited,
    FeedbackAcknowledged,
    FeedbackAnswered,
    FeedbackContinued,
    FeedbackOverdue,
    FeedbackPutOff,
    FeedbackSubmitted,
)

FeedbackEvent = (
    Event[FeedbackSubmitted]
    | Event[FeedbackAcknowledged]
    | Event[FeedbackPutOff]
    | Event[FeedbackAnswered]
    | Event[FeedbackContinued]
    | Event[FeedbackOverdue]
)


@dataclass(frozen=True, slots=True)
class FeedbackFacts:
    """What one event says of feedback. A version of 0: it says nothing of that."""

    feedback_id: UUID
    ags: str
    kind: str
    confidential: bool
    author_id: UUID | None = None
    involved: frozenset[UUID] = frozenset()
    awaited: Awaited | None = None
    due_by: date | None = None
    state_version: int = 0
    promised_by: date | None = None
    promised_version: int = 0
    answered_at: datetime | None = None


def facts_of(event: FeedbackEvent) -> FeedbackFacts:
    """What the event says."""
    said, version = event.payload, event.sequence
    facts = FeedbackFacts(said.feedback_id, said.ags, said.kind.value, said.confidential)
    match said:
        case FeedbackSubmitted():
            asked = replace(facts, author_id=said.author_id, involved=frozenset(said.asked))
            return _promised(asked, Awaited.ACKNOWLEDGEMENT, said.acknowledge_by, version)
        case FeedbackAcknowledged():
            acted = replace(facts, author_id=said.author_id, involved=frozenset({said.acknowledged_by}))
            return _promised(acted, Awaited.ANSWER, said.answer_by, version)
        case FeedbackPutOff():
            acted = replace(facts, author_id=said.author_id, involved=frozenset({said.replied_by}))
            return _promised(acted, Awaited.ANSWER, said.answer_by, version)
        case FeedbackAnswered():
            acted = replace(facts, author_id=said.author_id, involved=frozenset({said.answered_by}))
            return replace(acted, state_version=version, answered_at=event.time)
        case FeedbackContinued():
            return replace(facts, involved=frozenset(said.asked))
        case FeedbackOverdue():
            # What its author was promised stays as it was, whoever is asked from now on.
            people = frozenset((*said.asked, *said.asked_in_vain))
            return replace(facts, involved=people, awaited=said.awaited, due_by=said.due_by, state_version=version)


def _promised(facts: FeedbackFacts, awaited: Awaited, day: date, version: int) -> FeedbackFacts:
    return replace(facts, awaited=awaited, due_by=day, state_version=version, promised_by=day, promised_version=version)
