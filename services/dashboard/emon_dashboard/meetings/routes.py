"""The pages about meetings."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Response

from emon_dashboard import directory
from emon_dashboard.directory import Municipality, Person
from emon_dashboard.gateway import NotAllowed, Outdated, Refused
from emon_dashboard.meetings import reads
from emon_dashboard.meetings.reads import Meeting, Meetings
from emon_dashboard.rendering.forms import Form
from emon_dashboard.visits import PersonalVisit, SignedInVisit

router = APIRouter(prefix="/meetings")

TIME_ZONE = "Europe/Berlin"
MUNICIPALITIES_SHOWN = 20  # of those that somebody may mean
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


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who is to be invited, as the form sends it: ids of organisations, and of people by themselves."""

    organisations: tuple[str, ...] = ()
    people: tuple[str, ...] = ()

    @property
    def participants(self) -> list[dict[str, str]]:
        """As the gateway takes them."""
        return [
            *({"organisation_id": item} for item in self.organisations),
            *({"person_id": item} for item in self.people),
        ]


@router.get("")
async def list_meetings(visit: PersonalVisit) -> Response:
    """Meetings that lie ahead, the next one first."""
    query = visit.request.query_params
    starting_from = None if query.get("all") else datetime.now(UTC).isoformat()
    answer = await visit.get("/v1/meetings", {"starting_from": starting_from, "cursor": query.get("cursor")})
    return visit.page("meetings/list.html", page=answer.read(Meetings), shows_all=bool(query.get("all")))


@router.get("/new")
async def new_meeting(visit: PersonalVisit, ags: str = "", municipality: str = "", organisation: UUID | None = None) -> Response:
    """The form that schedules a meeting, once it is clear in which municipality; `organisation` is chosen already."""
    if not visit.who.works_here:
        raise NotAllowed
    if not ags:
        places = await _places(visit, organisation)
        if len(places) != 1 or municipality:
            return await _municipality_page(visit, places, municipality, organisation)
        ags = places[0]
    form = Form({"kind": "round_table", "duration": "90", "ags": ags, "person": ""})
    return await _schedule_page(visit, form, Chosen((str(organisation),) if organisation else ()))


@router.post("/new")
async def schedule_meeting(visit: PersonalVisit) -> Response:
    """Schedules a meeting; shows the form again with what was typed where the gateway refuses.

    Two buttons of the form schedule nothing: one looks for people, the other says how many would be invited.
    """
    sent = await visit.form()
    form = Form.sent(sent, *NAMES, "person")
    chosen = Chosen(*(tuple(str(item) for item in sent.getlist(name)) for name in ("organisations", "people")))
    if sent.get("step") == "search":
        words = form.values["person"]
        return await _schedule_page(visit, form, chosen, await reads.people_called(visit, words) if words else None)
    if sent.get("step") == "count":
        return await _schedule_page(visit, form, chosen)
    body = {
        **_body(form),
        "kind": form.values["kind"],
        "ags": form.values["ags"],
        "participants": chosen.participants,
    }
    try:
        answer = await visit.send("POST", "/v1/meetings", body, once=form.once)
    except Refused as refusal:
        return await _schedule_page(visit, form.refused(refusal, visit.texts, FIELDS), chosen, status=422)
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


async def _places(visit: SignedInVisit, organisation_id: UUID | None) -> list[str]:
    """Those to choose from where a meeting can be scheduled; with an organisation, where it is active.

    The administration may do so everywhere, and looks for one.
    """
    if organisation_id is None:
        return [] if visit.who.administers else visit.who.municipalities
    organisation, _ = await directory.one_organisation(visit, organisation_id)
    return [ags for ags in organisation.municipalities if visit.who.administers or ags in visit.who.municipalities]


async def _municipality_page(visit: SignedInVisit, places: list[str], words: str, organisation_id: UUID | None) -> Response:
    """The step before the form where it is not clear in which municipality: those to choose from, or those that are meant."""
    form = Form({"municipality": words})
    if words and visit.who.administers:
        meant = await directory.municipality_meant(visit, words)
        if isinstance(meant, Municipality):
            return visit.see_other(f"/meetings/new?ags={meant.ags}")
        names = {item.ags: item.name for item in meant.candidates[:MUNICIPALITIES_SHOWN]}
        if not names:
            form = form.wrong({"municipality": meant.text(visit.texts)})
    else:
        names = await directory.municipality_names(visit, places)
    return visit.page("meetings/municipality.html", form=form, names=names, organisation_id=organisation_id)


async def _schedule_page(
    visit: SignedInVisit, form: Form, chosen: Chosen, found: list[Person] | None = None, status: int = 200
) -> Response:
    """The form. `found` are people who were looked for; they stand behind those who are chosen."""
    ags = form.values["ags"]
    names, organisations, people, audience = await asyncio.gather(
        directory.municipality_names(visit, [ags]),
        directory.every_organisation(visit, ags),
        reads.people_by_id(visit, chosen.people),
        reads.audience(visit, ags, chosen.participants),
    )
    others = [person for person in found or () if str(person.id) not in chosen.people]
    return visit.page(
        "meetings/new.html",
        status,
        form=form,
        municipality=names[ags],
        organisations=organisations,
        people=[(str(person.id), _told_apart(person)) for person in (*people, *others)],
        how_many_found=None if found is None else len(found),
        chosen=chosen,
        audience=audience,
    )


def _told_apart(person: Person) -> str:
    return f"{person.display_name} ({person.email})" if person.email else person.display_name


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
