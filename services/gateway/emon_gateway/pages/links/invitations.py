"""The page of an invitation."""

from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from emon_contracts.actors import LinkPurpose
from emon_contracts.values import ZonedDateTime
from emon_gateway.pages.links.visits import LinkPage, Visit
from emon_gateway.pages.rendering import language_of, page
from emon_gateway.pages.texts import duration_text, wall_clock_text
from emon_gateway.routing.services import ServiceUnavailable


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


async def _show(visit: Visit) -> Response:
    invitation = await _read(visit)
    meeting = invitation.meeting
    language = language_of(visit.request)
    online = meeting.link if meeting.link and urlsplit(meeting.link).scheme in ("http", "https") else None
    return page(
        visit.request,
        "invitation.html",
        title=meeting.title,
        kind=meeting.kind,
        when=wall_clock_text(meeting.start.local, meeting.start.time_zone, language),
        duration=duration_text(meeting.duration_minutes, language),
        place=meeting.place,
        online=online,
        cancelled=meeting.status == "cancelled",
        changed=visit.link.revision < meeting.revision,
    )


async def _act(visit: Visit, _form: FormData) -> Response:
    return await _show(visit)


async def _read(visit: Visit) -> _Invitation:
    """Raises InvalidLink where there is no such invitation any more, ServiceUnavailable where meetings does not say."""
    _, found = await visit.ask("meetings", "GET", f"/v1/invitations/{visit.link.subject_id}", purpose=LinkPurpose.INVITATION)
    try:
        return _Invitation.model_validate(found)
    except ValidationError as error:
        raise ServiceUnavailable("meetings", "an invitation of another shape") from error


INVITATION = LinkPage(_show, _act)
