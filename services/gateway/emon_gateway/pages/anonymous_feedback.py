"""`/anonymous-feedback`: where somebody writes without a name; and behind the secret, where they read the answer and write back.

Nobody is signed in here, and nothing is asked of the session that a browser may have (routing/nameless.py).
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import FormData

from emon_contracts.actors import ANONYMOUS
from emon_contracts.permissions import Permission
from emon_contracts.values import Line
from emon_gateway.pages import feedback, repository
from emon_gateway.pages.links.visits import SERVICE_TIMEOUT_S
from emon_gateway.pages.rendering import language_of, page
from emon_gateway.pages.repository import Municipality
from emon_gateway.pages.texts import day_text
from emon_gateway.parts import Parts
from emon_gateway.routing.nameless import PAGE_PREFIX
from emon_gateway.routing.proxy import ConnectedServices, headers_of
from emon_gateway.routing.services import Services, ServiceUnavailable
from emon_gateway.sign_in.caller import GatewayParts
from emon_platform.database import Database
from emon_platform.http.browsers import came_from_elsewhere
from emon_platform.http.dependencies import ApiDatabase
from emon_platform.http.problems import RETRY_AFTER_S, Problem, ProblemError
from emon_platform.signed_links import InvalidLink

router = APIRouter(prefix=PAGE_PREFIX, include_in_schema=False)

FORM_FIELDS_MAX = 10
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY = re.compile(r"\b[0-9]{8}\b")
_NAME: TypeAdapter[str] = TypeAdapter(Line)
# The fields of the form, by the parts of the body that they become.
_FIELDS: Mapping[str, str] = {"/ags": "municipality", "/kind": "kind", "/about/topic": "topic", "/text": "text"}


class _Made(BaseModel):
    """What feedback answers to new feedback. `link` holds the secret, and is told this once."""

    link: str
    acknowledge_by: date
    answer_by: date


@router.get("")
async def show_form(request: Request, parts: GatewayParts, database: ApiDatabase) -> Response:
    """The form. A circle can hand out its address with `?ags=`, and so nobody has to say where they are."""

    async def answer() -> Response:
        key = request.query_params.get("ags", "")[: feedback.TEXT_SHOWN_AGAIN_MAX]
        found = await _municipalities(database, key)
        municipality = found[0].label if len(found) == 1 else key
        return await _form(request, database, {**dict.fromkeys(_FIELDS.values(), ""), "municipality": municipality})

    return await _answered(request, parts, answer)


@router.post("")
async def submit(request: Request, parts: GatewayParts, services: ConnectedServices, database: ApiDatabase) -> Response:
    """Passes on what was written, and shows the link to it once; where it is refused, shows why and keeps what was typed."""
    if came_from_elsewhere(request, parts.public_origin):
        return page(request, "notice.html", 403, title="foreign_form", action=None)
    async with request.form(max_files=0, max_fields=FORM_FIELDS_MAX) as form:
        return await _answered(request, parts, lambda: _submit(request, form, parts, services, database))


@router.get("/{secret}")
async def show(secret: str, request: Request, parts: GatewayParts, services: ConnectedServices) -> Response:
    """The page of the secret. Does nothing."""
    return await _answered(request, parts, lambda: feedback.show(request, _asking(secret, parts, services)))


@router.post("/{secret}")
async def act(secret: str, request: Request, parts: GatewayParts, services: ConnectedServices) -> Response:
    """Takes a form of the page."""
    if came_from_elsewhere(request, parts.public_origin):
        return page(request, "notice.html", 403, title="foreign_form", action=None)
    async with request.form(max_files=0, max_fields=FORM_FIELDS_MAX) as form:
        return await _answered(request, parts, lambda: feedback.act(request, form, _asking(secret, parts, services)))


async def _submit(request: Request, form: FormData, parts: Parts, services: Services, database: Database) -> Response:
    typed = {name: str(form.get(name) or "")[: feedback.TEXT_SHOWN_AGAIN_MAX].strip() for name in _FIELDS.values()}
    found = await _municipalities(database, typed["municipality"])
    body = {
        # Without one, nothing is taken; what else is wrong is said together with it.
        "ags": found[0].ags if len(found) == 1 else None,
        "kind": typed["kind"],
        "about": {"topic": typed["topic"]} if typed["topic"] else None,
        "text": typed["text"],
    }
    status, answer = await _ask(parts, services, "POST", "/v1/anonymous-feedback", body)
    if status == 201:
        return _made(request, answer)
    return await _form(request, database, typed, _errors(answer, found), 422)


def _made(request: Request, answer: Any) -> Response:
    try:
        made = _Made.model_validate(answer)
    except ValidationError as error:
        raise ServiceUnavailable("feedback", "new feedback of another shape") from error
    language = language_of(request)
    return page(
        request,
        "anonymous_made.html",
        201,
        link=made.link,
        acknowledge_by=day_text(made.acknowledge_by, language),
        answer_by=day_text(made.answer_by, language),
    )


def _errors(answer: Any, found: Sequence[Municipality]) -> dict[str, str]:
    """The key of what to say at each field that is wrong."""
    try:
        problem = Problem.model_validate(answer)
    except ValidationError as error:
        raise ServiceUnavailable("feedback", "a problem of another shape") from error
    fields = {_FIELDS.get(wrong.pointer or "") for wrong in problem.errors or ()}
    if not fields or None in fields:
        raise ServiceUnavailable("feedback", "a refusal of something that is not on the form")
    if len(found) != 1:
        fields.add("municipality")
    errors = {field: f"anonymous_error_{field}" for field in _FIELDS.values() if field in fields}
    return errors | ({"municipality": "anonymous_error_which_municipality"} if len(found) > 1 else {})


async def _form(
    request: Request,
    database: Database,
    typed: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with database.transaction(ANONYMOUS, Permission.FEEDBACK_ANONYMOUS) as tx:
        municipalities = await repository.municipalities_with_organisations(tx)
    return page(request, "anonymous_form.html", status, typed=typed, errors=errors or {}, municipalities=municipalities)


async def _municipalities(database: Database, text: str) -> list[Municipality]:
    """Those that may be meant: one by its key, wherever it stands in the text, or all of a name."""
    try:
        name = _NAME.validate_python(text)
    except ValidationError:
        return []
    key = _KEY.search(name)
    async with database.transaction(ANONYMOUS, Permission.FEEDBACK_ANONYMOUS) as tx:
        if key:
            return await repository.municipality_of_key(tx, key[0])
        return await repository.municipalities_of_name(tx, name)


def _asking(secret: str, parts: Parts, services: Services) -> feedback.Ask:
    async def ask(method: str, path: str, body: Any) -> tuple[int, Any]:
        if not _SECRET.fullmatch(secret):
            raise InvalidLink("no secret")
        status, answer = await _ask(parts, services, method, f"/v1/anonymous-feedback/{secret}{path}", body)
        if status in (403, 404):
            raise InvalidLink("no such secret")
        return status, answer

    return ask


async def _ask(parts: Parts, services: Services, method: str, target: str, body: Any) -> tuple[int, Any]:
    """Status and JSON of what feedback answers to nobody in particular. Raises ServiceUnavailable."""
    headers = headers_of(ANONYMOUS, "feedback", parts, datetime.now(UTC))
    status, answer = await services["feedback"].ask_json(method, target, headers, SERVICE_TIMEOUT_S, body)
    if status >= 500 or status == 401:
        raise ServiceUnavailable("feedback", f"status {status}")
    return status, answer


async def _answered(request: Request, parts: Parts, answer: Callable[[], Awaitable[Response]]) -> Response:
    try:
        await parts.rates.count_stranger(request)
        if request.method == "POST":
            await parts.rates.count_anonymous_feedback(request)
        return await answer()
    except ProblemError as error:
        headers = {"Retry-After": error.response.headers["Retry-After"]}
        return page(request, "notice.html", 429, headers=headers, title="too_many", action=None)
    except InvalidLink:
        return page(request, "notice.html", 404, title="page-link-invalid", action=None)
    except ServiceUnavailable:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return page(request, "notice.html", 503, headers=headers, title="unavailable", action=None)
