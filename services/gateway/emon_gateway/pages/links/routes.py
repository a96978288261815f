"""`/links/{token}`: GET shows what the link is about, since mail scanners follow links; POST acts on it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from emon_gateway.pages.links.addresses import ADDRESS
from emon_gateway.pages.links.feedback import FEEDBACK
from emon_gateway.pages.links.invitations import INVITATION
from emon_gateway.pages.links.people import CORRECTION, ERASURE
from emon_gateway.pages.links.visits import LinkPage, Visit
from emon_gateway.pages.rendering import page
from emon_gateway.parts import Parts
from emon_gateway.routing.proxy import ConnectedServices
from emon_gateway.routing.services import Services, ServiceUnavailable
from emon_gateway.sign_in.caller import GatewayParts
from emon_platform.http.browsers import came_from_elsewhere
from emon_platform.http.problems import RETRY_AFTER_S, ProblemError
from emon_platform.signed_links import ExpiredLink, InvalidLink, Purpose, verify

router = APIRouter(prefix="/links", include_in_schema=False)

FORM_FIELDS_MAX = 10

PAGES: Mapping[Purpose, LinkPage] = {
    Purpose.INVITATION: INVITATION,
    Purpose.CORRECTION: CORRECTION,
    Purpose.ERASURE: ERASURE,
    Purpose.FEEDBACK: FEEDBACK,
    Purpose.ADDRESS: ADDRESS,
}


@router.get("/{token}")
async def show(token: str, request: Request, parts: GatewayParts, services: ConnectedServices) -> Response:
    """The page of the link. Does nothing."""
    return await _visit(token, request, parts, services, acting=False)


@router.post("/{token}")
async def act(token: str, request: Request, parts: GatewayParts, services: ConnectedServices) -> Response:
    """Takes the form of the page."""
    if came_from_elsewhere(request, parts.public_origin):
        return page(request, "notice.html", 403, title="foreign_form", action=None)
    return await _visit(token, request, parts, services, acting=True)


async def _visit(token: str, request: Request, parts: Parts, services: Services, *, acting: bool) -> Response:
    try:
        await parts.rates.count_stranger(request)
        link = verify(token, parts.link_key, datetime.now(UTC))
        if link.purpose not in PAGES:
            raise InvalidLink("for something else")
        visit = Visit(request, token, link, parts, services)
        if not acting:
            return await PAGES[link.purpose].show(visit)
        async with request.form(max_files=0, max_fields=FORM_FIELDS_MAX) as form:
            return await PAGES[link.purpose].act(visit, form)
    except ProblemError as error:
        headers = {"Retry-After": error.response.headers["Retry-After"]}
        return page(request, "notice.html", 429, headers=headers, title="too_many", action=None)
    except ExpiredLink:
        return page(request, "notice.html", 410, title="page-link-expired", action=None)
    except InvalidLink:
        return page(request, "notice.html", 404, title="page-link-invalid", action=None)
    except ServiceUnavailable:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return page(request, "notice.html", 503, headers=headers, title="unavailable", action=None)
