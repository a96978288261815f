"""The page of an invitation: shows the meeting as it is now, and takes a reply to it."""

from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Response
from pydantic import AwareDatetime, BaseModel, ValidationError
from starlette.datastructures import FormData

from emon_contracts.actors import LinkPurpose
from emon_contracts.events.meetings import Reply
from emon_contracts.values import ZonedDateTime
from emon_gateway.pages.links.visits import LinkPage, Visit
from emon_gateway.pages.rendering import language_of, page, see_other
from emon_gateway.pages.texts import duration_text, wall_clock_text
from emon_gateway.routing.services import ServiceUnavailable

REVISION_DIGITS_MAX = 10


class _Meeting(BaseModel):
    id: UUID
    title: str
    kind: str
    start: ZonedDateTime
    starts_at: AwareDatetime
    duration_minutes: int
    place: str | None
    link: str | None
    revision: int
    status: str


class _Invitation(BaseModel):
    """What meetings tells the holder of a link. Fields that were added since are left alone."""

    id: UUID
    person_id: UUID
    reply: Reply | None
    earlier_reply: Reply | None
    meeting: _Meeting


async def _show(visit: Visit) -> Response:
    return _page(visit, await _read(visit))


async def _act(visit: Visit, form: FormData) -> Response:
    """Replies to the meeting as the form showed it. Where that is past, shows what is now and asks again."""
    wanted = form.get("reply")
    if wanted not in list(Reply):
        return see_other(visit.request)
    invitation = await _read(visit)
    status, _ = await visit.ask(
        "meetings",
        "PUT",
        f"/v1/meetings/{invitation.meeting.id}/invitations/{invitation.person_id}/reply",
        purpose=LinkPurpose.INVITATION,
        body={"reply": wanted},
        revision=_revision_in(form),
    )
    if status == 409:
        return _page(visit, await _read(visit), unrecorded=True)
    if status != 200:
        raise ServiceUnavailable("meetings", f"status {status}")
    return see_other(visit.request)


def _revision_in(form: FormData) -> int | None:
    """The revision of the meeting that the form showed; None where the form does not say."""
    value = str(form.get("revision", ""))
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= REVISION_DIGITS_MAX else None


async def _read(visit: Visit) -> _Invitation:
    """Raises InvalidLink where there is no such invitation any more, ServiceUnavailable where meetings does not say."""
    _, found = await visit.ask("meetings", "GET", f"/v1/invitations/{visit.link.subject_id}", purpose=LinkPurpose.INVITATION)
    try:
        return _Invitation.model_validate(found)
    except ValidationError as error:
        raise ServiceUnavailable("meetings", "an invitation of another shape") from error


def _page(visit: Visit, invitation: _Invitation, *, unrecorded: bool = False) -> Response:
    meeting = invitation.meeting
    language = language_of(visit.request)
    online = meeting.link if meeting.link and urlsplit(meeting.link).scheme in ("http", "https") else None
    return page(
        visit.request,
        "invitation.html",
        409 if unrecorded else 200,
        title=meeting.title,
        kind=meeting.kind,
        when=wall_clock_text(meeting.start.local, meeting.start.time_zone, language),
        duration=duration_text(meeting.duration_minutes, language),
        place=meeting.place,
        online=online,
        cancelled=meeting.status == "cancelled",
        started=meeting.starts_at <= datetime.now(UTC),
        unrecorded=unrecorded,
        changed=visit.link.revision < meeting.revision,
        revision=meeting.revision,
        replies=list(Reply),
        reply=invitation.reply,
        earlier_reply=invitation.earlier_reply,
    )


INVITATION = LinkPage(_show, _act)
