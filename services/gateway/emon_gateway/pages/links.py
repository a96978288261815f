"""The page behind a link in a mail: shows the one thing that the link is about, as it is now."""

from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError

from emon_contracts.actors import Actor, LinkCapability
from emon_contracts.values import ZonedDateTime
from emon_gateway.pages.rendering import language_of, page
from emon_gateway.pages.texts import duration_text, wall_clock_text
from emon_gateway.parts import Parts
from emon_gateway.routing.proxy import ConnectedServices, headers_of
from emon_gateway.routing.services import Services, ServiceUnavailable
from emon_gateway.sign_in.caller import GatewayParts
from emon_platform.http.problems import RETRY_AFTER_S, ProblemError
from emon_platform.signed_links import ExpiredLink, InvalidLink, Purpose, SignedLink, verify

router = APIRouter(include_in_schema=False)

INVITATION_CAPABILITY = "invitation"
MEETINGS_TIMEOUT_S = 5.0


class _Meeting(BaseModel):
    title: str
    kind: str
    start: ZonedDateTime
    duration_minutes: int
    place: str | None
    link: str | None
    revision: int
    status: str


class _Invitation(BaseModel):
    """What meetings tells the holder of a link. Fields that were added since are left alone."""

    id: UUID
    meeting: _Meeting


@router.get("/links/{token}")
async def show_link(token: str, request: Request, parts: GatewayParts, services: ConnectedServices) -> Response:
    """Shows what the link is about. Never opens a session."""
    try:
        await parts.rates.count_stranger(request)
        link = verify(token, parts.link_key, datetime.now(UTC))
        if link.purpose is not Purpose.INVITATION:
            raise InvalidLink("for something else")
        invitation = await _read_invitation(link, parts, services)
    except ProblemError as error:
        headers = {"Retry-After": error.response.headers["Retry-After"]}
        return page(request, "notice.html", 429, headers=headers, title="too_many", action=None)
    except ExpiredLink:
        return page(request, "notice.html", 410, title="invitation-expired", action=None)
    except InvalidLink:
        return page(request, "notice.html", 404, title="invitation-invalid", action=None)
    except ServiceUnavailable:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return page(request, "notice.html", 503, headers=headers, title="unavailable", action=None)
    return _invitation_page(request, link, invitation.meeting)


async def _read_invitation(link: SignedLink, parts: Parts, services: Services) -> _Invitation:
    """Raises InvalidLink where there is no such invitation any more, ServiceUnavailable where meetings does not say."""
    capability = LinkCapability(INVITATION_CAPABILITY, link.subject_id, link.revision)
    headers = headers_of(Actor(link.person_id, link=capability), "meetings", parts, datetime.now(UTC))
    status, found = await services["meetings"].get_json(f"/v1/invitations/{link.subject_id}", headers, MEETINGS_TIMEOUT_S)
    if status in (403, 404, 410):
        raise InvalidLink("no such invitation")
    if status != 200:
        raise ServiceUnavailable("meetings", f"status {status}")
    try:
        return _Invitation.model_validate(found)
    except ValidationError as error:
        raise ServiceUnavailable("meetings", "an invitation of another shape") from error


def _invitation_page(request: Request, link: SignedLink, meeting: _Meeting) -> Response:
    language = language_of(request)
    online = meeting.link if meeting.link and urlsplit(meeting.link).scheme in ("http", "https") else None
    return page(
        request,
        "invitation.html",
        title=meeting.title,
        kind=meeting.kind,
        when=wall_clock_text(meeting.start.local, meeting.start.time_zone, language),
        duration=duration_text(meeting.duration_minutes, language),
        place=meeting.place,
        online=online,
        cancelled=meeting.status == "cancelled",
        changed=link.revision < meeting.revision,
    )
