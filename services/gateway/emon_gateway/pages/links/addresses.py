"""The page behind the link in a mail to a proposed address: whether it is the reader's, and makes it theirs."""

from typing import Any

from fastapi import Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from emon_contracts.actors import LinkPurpose
from emon_gateway.pages.links.visits import LinkPage, Visit
from emon_gateway.pages.rendering import language_of, page
from emon_gateway.pages.texts_about_people import texts_about_people_in
from emon_gateway.routing.services import ServiceUnavailable

CONFIRMATION = "confirm"
CONFLICT = 409


class _Asked(BaseModel):
    """What contacts tells the holder of the link. Fields that were added since are left alone."""

    display_name: str
    email: str
    confirmed: bool


async def _show(visit: Visit) -> Response:
    return _page(visit, _asked(await _ask(visit, "GET")))


async def _act(visit: Visit, form: FormData) -> Response:
    if form.get("confirmation") != CONFIRMATION:
        return await _show(visit)
    status, answer = await _ask(visit, "POST", "/confirmation")
    if status == CONFLICT:
        return _page(visit, _asked(await _ask(visit, "GET")), CONFLICT, taken=True)
    return _page(visit, _asked((status, answer)))


async def _ask(visit: Visit, method: str, path: str = "") -> tuple[int, Any]:
    """Raises InvalidLink where the question is over, and ServiceUnavailable."""
    target = f"/v1/people/{visit.link.subject_id}/address-change{path}"
    return await visit.ask("contacts", method, target, purpose=LinkPurpose.ADDRESS)


def _asked(answer: tuple[int, Any]) -> _Asked:
    try:
        return _Asked.model_validate(answer[1])
    except ValidationError as error:
        raise ServiceUnavailable("contacts", "a question of another shape") from error


def _page(visit: Visit, asked: _Asked, status: int = 200, *, taken: bool = False) -> Response:
    return page(
        visit.request,
        "address.html",
        status,
        words=texts_about_people_in(language_of(visit.request)),
        token=visit.token,
        asked=asked,
        confirmation=CONFIRMATION,
        taken=taken,
    )


ADDRESS = LinkPage(_show, _act)
