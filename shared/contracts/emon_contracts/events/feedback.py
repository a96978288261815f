"""Events of feedback, keyed by it. They say who is to act and by when; what was written stays in the service.

`author_id` is None for anonymous feedback. `confidential`: it is about a person, so that not even its existence is shown around.
"""

from datetime import date
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from emon_contracts.envelope import Payload
from emon_contracts.topics import FEEDBACK_EVENTS, Topic
from emon_contracts.values import Ags


class FeedbackKind(StrEnum):
    """What the author means it as."""

    PRAISE = "praise"
    PROBLEM = "problem"
    IDEA = "idea"


class Awaited(StrEnum):
    """What feedback waits for."""

    ACKNOWLEDGEMENT = "acknowledgement"
    ANSWER = "answer"


class _FeedbackFacts(Payload):
    """What every event about feedback says."""

    TOPIC: ClassVar[Topic] = FEEDBACK_EVENTS
    KEY: ClassVar[str] = "feedback_id"

    feedback_id: UUID
    ags: Ags
    kind: FeedbackKind
    confidential: bool


class FeedbackSubmitted(_FeedbackFacts):
    """Feedback arrived. `asked` are to acknowledge it by the end of the day `acknowledge_by`; empty where nobody is there yet.

    Its author is nobody to acknowledge it, whatever else they are.
    """

    TYPE: ClassVar[str] = "de.emon.feedback.feedback-submitted.v1"

    author_id: UUID | None = None
    asked: tuple[UUID, ...]
    acknowledge_by: date


class FeedbackAcknowledged(_FeedbackFacts):
    """Somebody read it and answers by the end of the day `answer_by`."""

    TYPE: ClassVar[str] = "de.emon.feedback.feedback-acknowledged.v1"

    author_id: UUID | None
    acknowledged_by: UUID
    answer_by: date


class FeedbackPutOff(_FeedbackFacts):
    """The author got an interim reply; the answer comes by the end of the day `answer_by`."""

    TYPE: ClassVar[str] = "de.emon.feedback.feedback-put-off.v1"

    author_id: UUID | None
    replied_by: UUID
    answer_by: date


class FeedbackAnswered(_FeedbackFacts):
    """Feedback was answered."""

    TYPE: ClassVar[str] = "de.emon.feedback.feedback-answered.v1"

    author_id: UUID | None
    answered_by: UUID


class FeedbackContinued(_FeedbackFacts):
    """Its author wrote back; `asked` should read it."""

    TYPE: ClassVar[str] = "de.emon.feedback.feedback-continued.v1"

    asked: tuple[UUID, ...]


class FeedbackOverdue(_FeedbackFacts):
    """A deadline passed, or nobody was there to ask until now. `asked` are asked from now on, by the end of the day `due_by`.

    `asked_in_vain` were asked before them: the same people where nobody else is left, nobody where nobody had been asked.
    """

    TYPE: ClassVar[str] = "de.emon.feedback.feedback-overdue.v1"

    awaited: Awaited
    asked: tuple[UUID, ...]
    asked_in_vain: tuple[UUID, ...]
    due_by: date
