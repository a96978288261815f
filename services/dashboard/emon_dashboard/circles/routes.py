"""The pages about circles and organisations."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Response

from emon_dashboard import directory
from emon_dashboard.circles import reads
from emon_dashboard.directory import Organisation, Unclear
from emon_dashboard.gateway import NotAllowed, Outdated, Refused
from emon_dashboard.rendering.forms import Form
from emon_dashboard.visits import PersonalVisit, SignedInVisit

router = APIRouter(prefix="/circles")


@router.get("")
async def list_circles(visit: PersonalVisit) -> Response:
    """Circles and organisations: all by name, or those that are looked for."""
    query = visit.request.query_params
    words, kind = query.get("q", "").strip(), query.get("kind", "")
    kind = kind if visit.texts.has(f"circles.kinds.{kind}") else ""
    page = await reads.find(visit, words, kind, query.get("cursor"))
    names = await directory.municipality_names(visit, (ags for item in page.items for ags in item.municipalities))
    form = Form({"q": words, "kind": kind})
    return visit.page("circles/list.html", page=page, names=names, form=form)


@router.get("/new")
async def new_circle(visit: PersonalVisit) -> Response:
    """The form that registers a circle or organisation."""
    return await _registration_page(visit, Form({"name": "", "kind": "helper_circle", "ags": ""}))


@router.post("/new")
async def register_circle(visit: PersonalVisit) -> Response:
    """Registers one; shows the form again with what was typed where the gateway refuses."""
    sent = await visit.form()
    form = Form.sent(sent, "name", "kind", "ags")
    ags = form.values["ags"]
    if visit.who.administers:
        meant = await directory.municipality_meant(visit, ags)
        if isinstance(meant, Unclear):
            return await _registration_page(visit, form.wrong({"ags": meant.text(visit.texts)}), 422)
        ags = meant.ags
    body = {"name": form.values["name"], "kind": form.values["kind"], "ags": ags}
    try:
        answer = await visit.send("POST", "/v1/organisations", body, once=form.once)
    except Refused as refusal:
        return await _registration_page(visit, form.refused(refusal, visit.texts), 422)
    return visit.see_other(f"/circles/{answer.read(Organisation).id}", done="circles.registered")


@router.get("/{organisation_id}")
async def show_circle(organisation_id: UUID, visit: PersonalVisit) -> Response:
    """A circle: who takes part, when it meets next, what waits for an answer."""
    (circle, _), members, meeting, feedback = await asyncio.gather(
        directory.one_organisation(visit, organisation_id),
        reads.members(visit, organisation_id, visit.request.query_params.get("cursor")),
        reads.next_meeting(visit, organisation_id),
        reads.open_feedback(visit, organisation_id),
    )
    names = await directory.municipality_names(visit, circle.municipalities)
    return visit.page("circles/circle.html", circle=circle, members=members, meeting=meeting, feedback=feedback, names=names)


@router.get("/{organisation_id}/change")
async def show_change(organisation_id: UUID, visit: PersonalVisit) -> Response:
    """The form that gives it another name or kind."""
    circle, etag = await directory.one_organisation(visit, organisation_id)
    form = Form({"name": circle.name, "kind": circle.kind})
    return visit.page("circles/change.html", circle=circle, etag=etag, form=form, theirs=None)


@router.post("/{organisation_id}/change")
async def change_circle(organisation_id: UUID, visit: PersonalVisit) -> Response:
    """Changes it. Where somebody else did meanwhile, both versions are shown."""
    sent = await visit.form()
    form = Form.sent(sent, "name", "kind")
    etag = str(sent.get("etag", ""))
    try:
        await visit.send("PATCH", f"/v1/organisations/{organisation_id}", dict(form.values), etag=etag)
    except Outdated:
        circle, etag = await directory.one_organisation(visit, organisation_id)
        return visit.page("circles/change.html", 409, circle=circle, etag=etag, form=form, theirs=circle)
    except Refused as refusal:
        circle, _ = await directory.one_organisation(visit, organisation_id)
        form = form.refused(refusal, visit.texts)
        return visit.page("circles/change.html", 422, circle=circle, etag=etag, form=form, theirs=None)
    return visit.see_other(f"/circles/{organisation_id}", done="circles.changed")


async def _registration_page(visit: SignedInVisit, form: Form, status: int = 200) -> Response:
    if not visit.who.coordinates:
        raise NotAllowed
    names = {} if visit.who.administers else await directory.municipality_names(visit, visit.who.coordinated)
    return visit.page("circles/new.html", status, form=form, municipalities=sorted(names.items()))
