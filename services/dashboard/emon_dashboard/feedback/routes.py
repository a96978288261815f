"""The pages about feedback."""

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Response
from starlette.datastructures import FormData

from emon_dashboard.directory import every_organisation
from emon_dashboard.feedback import reads
from emon_dashboard.feedback.reads import Deadline, Feedback
from emon_dashboard.gateway import Query, Refused
from emon_dashboard.rendering.forms import Form
from emon_dashboard.visits import PersonalVisit, SignedInVisit

router = APIRouter(prefix="/feedback")

ROWS = 50
INTERIM_DAYS_MAX = 92
# What a list can be narrowed to; those that are open are sorted by their deadlines, so that all of them are read.
FILTERS: Mapping[str, Query] = {
    "received": {"status": "received"},
    "acknowledged": {"status": "acknowledged"},
    "answered": {"status": "answered"},
    "rated": {"status": "rated"},
    "mine": {"mine": True},
}
# The fields of the forms of one feedback, which all stand on one page.
TYPED = ("answer", "interim_text", "answer_by", "message", "stars")
# The fields of the form for new feedback, by the parts of the body that they become.
FIELDS = {
    "about": "about",
    "about/organisation_id": "about",
    "about/meeting_id": "about",
    "about/topic": "topic",
}


@router.get("")
async def list_feedback(visit: PersonalVisit) -> Response:
    """What waits for an answer, the most urgent first, and below it what was answered; or what a filter says."""
    query = visit.request.query_params
    chosen = query.get("filter", "")
    chosen = chosen if chosen in FILTERS else ""
    begin = _row(query.get("from", ""))
    waiting: list[tuple[Feedback, Deadline]] = []
    if not query.get("cursor") and (not chosen or chosen in reads.OPEN):
        found = await reads.all_feedback(visit, FILTERS.get(chosen, {"open": True}))
        waiting = reads.most_urgent_first(found, reads.today())
    closed = None
    if chosen not in reads.OPEN and len(waiting) <= begin + ROWS:
        closed = await reads.page_of_feedback(visit, {**FILTERS.get(chosen, {"open": False}), "cursor": query.get("cursor")})
    return visit.page(
        "feedback/list.html",
        filters_offered=("", *FILTERS),
        chosen=chosen,
        waiting=waiting[begin : begin + ROWS],
        count=len(waiting),
        next_from=begin + ROWS if len(waiting) > begin + ROWS else None,
        closed=closed,
    )


@router.get("/new")
async def new_feedback(visit: PersonalVisit) -> Response:
    """The form for feedback by name; `organisation` or `meeting` of the query is chosen already."""
    query = visit.request.query_params
    about = next((f"{thing}:{query[thing]}" for thing in ("organisation", "meeting") if thing in query), "")
    return await _new_page(visit, Form({"kind": "", "about": about, "topic": "", "text": "", "ags": ""}))


@router.post("/new")
async def submit_feedback(visit: PersonalVisit) -> Response:
    """Submits feedback; shows the form again with what was typed where the gateway refuses."""
    sent = await visit.form()
    form = _form(sent, ("kind", "about", "topic", "text", "ags"))
    thing, _, identifier = form.values["about"].partition(":")
    if thing and form.values["topic"]:
        return await _new_page(visit, form.wrong({"topic": visit.texts.text("feedback.form.one_thing")}), 422)
    about = {f"{thing}_id": identifier} if thing else {"topic": form.values["topic"]} if form.values["topic"] else None
    body = {"kind": form.values["kind"], "about": about, "text": form.values["text"], "ags": form.values["ags"] or None}
    try:
        answer = await visit.send("POST", "/v1/feedback", body, once=form.once)
    except Refused as refusal:
        return await _new_page(visit, form.refused(refusal, visit.texts, FIELDS), 422)
    return visit.see_other(f"/feedback/{answer.read(Feedback).id}", done="feedback.submitted")


@router.get("/{feedback_id}")
async def show_feedback(feedback_id: UUID, visit: PersonalVisit) -> Response:
    """One feedback: its text, what became of it, and what the reader may do next."""
    return await _page(visit, feedback_id, _typed())


@router.post("/{feedback_id}/acknowledgement")
async def acknowledge(feedback_id: UUID, visit: PersonalVisit) -> Response:
    """Says that it was read."""
    return await _act(visit, feedback_id, "acknowledgement", _typed(), None)


@router.post("/{feedback_id}/interim-reply")
async def give_interim_reply(feedback_id: UUID, visit: PersonalVisit) -> Response:
    """Gives an interim reply and a new date."""
    form = _form(await visit.form(), TYPED)
    body = {"text": form.values["interim_text"], "answer_by": form.values["answer_by"] or None}
    return await _act(visit, feedback_id, "interim-reply", form, body, {"text": "interim_text"})


@router.post("/{feedback_id}/answer")
async def answer(feedback_id: UUID, visit: PersonalVisit) -> Response:
    """Answers it."""
    form = _form(await visit.form(), TYPED)
    return await _act(visit, feedback_id, "answer", form, {"text": form.values["answer"]}, {"text": "answer"})


@router.post("/{feedback_id}/messages")
async def write_back(feedback_id: UUID, visit: PersonalVisit) -> Response:
    """Adds something, as its author."""
    form = _form(await visit.form(), TYPED)
    return await _act(visit, feedback_id, "messages", form, {"text": form.values["message"]}, {"text": "message"})


@router.post("/{feedback_id}/rating")
async def rate(feedback_id: UUID, visit: PersonalVisit) -> Response:
    """Rates the answer, as its author."""
    form = _form(await visit.form(), TYPED)
    stars = form.values["stars"]
    return await _act(visit, feedback_id, "rating", form, {"stars": int(stars) if stars in set("12345") else None})


async def _act(
    visit: SignedInVisit,
    feedback_id: UUID,
    action: str,
    form: Form,
    body: object,
    names: Mapping[str, str] | None = None,
) -> Response:
    """Does it, and leads back to the page. Where it is refused, the page shows the state of now, and what was typed."""
    try:
        await visit.send("POST", f"/v1/feedback/{feedback_id}/{action}", body, once=form.once)
    except Refused as refusal:
        return await _page(visit, feedback_id, form.refused(refusal, visit.texts, names), 422)
    return visit.see_other(f"/feedback/{feedback_id}", done=f"feedback.{action.replace('-', '_')}")


async def _page(visit: SignedInVisit, feedback_id: UUID, form: Form, status: int = 200) -> Response:
    feedback = await reads.one_feedback(visit, feedback_id)
    name, municipalities = await asyncio.gather(
        reads.name_of(visit, feedback.about), reads.municipality_names(visit, [feedback.ags])
    )
    today = reads.today()
    return visit.page(
        "feedback/feedback.html",
        status,
        feedback=feedback,
        name=name,
        municipality=municipalities[0].name if municipalities else feedback.ags,
        deadline=reads.deadline_of(feedback, today),
        course=reads.course_of(feedback),
        form=form,
        earliest=today + timedelta(days=1),
        latest=today + timedelta(days=INTERIM_DAYS_MAX),
    )


async def _new_page(visit: SignedInVisit, form: Form, status: int = 200) -> Response:
    keys = sorted({grant.ags for grant in visit.who.grants if grant.ags})
    choices, circles, meetings = await asyncio.gather(
        reads.municipality_names(visit, keys), every_organisation(visit), reads.recent_meetings(visit)
    )
    return visit.page(
        "feedback/new.html",
        status,
        form=form,
        municipalities=choices,
        organisations=circles,
        meetings=meetings,
        anonymous_for=keys[0] if len(keys) == 1 else None,
    )


def _typed() -> Form:
    return Form(dict.fromkeys(TYPED, ""))


def _form(sent: FormData, names: tuple[str, ...]) -> Form:
    values = {name: str(sent.get(name, "")).strip() for name in names}
    once = str(sent.get("once", ""))
    return Form(values, once=once) if once else Form(values)


def _row(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else 0
