"""The pages about meetings."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Response

from emon_dashboard import directory
from emon_dashboard.gateway import Outdated, Refused
from emon_dashboard.meetings import reads
from emon_dashboard.meetings.reads import Meeting, Meetings
from emon_dashboard.rendering.forms import Form
from emon_dashboard.visits import PersonalVisit, SignedInVisit

router = APIRouter(prefix="/meetings")

TIME_ZONE = "Europe/Berlin"
NAMES = ("kind", "ags", "title", "start", "duration", "place", "link", "organisations")
# The fields of a form, by the parts of the body that they become.
FIELDS = {
    "start/local": "start",
    "start/time_zone": "start",
    "start": "start",
    "duration_minutes": "duration",
    "place": "place",
    "": "place",  # neither place nor link
    "participants": "organisations",
}


@router.get("")
async def list_meetings(visit: PersonalVisit) -> Response:
    """Meetings that lie ahead, the next one first."""
    query = visit.request.query_params
    starting_from = None if query.get("all") else datetime.now(UTC).isoformat()
    answer = await visit.get("/v1/meetings", {"starting_from": starting_from, "cursor": query.get("cursor")})
    return visit.page("meetings/list.html", page=answer.read(Meetings), shows_all=bool(query.get("all")))


@router.get("/new")
async def new_meeting(visit: PersonalVisit) -> Response:
    """The form that schedules a meeting; `organisation` of the query is chosen already."""
    chosen = visit.request.query_params.get("organisation", "")
    form = Form({"kind": "round_table", "duration": "90", "ags": _only(visit.who.municipalities)})
    return await _schedule_page(visit, form, (chosen,) if chosen else ())


@router.post("/new")
async def schedule_meeting(visit: PersonalVisit) -> Response:
    """Schedules a meeting; shows the form again with what was typed where the gateway refuses."""
    sent = await visit.form()
    form = Form.sent(sent, *NAMES)
    chosen = [str(item) for item in sent.getlist("organisations")]
    body = {
        **_body(form),
        "kind": form.values["kind"],
        "ags": form.values["ags"],
        "participants": [{"organisation_id": item} for item in chosen],
    }
    try:
        answer = await visit.send("POST", "/v1/meetings", body, once=form.once)
    except Refused as refusal:
        return await _schedule_page(visit, form.refused(refusal, visit.texts, FIELDS), chosen, 422)
    return visit.see_other(f"/meetings/{answer.read(Meeting).id}", done="meetings.scheduled")


@router.get("/{meeting_id}")
async def show_meeting(meeting_id: UUID, visit: PersonalVisit) -> Response:
    """A meeting, and who said what to it."""
    (meeting, _), invited = await asyncio.gather(reads.one_meeting(visit, meeting_id), reads.everybody_invited(visit, meeting_id))
    own = next((invitation for invitation in invited if invitation.person_id == visit.who.person_id), None)
    return visit.page("meetings/meeting.html", meeting=meeting, invited=invited, own=own)


@router.get("/{meeting_id}/participants")
async def print_participants(meeting_id: UUID, visit: PersonalVisit) -> Response:
    """A list of participants to print, with room to sign."""
    (meeting, _), invited = await asyncio.gather(reads.one_meeting(visit, meeting_id), reads.everybody_invited(visit, meeting_id))
    coming = [invitation for invitation in invited if invitation.reply != "declined"]
    return visit.page("meetings/participants.html", meeting=meeting, coming=coming)


@router.post("/{meeting_id}/reply")
async def reply(meeting_id: UUID, visit: PersonalVisit) -> Response:
    """Says whether somebody comes: the visitor, or somebody who said so on the phone."""
    sent = await visit.form()
    person_id = str(sent.get("person_id") or visit.who.person_id)
    body = {"reply": str(sent.get("reply", "")), "revision": int(str(sent.get("revision", "0")))}
    await visit.send("PUT", f"/v1/meetings/{meeting_id}/invitations/{UUID(person_id)}/reply", body)
    return visit.see_other(f"/meetings/{meeting_id}", done="meetings.replied")


@router.get("/{meeting_id}/change")
async def show_change(meeting_id: UUID, visit: PersonalVisit) -> Response:
    """The form that moves a meeting, or gives it another title."""
    meeting, etag = await reads.one_meeting(visit, meeting_id)
    return visit.page("meetings/change.html", meeting=meeting, etag=etag, form=Form(_values(meeting)), theirs=None)


@router.post("/{meeting_id}/change")
async def change_meeting(meeting_id: UUID, visit: PersonalVisit) -> Response:
    """Changes a meeting. Where somebody else did meanwhile, both versions are shown."""
    sent = await visit.form()
    form = Form.sent(sent, *NAMES)
    etag = str(sent.get("etag", ""))
    try:
        await visit.send("PATCH", f"/v1/meetings/{meeting_id}", _body(form), etag=etag)
    except Outdated:
        meeting, etag = await reads.one_meeting(visit, meeting_id)
        return visit.page("meetings/change.html", 409, meeting=meeting, etag=etag, form=form, theirs=meeting)
    except Refused as refusal:
        meeting, _ = await reads.one_meeting(visit, meeting_id)
        refused = form.refused(refusal, visit.texts, FIELDS)
        return visit.page("meetings/change.html", 422, meeting=meeting, etag=etag, form=refused, theirs=None)
    return visit.see_other(f"/meetings/{meeting_id}", done="meetings.changed")


@router.get("/{meeting_id}/cancel")
async def show_cancellation(meeting_id: UUID, visit: PersonalVisit) -> Response:
    """Asks for the reason, and whether it is meant."""
    meeting, _ = await reads.one_meeting(visit, meeting_id)
    return visit.page("meetings/cancel.html", meeting=meeting, form=Form({"reason": ""}))


@router.post("/{meeting_id}/cancel")
async def cancel_meeting(meeting_id: UUID, visit: PersonalVisit) -> Response:
    """Cancels a meeting."""
    sent = await visit.form()
    form = Form({"reason": str(sent.get("reason", "")).strip()})
    try:
        await visit.send("POST", f"/v1/meetings/{meeting_id}/cancellation", {"reason": form.values["reason"] or None})
    except Refused as refusal:
        meeting, _ = await reads.one_meeting(visit, meeting_id)
        return visit.page("meetings/cancel.html", 422, meeting=meeting, form=form.refused(refusal, visit.texts))
    return visit.see_other(f"/meetings/{meeting_id}", done="meetings.cancelled")


async def _schedule_page(visit: SignedInVisit, form: Form, chosen: list[str] | tuple[str, ...], status: int = 200) -> Response:
    municipalities, organisations = await asyncio.gather(
        reads.municipalities(visit), directory.every_organisation(visit, form.values.get("ags"))
    )
    return visit.page(
        "meetings/new.html", status, form=form, municipalities=municipalities, organisations=organisations, chosen=chosen
    )


def _body(form: Form) -> dict[str, object]:
    duration = form.values["duration"]
    return {
        "title": form.values["title"],
        "start": {"local": form.values["start"], "time_zone": TIME_ZONE},
        "duration_minutes": int(duration) if duration.isdigit() else duration,
        "place": form.values["place"] or None,
        "link": form.values["link"] or None,
    }


def _values(meeting: Meeting) -> dict[str, str]:
    return {
        "title": meeting.title,
        "start": meeting.start.local.isoformat(timespec="minutes"),
        "duration": str(meeting.duration_minutes),
        "place": meeting.place or "",
        "link": meeting.link or "",
    }


def _only(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ""
