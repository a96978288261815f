"""The pages about a person's own record: what is held, correcting it, and erasing it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from fastapi import Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from emon_contracts.actors import LinkPurpose
from emon_contracts.values import EMAIL_LENGTH_MAX, NAME_LENGTH_MAX, Locale
from emon_gateway.pages.links.visits import LinkPage, Visit
from emon_gateway.pages.rendering import language_of, page
from emon_gateway.pages.texts_about_people import day_text, texts_about_people_in
from emon_gateway.routing.services import ServiceUnavailable
from emon_platform.signed_links import InvalidLink

CONFIRMATION = "erase"
CONFLICT = 409
_FIELDS = ("display_name", "locale")
_EMAIL_ERRORS = {422: "email_malformed", CONFLICT: "email_too_often"}


class _Membership(BaseModel):
    organisation: str
    municipality: str
    engagement: str


class _Grant(BaseModel):
    role: str
    municipality: str | None
    organisation: str | None


class _Absence(BaseModel):
    first_day: date
    last_day: date


class _Record(BaseModel):
    """What contacts tells a person of themselves. Fields that were added since are left alone."""

    display_name: str
    email: str | None
    pending_email: str | None = None
    former_emails: list[str] = []
    locale: str
    memberships: list[_Membership]
    grants: list[_Grant]
    entered_by: str | None
    working_days: list[str] | None
    absences: list[_Absence]


class _FieldError(BaseModel):
    pointer: str = ""


class _Problem(BaseModel):
    """What contacts says against what a form asked for (RFC 9457)."""

    status: int
    errors: list[_FieldError] = []


async def _show_record(visit: Visit) -> Response:
    record = await _read(visit, LinkPurpose.CORRECTION)
    return _nothing_held(visit) if record is None else _record_page(visit, record)


async def _correct(visit: Visit, form: FormData) -> Response:
    if "email" in form:
        return await _propose_address(visit, str(form.get("email", "")))
    wish = {field: str(form.get(field, "")) for field in _FIELDS}
    try:
        status, answer = await visit.ask(
            "contacts", "POST", f"{_path(visit)}/correction", purpose=LinkPurpose.CORRECTION, body=wish
        )
    except InvalidLink:
        return _nothing_held(visit)
    record = await _read(visit, LinkPurpose.CORRECTION)
    if record is None:
        return _nothing_held(visit)
    if status == 200:
        return _record_page(visit, record, saved=True)
    return _record_page(visit, record, status, wish=wish, errors=_errors(answer))


async def _propose_address(visit: Visit, email: str) -> Response:
    body = {"email": email}
    try:
        status, _ = await visit.ask(
            "contacts", "POST", f"{_path(visit)}/address-change", purpose=LinkPurpose.CORRECTION, body=body
        )
    except InvalidLink:
        return _nothing_held(visit)
    record = await _read(visit, LinkPurpose.CORRECTION)
    if record is None:
        return _nothing_held(visit)
    if status == 202:
        return _record_page(visit, record, proposed=email.strip())
    if status not in _EMAIL_ERRORS:
        raise ServiceUnavailable("contacts", f"status {status}")
    return _record_page(visit, record, status, wanted_email=email, errors={"email": _EMAIL_ERRORS[status]})


def _errors(answer: Any) -> Mapping[str, str]:
    """Which text stands beside which field. Raises ServiceUnavailable where the problem is none of the form's."""
    try:
        problem = _Problem.model_validate(answer)
    except ValidationError as error:
        raise ServiceUnavailable("contacts", "a problem of another shape") from error
    texts = {
        "/display_name": "name_taken" if problem.status == CONFLICT else "name_malformed",
        "/locale": "locale_malformed",
    }
    found = {error.pointer.removeprefix("/"): texts[error.pointer] for error in problem.errors if error.pointer in texts}
    if not found:
        raise ServiceUnavailable("contacts", "a problem with something else")
    return found


def _record_page(
    visit: Visit,
    record: _Record,
    status: int = 200,
    *,
    wish: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    saved: bool = False,
    wanted_email: str = "",
    proposed: str | None = None,
) -> Response:
    language = language_of(visit.request)
    return page(
        visit.request,
        "own_record.html",
        status,
        words=texts_about_people_in(language),
        token=visit.token,
        record=record,
        absences=[(day_text(item.first_day, language), day_text(item.last_day, language)) for item in record.absences],
        locales=[locale.value for locale in Locale],
        wish=wish or {"display_name": record.display_name, "locale": record.locale},
        name_length_max=NAME_LENGTH_MAX,
        errors={field: (errors or {}).get(field) for field in (*_FIELDS, "email")},
        saved=saved,
        email_length_max=EMAIL_LENGTH_MAX,
        wanted_email=wanted_email,
        proposed=proposed,
    )


async def _show_erasure(visit: Visit) -> Response:
    record = await _read(visit, LinkPurpose.ERASURE)
    return _nothing_held(visit) if record is None else _erasure_page(visit, record)


async def _erase(visit: Visit, form: FormData) -> Response:
    if form.get("confirmation") != CONFIRMATION:
        return await _show_erasure(visit)
    try:
        status, _ = await visit.ask("contacts", "POST", f"{_path(visit)}/erasure", purpose=LinkPurpose.ERASURE)
    except InvalidLink:
        return _nothing_held(visit)
    if status == CONFLICT:
        record = await _read(visit, LinkPurpose.ERASURE)
        return _nothing_held(visit) if record is None else _erasure_page(visit, record, CONFLICT, is_last_administrator=True)
    if status != 204:
        raise ServiceUnavailable("contacts", f"status {status}")
    return _outcome(visit, "erased")


def _erasure_page(visit: Visit, record: _Record, status: int = 200, *, is_last_administrator: bool = False) -> Response:
    return page(
        visit.request,
        "erasure.html",
        status,
        words=texts_about_people_in(language_of(visit.request)),
        token=visit.token,
        record=record,
        confirmation=CONFIRMATION,
        is_last_administrator=is_last_administrator,
    )


def _nothing_held(visit: Visit) -> Response:
    """The link is ours, so that its holder was there once."""
    return _outcome(visit, "nothing_held", 410)


def _outcome(visit: Visit, outcome: str, status: int = 200) -> Response:
    words = texts_about_people_in(language_of(visit.request))
    return page(visit.request, "outcome.html", status, words=words, outcome=outcome)


def _path(visit: Visit) -> str:
    return f"/v1/people/{visit.link.subject_id}"


async def _read(visit: Visit, purpose: LinkPurpose) -> _Record | None:
    """None where nothing is held any more. Raises ServiceUnavailable where contacts does not say."""
    try:
        _, found = await visit.ask("contacts", "GET", f"{_path(visit)}/record", purpose=purpose)
    except InvalidLink:
        return None
    try:
        return _Record.model_validate(found)
    except ValidationError as error:
        raise ServiceUnavailable("contacts", "a record of another shape") from error


CORRECTION = LinkPage(_show_record, _correct)
ERASURE = LinkPage(_show_erasure, _erase)
