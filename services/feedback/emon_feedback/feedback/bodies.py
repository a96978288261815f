"""Feedback as JSON: what comes in, and what each kind of reader gets to see."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError, to_json

from emon_contracts.events.feedback import FeedbackKind
from emon_contracts.values import Ags, FreeText, Line
from emon_feedback.asking.rules import Level
from emon_feedback.feedback.rules import About, Action, Feedback, FeedbackStatus, may


def _not_blank(text: str) -> str:
    if not text:
        raise PydanticCustomError("blank", "must not be blank")
    return text


Text = Annotated[
    FreeText, AfterValidator(_not_blank), Field(description="No names of refugees. Kept for 24 months; never in events or mails")
]


class AboutBody(BaseModel):
    """What it is about: exactly one of these."""

    model_config = ConfigDict(extra="forbid")

    person_id: UUID | None = None
    organisation_id: UUID | None = None
    meeting_id: UUID | None = None
    topic: Line | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.person_id, self.organisation_id, self.meeting_id, self.topic)) != 1:
            raise PydanticCustomError("about", "must have exactly one of person_id, organisation_id, meeting_id and topic")
        return self


class SubmitFeedback(BaseModel):
    """`ags` may be left out where there is only one municipality that it can be about."""

    model_config = ConfigDict(extra="forbid")

    ags: Ags | None = None
    about: AboutBody | None = None
    kind: FeedbackKind
    text: Text

    def subject(self) -> About:
        """What it is about."""
        about = self.about
        return About(about.person_id, about.organisation_id, about.meeting_id, about.topic) if about else About()


class WrittenText(BaseModel):
    """An answer, or a message."""

    model_config = ConfigDict(extra="forbid")

    text: Text


class InterimReply(WrittenText):
    """`answer_by` is a day after today and at most 92 days ahead."""

    answer_by: date


class Rating(BaseModel):
    """From 1 (not helpful) to 5 (very helpful)."""

    model_config = ConfigDict(extra="forbid")

    stars: Annotated[int, Field(strict=True, ge=1, le=5)]


class InterimReplyBody(BaseModel):
    """An interim reply; the text is null once it is older than 24 months."""

    text: str | None
    answer_by: date
    at: datetime


class AnswerBody(BaseModel):
    """The answer; the text is null once it is older than 24 months, `answered_by` once they were erased."""

    text: str | None
    answered_by: UUID | None
    at: datetime


class MessageBody(BaseModel):
    """What the author wrote back; the text is null once it is older than 24 months."""

    sender: Annotated[str, Field(serialization_alias="from")] = "author"
    text: str | None
    at: datetime


class RatingBody(BaseModel):
    """How good its author found the answer."""

    stars: int
    at: datetime


class AskedBody(BaseModel):
    """Somebody who was asked. The name is null where the reader may not know it."""

    person_id: UUID
    display_name: str | None
    level: Level
    asked_at: datetime


class PublicFeedbackBody(BaseModel):
    """What an author reads, also an anonymous one. `may` says what the reader can do next."""

    id: UUID
    ags: str
    about: AboutBody | None
    kind: FeedbackKind
    text: str | None
    anonymous: bool
    status: FeedbackStatus
    submitted_at: datetime
    acknowledge_by: date
    answer_by: date
    due_by: date | None
    overdue: bool
    acknowledged_at: datetime | None
    interim_reply: InterimReplyBody | None
    answer: AnswerBody | None
    messages: list[MessageBody]
    rating: RatingBody | None
    may: list[Action]

    @classmethod
    def of_author(cls, feedback: Feedback, now: datetime) -> Self:
        """As its author sees it."""
        return cls(**_shown(feedback, now, by_author=True))


class FeedbackBody(PublicFeedbackBody):
    """Feedback. `asked` is for those who answer, and null for its author."""

    author_id: UUID | None
    author_name: str | None
    asked: list[AskedBody] | None

    @classmethod
    def of(cls, feedback: Feedback, reader: UUID, names: dict[UUID, str], now: datetime) -> Self:
        """As this reader sees it."""
        by_author = feedback.author_id == reader
        asked = [
            AskedBody(person_id=item.person_id, display_name=names.get(item.person_id), level=item.level, asked_at=item.asked_at)
            for item in feedback.asked
        ]
        return cls(
            **_shown(feedback, now, by_author=by_author),
            author_id=feedback.author_id,
            author_name=names.get(feedback.author_id) if feedback.author_id else None,
            asked=None if by_author else asked,
        )


def tagged_response(body: PublicFeedbackBody, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The body with an entity tag of what stands in it: names, and what is overdue, change without a change of the feedback."""
    content = to_json(body)
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    return Response(content, status, media_type="application/json", headers={"ETag": tag, **(headers or {})})


def people_in(feedback: Feedback) -> set[UUID]:
    """Whose names a body shows."""
    return {item.person_id for item in feedback.asked} | ({feedback.author_id} if feedback.author_id else set())


def _shown(feedback: Feedback, now: datetime, *, by_author: bool) -> dict[str, Any]:
    about, interim, answer = feedback.about, feedback.interim, feedback.answer
    return {
        "id": feedback.id,
        "ags": feedback.ags,
        "about": None if about == About() else AboutBody.model_construct(**asdict(about)),
        "kind": feedback.kind,
        "text": feedback.text,
        "anonymous": feedback.anonymous,
        "status": feedback.status,
        "submitted_at": feedback.submitted_at,
        "acknowledge_by": feedback.acknowledge_by,
        "answer_by": feedback.answer_by,
        "due_by": feedback.due_by,
        "overdue": feedback.overdue(now),
        "acknowledged_at": feedback.acknowledged_at,
        "interim_reply": interim and InterimReplyBody(text=interim.text, answer_by=feedback.answer_by, at=interim.at),
        "answer": answer and AnswerBody(text=answer.text, answered_by=answer.by, at=answer.at),
        "messages": [MessageBody(text=message.text, at=message.at) for message in feedback.messages],
        "rating": RatingBody(stars=feedback.stars, at=feedback.rated_at) if feedback.stars and feedback.rated_at else None,
        "may": list(may(feedback, by_author=by_author)),
    }
