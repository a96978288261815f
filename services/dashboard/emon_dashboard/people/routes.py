"""The pages about people."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Response

from emon_contracts.actors import Engagement, Role
from emon_dashboard import directory
from emon_dashboard.directory import Person, Unclear
from emon_dashboard.gateway import NotAllowed, Outdated, Refused
from emon_dashboard.people import reads
from emon_dashboard.people.reads import Place, RoleChoice
from emon_dashboard.rendering.forms import Form
from emon_dashboard.visits import PersonalVisit, SignedInVisit

router = APIRouter(prefix="/people")

# The fields of the forms, by the parts of the body that they become.
ENTRY_FIELDS = {
    "display_name": "name",
    "locale": "language",
    "memberships": "place",
    "memberships/0": "place",
    "memberships/0/organisation_id": "place",
    "memberships/0/ags": "place",
    "memberships/0/engagement": "engagement",
}
MEMBERSHIP_FIELDS = {"organisation_id": "place", "ags": "place", "": "place"}
ROLE_FIELDS = {"role": "role", "organisation_id": "role", "ags": "role", "": "role"}


@router.get("")
async def list_people(visit: PersonalVisit) -> Response:
    """People: all by name, or those who are looked for."""
    query = visit.request.query_params
    words = query.get("q", "").strip()
    page, organisations = await asyncio.gather(
        reads.find(visit, words, query.get("cursor")), directory.first_organisations(visit)
    )
    mentioned = {membership.organisation_id for person in page.items for membership in person.memberships}
    organisations |= await directory.organisations_by_id(visit, mentioned - organisations.keys())
    return visit.page("people/list.html", page=page, organisations=organisations, form=Form({"q": words}))


@router.get("/new")
async def new_person(visit: PersonalVisit, organisation: UUID | None = None) -> Response:
    """The form that enters somebody; in `organisation` of the query, or in one that is chosen there."""
    language = "en" if visit.language == "en" else "de"
    form = Form({"name": "", "email": "", "language": language, "place": "", "engagement": "volunteer"})
    return await _entry_page(visit, form, organisation)


@router.post("/new")
async def enter_person(visit: PersonalVisit, organisation: UUID | None = None) -> Response:
    """Enters somebody; shows the form again with what was typed where the gateway refuses."""
    form = Form.sent(await visit.form(), "name", "email", "language", "place", "engagement")
    values = form.values
    membership = {**Place.parts(values["place"]), "engagement": values["engagement"]}
    body = {
        "display_name": values["name"],
        "email": values["email"] or None,
        "locale": values["language"],
        "memberships": [membership] if values["place"] else [],
    }
    try:
        answer = await visit.send("POST", "/v1/people", body, once=form.once)
    except Refused as refusal:
        return await _entry_page(visit, form.refused(refusal, visit.texts, ENTRY_FIELDS), organisation, 422)
    return visit.see_other(f"/people/{answer.read(Person).id}", done="people.entered")


@router.get("/{person_id}")
async def show_person(person_id: UUID, visit: PersonalVisit) -> Response:
    """Somebody: where they take part, as what, and whether an e-mail reaches them."""
    (person, _), deliveries = await asyncio.gather(reads.one_person(visit, person_id), reads.deliveries(visit, person_id))
    names = await reads.names_for(visit, person)
    return visit.page("people/person.html", person=person, names=names, deliveries=deliveries)


@router.get("/{person_id}/change")
async def show_change(person_id: UUID, visit: PersonalVisit) -> Response:
    """The form that gives somebody another name or language."""
    person, etag = await reads.one_person(visit, person_id)
    form = Form({"name": person.display_name, "language": person.locale})
    return visit.page("people/change.html", person=person, etag=etag, form=form, theirs=None)


@router.post("/{person_id}/change")
async def change_person(person_id: UUID, visit: PersonalVisit) -> Response:
    """Changes name or language. Where somebody else did meanwhile, both versions are shown."""
    sent = await visit.form()
    form = Form.sent(sent, "name", "language")
    etag = str(sent.get("etag", ""))
    body = {"display_name": form.values["name"], "locale": form.values["language"]}
    try:
        await visit.send("PATCH", f"/v1/people/{person_id}", body, etag=etag)
    except Outdated:
        person, etag = await reads.one_person(visit, person_id)
        return visit.page("people/change.html", 409, person=person, etag=etag, form=form, theirs=person)
    except Refused as refusal:
        person, _ = await reads.one_person(visit, person_id)
        form = form.refused(refusal, visit.texts, ENTRY_FIELDS)
        return visit.page("people/change.html", 422, person=person, etag=etag, form=form, theirs=None)
    return visit.see_other(f"/people/{person_id}", done="people.changed")


@router.get("/{person_id}/address")
async def show_address(person_id: UUID, visit: PersonalVisit) -> Response:
    """The form that proposes another address."""
    person, _ = await reads.one_person(visit, person_id)
    return visit.page("people/address.html", person=person, form=Form({"email": ""}))


@router.post("/{person_id}/address")
async def propose_address(person_id: UUID, visit: PersonalVisit) -> Response:
    """Sends a link to the address; it is theirs once they follow it."""
    form = Form.sent(await visit.form(), "email")
    try:
        await directory.propose_address(visit, person_id, form.values["email"])
    except Refused as refusal:
        person, _ = await reads.one_person(visit, person_id)
        return visit.page("people/address.html", 422, person=person, form=form.refused(refusal, visit.texts))
    return visit.see_other(f"/people/{person_id}", done="people.address_proposed")


@router.get("/{person_id}/memberships/new")
async def new_membership(person_id: UUID, visit: PersonalVisit) -> Response:
    """The form that makes somebody a member."""
    return await _membership_page(visit, person_id, Form({"place": "", "engagement": "volunteer"}))


@router.post("/{person_id}/memberships/new")
async def add_membership(person_id: UUID, visit: PersonalVisit) -> Response:
    """Makes somebody a member."""
    form = Form.sent(await visit.form(), "place", "engagement")
    body = {**Place.parts(form.values["place"]), "engagement": form.values["engagement"]}
    try:
        await visit.send("POST", f"/v1/people/{person_id}/memberships", body)
    except Refused as refusal:
        return await _membership_page(visit, person_id, form.refused(refusal, visit.texts, MEMBERSHIP_FIELDS), 422)
    return visit.see_other(f"/people/{person_id}", done="people.member")


@router.get("/{person_id}/memberships/{organisation_id}/end")
async def ask_to_end_membership(
    person_id: UUID, organisation_id: UUID, ags: str, engagement: Engagement, visit: PersonalVisit
) -> Response:
    """Asks whether a membership is to end."""
    query = {"ags": ags, "engagement": engagement.value}
    return await _end_page(visit, person_id, "membership", f"memberships/{organisation_id}", query, organisation_id)


@router.post("/{person_id}/memberships/{organisation_id}/end")
async def end_membership(
    person_id: UUID, organisation_id: UUID, ags: str, engagement: Engagement, visit: PersonalVisit
) -> Response:
    """Ends a membership."""
    return await _end(
        visit, person_id, f"memberships/{organisation_id}", {"ags": ags, "engagement": engagement}, "people.membership_ended"
    )


@router.get("/{person_id}/roles/new")
async def new_role(person_id: UUID, visit: PersonalVisit) -> Response:
    """The form that grants somebody a role."""
    return await _role_page(visit, person_id, Form({"role": "", "municipality": ""}))


@router.post("/{person_id}/roles/new")
async def grant_role(person_id: UUID, visit: PersonalVisit) -> Response:
    """Grants somebody a role."""
    form = Form.sent(await visit.form(), "role", "municipality")
    body = RoleChoice.parts(form.values["role"])
    if form.values["role"] == RoleChoice(Role.COORDINATOR, None).value:
        meant = await directory.municipality_meant(visit, form.values["municipality"])
        if isinstance(meant, Unclear):
            return await _role_page(visit, person_id, form.wrong({"municipality": meant.text(visit.texts)}), 422)
        body["ags"] = meant.ags
    try:
        await visit.send("POST", f"/v1/people/{person_id}/grants", body)
    except Refused as refusal:
        return await _role_page(visit, person_id, form.refused(refusal, visit.texts, ROLE_FIELDS), 422)
    return visit.see_other(f"/people/{person_id}", done="people.granted")


@router.get("/{person_id}/roles/{role}/end")
async def ask_to_end_role(
    person_id: UUID, role: Role, visit: PersonalVisit, ags: str | None = None, organisation_id: UUID | None = None
) -> Response:
    """Asks whether a role is to be taken back."""
    scope = _scope(ags, organisation_id)
    return await _end_page(visit, person_id, role.value, f"roles/{role}", scope, organisation_id)


@router.post("/{person_id}/roles/{role}/end")
async def end_role(
    person_id: UUID, role: Role, visit: PersonalVisit, ags: str | None = None, organisation_id: UUID | None = None
) -> Response:
    """Takes a role back."""
    return await _end(visit, person_id, f"grants/{role}", _scope(ags, organisation_id), "people.withdrawn")


def _scope(ags: str | None, organisation_id: UUID | None) -> dict[str, str]:
    """The scope of a role, as the gateway's query names it."""
    scope = {"ags": ags, "organisation_id": organisation_id}
    return {name: str(value) for name, value in scope.items() if value is not None}


async def _end_page(
    visit: SignedInVisit, person_id: UUID, tie: str, path: str, query: Mapping[str, str], organisation_id: UUID | None
) -> Response:
    """Asks whether a tie, a membership or a role, is to end."""
    person, etag = await reads.one_person(visit, person_id)
    names = await reads.names_for(visit, person)
    return visit.page(
        "people/end.html",
        person=person,
        etag=etag,
        tie=tie,
        scope=names.organisation(organisation_id) or names.municipality(query.get("ags")),
        is_last=_is_last(visit, person),
        action=f"/people/{person_id}/{path}/end?{urlencode(query)}",
    )


async def _end(visit: SignedInVisit, person_id: UUID, what: str, query: Mapping[str, str], done: str) -> Response:
    """Ends it, and leads back; to the list where that was all through which the visitor saw the person."""
    sent = await visit.form()
    person, _ = await reads.one_person(visit, person_id)
    await visit.send("DELETE", f"/v1/people/{person_id}/{what}", etag=str(sent.get("etag", "")), query=query)
    return visit.see_other("/people" if _is_last(visit, person) else f"/people/{person_id}", done=done)


def _is_last(visit: SignedInVisit, person: Person) -> bool:
    """Whether one thing less would take the person out of the visitor's sight."""
    seen_anyway = visit.who.administers or visit.who.person_id == person.id
    return not seen_anyway and len(person.memberships) + len(person.grants) == 1


async def _entry_page(visit: SignedInVisit, form: Form, organisation_id: UUID | None, status: int = 200) -> Response:
    if not visit.who.coordinates:
        raise NotAllowed
    places = await reads.places(visit, organisation_id)
    return visit.page("people/new.html", status, form=form, places=places, organisation_id=organisation_id)


async def _membership_page(visit: SignedInVisit, person_id: UUID, form: Form, status: int = 200) -> Response:
    if not visit.who.coordinates:
        raise NotAllowed
    (person, _), places = await asyncio.gather(reads.one_person(visit, person_id), reads.places(visit))
    return visit.page("people/membership.html", status, person=person, form=form, places=places)


async def _role_page(visit: SignedInVisit, person_id: UUID, form: Form, status: int = 200) -> Response:
    if not visit.who.coordinates:
        raise NotAllowed
    person, _ = await reads.one_person(visit, person_id)
    choices = await reads.role_choices(visit, person)
    return visit.page("people/role.html", status, person=person, form=form, choices=choices)
