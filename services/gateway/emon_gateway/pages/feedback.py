"""The page of feedback: for whoever answers it, for its author by name, and for an anonymous author.

What may be done is said by the service; this page shows a form for each of it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import FormData

from emon_gateway.pages.feedback_texts import GERMAN
from emon_gateway.pages.rendering import HEADERS, language_of, page
from emon_gateway.pages.texts import day_text, moment_text
from emon_gateway.routing.services import ServiceUnavailable
from emon_platform.http.problems import Problem

# Method, what stands behind the address of the feedback, body; answers status and JSON. Raises as Visit.ask does.
Ask = Callable[[str, str, Any], Awaitable[tuple[int, Any]]]

TEXT_SHOWN_AGAIN_MAX = 20_000


class _About(BaseModel):
    person_id: str | None
    organisation_id: str | None
    meeting_id: str | None
    topic: str | None


class _Written(BaseModel):
    text: str | None
    at: datetime


class _Rating(BaseModel):
    stars: int


class _Feedback(BaseModel):
    """What feedback tells of itself. Fields that were added since are left alone."""

    about: _About | None
    kind: str
    text: str | None
    anonymous: bool
    author_name: str | None = None
    status: str
    submitted_at: datetime
    acknowledge_by: date
    answer_by: date
    due_by: date | None
    overdue: bool
    interim_reply: _Written | None
    answer: _Written | None
    messages: list[_Written]
    rating: _Rating | None
    may: list[str]
    # Those who are asked are told to everybody but the author.
    asked: list[Any] | None = Field(default=None)


@dataclass(frozen=True, slots=True)
class _Action:
    """A form of the page: where it goes, and what it takes of the fields."""

    path: str
    body: Callable[[Mapping[str, str]], Any]


ACTIONS: Mapping[str, _Action] = {
    "acknowledge": _Action("/acknowledgement", lambda _: None),
    "interim_reply": _Action("/interim-reply", lambda form: {"text": form["text"], "answer_by": form["answer_by"]}),
    "answer": _Action("/answer", lambda form: {"text": form["text"]}),
    "write": _Action("/messages", lambda form: {"text": form["text"]}),
    "rate": _Action("/rating", lambda form: {"stars": int(form["stars"]) if form["stars"] in set("12345") else None}),
}


@dataclass(frozen=True, slots=True)
class _Refused:
    """What was typed into one form, and what is wrong with it: by field, or about the state of the feedback."""

    action: str
    typed: Mapping[str, str]
    errors: Mapping[str, str]
    conflict: str | None


async def show(request: Request, ask: Ask) -> Response:
    """The page as it is now."""
    return await _show(request, ask, 200, None)


async def act(request: Request, form: FormData, ask: Ask) -> Response:
    """Does what the form says, and leads back to the page; where it is refused, shows why and keeps what was typed."""
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    name = fields.get("action", "")
    typed = {field: fields.get(field, "")[:TEXT_SHOWN_AGAIN_MAX] for field in ("text", "answer_by", "stars")}
    action = ACTIONS.get(name)
    if action is None:
        return await show(request, ask)
    status, answer = await ask("POST", action.path, action.body(typed))
    if status < 300:
        location = f"{request.url.path}?lang={language_of(request)}"
        return Response(status_code=303, headers={**HEADERS, "Location": location})
    return await _show(request, ask, status, _refused(name, typed, answer))


def _refused(action: str, typed: Mapping[str, str], answer: Any) -> _Refused:
    errors: dict[str, str] = {}
    conflict = None
    try:
        problem = Problem.model_validate(answer)
    except ValidationError as error:
        raise ServiceUnavailable("feedback", "a problem of another shape") from error
    for wrong in problem.errors or ():
        field = (wrong.pointer or "").removeprefix("/")
        if field in typed:
            errors[field] = f"feedback_error_{field}"
        else:
            known = f"feedback_error_{wrong.code}"
            conflict = known if known in GERMAN else "feedback_error_conflict"
    return _Refused(action, typed, errors, conflict)


async def _show(request: Request, ask: Ask, status: int, refused: _Refused | None) -> Response:
    _, found = await ask("GET", "", None)
    try:
        feedback = _Feedback.model_validate(found)
    except ValidationError as error:
        raise ServiceUnavailable("feedback", "feedback of another shape") from error
    language = language_of(request)
    return page(
        request,
        "feedback.html",
        status,
        feedback=feedback,
        about=_about(feedback.about),
        by_author=feedback.asked is None,
        submitted=moment_text(feedback.submitted_at, language),
        acknowledge_by=day_text(feedback.acknowledge_by, language),
        answer_by=day_text(feedback.answer_by, language),
        due_by=feedback.due_by and day_text(feedback.due_by, language),
        refused=refused,
    )


def _about(about: _About | None) -> str | None:
    """The key of what to say, or the topic in its author's words. Names of people and things are not for this page."""
    match about:
        case None:
            return None
        case _About(person_id=str()):
            return "person"
        case _About(organisation_id=str()):
            return "organisation"
        case _About(meeting_id=str()):
            return "meeting"
        case _:
            return "topic"
