"""The pages about the visitor's own."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from fastapi import APIRouter, Response

from emon_dashboard import directory
from emon_dashboard.gateway import Outdated, Refused, SignInNeeded
from emon_dashboard.own import reads
from emon_dashboard.own.reads import Absence, WorkingWeek
from emon_dashboard.rendering.forms import Form, text_of
from emon_dashboard.visits import SESSION_COOKIE, AnyVisit, PersonalVisit, SignedInVisit

router = APIRouter(prefix="/own")

CONFIRMATION = "erase"
USUAL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
EMPTY_ABSENCES = 2  # further ones that the form has room for
RECORD_FIELDS = {"display_name": "name", "locale": "language"}


@router.get("")
async def show_own(visit: PersonalVisit) -> Response:
    """What concerns the visitor: where they are invited, and what became of their feedback."""
    return await _own_page(visit)


@router.post("/meetings/{meeting_id}/reply")
async def reply(meeting_id: UUID, visit: PersonalVisit) -> Response:
    """Says whether the visitor comes to a meeting."""
    sent = await visit.form()
    revision = str(sent.get("revision", ""))
    body = {"reply": str(sent.get("reply", "")), "revision": int(revision) if revision.isdigit() else None}
    try:
        await visit.send("PUT", f"/v1/meetings/{meeting_id}/invitations/{visit.who.person_id}/reply", body)
    except Refused as refusal:
        code = next(iter(refusal.codes), "refused")
        return await _own_page(visit, 409, text_of(code, "reply", visit.texts))
    return visit.see_other("/own", done="own.replied")


@router.get("/record")
async def show_record(visit: PersonalVisit) -> Response:
    """Everything that is held about the visitor (GDPR Art. 15)."""
    record = await reads.record(visit)
    form = Form({"name": record.display_name, "language": record.locale})
    return visit.page("own/record.html", record=record, form=form)


@router.post("/record")
async def correct_record(visit: PersonalVisit) -> Response:
    """Corrects name or language (GDPR Art. 16)."""
    form = Form.sent(await visit.form(), "name", "language")
    body = {"display_name": form.values["name"], "locale": form.values["language"]}
    try:
        await visit.send("POST", f"/v1/people/{visit.who.person_id}/correction", body)
    except Refused as refusal:
        refused = form.refused(refusal, visit.texts, RECORD_FIELDS)
        return visit.page("own/record.html", 422, record=await reads.record(visit), form=refused)
    return visit.see_other("/own/record", done="own.corrected")


@router.get("/address")
async def show_address(visit: PersonalVisit) -> Response:
    """The form that sends a link to the visitor's new address."""
    return visit.page("own/address.html", form=Form({"email": ""}))


@router.post("/address")
async def change_address(visit: PersonalVisit) -> Response:
    """Sends a link to the new address; it counts once the link is followed."""
    form = Form.sent(await visit.form(), "email")
    try:
        await directory.propose_address(visit, visit.who.person_id, form.values["email"])
    except Refused as refusal:
        return visit.page("own/address.html", 422, form=form.refused(refusal, visit.texts))
    return visit.see_other("/own/record", done="own.link_sent")


@router.get("/working-week")
async def show_working_week(visit: PersonalVisit) -> Response:
    """The form that says when the visitor works, and when they are away."""
    week, etag = await reads.working_week(visit)
    return _week_page(visit, Form(_absence_values(week.absences)), week.working_days or USUAL_DAYS, etag)


@router.post("/working-week")
async def change_working_week(visit: PersonalVisit) -> Response:
    """Says when the visitor works from now on. Where the record changed meanwhile, both versions are shown."""
    sent = await visit.form()
    days = [str(day) for day in sent.getlist("days")]
    form = Form.sent(sent, "days", *(name for name in sent if name.startswith(("first_day_", "last_day_"))))
    rows = [row for row in range(_rows(form)) if any(_row(form, row))]
    absences = [dict(zip(("first_day", "last_day"), _row(form, row), strict=True)) for row in rows]
    etag = str(sent.get("etag", ""))
    try:
        body = {"working_days": days, "absences": absences}
        await visit.send("PUT", f"/v1/people/{visit.who.person_id}/working-week", body, etag=etag)
    except Outdated:
        theirs, etag = await reads.working_week(visit)
        return _week_page(visit, form, days, etag, 409, theirs)
    except Refused as refusal:
        fields = {
            f"absences/{index}/{end}": f"{end}_{row}" for index, row in enumerate(rows) for end in ("first_day", "last_day")
        }
        return _week_page(visit, form.refused(refusal, visit.texts, {"working_days": "days", **fields}), days, etag, 422)
    return visit.see_other("/own/record", done="own.week_saved")


@router.get("/erasure")
async def ask_to_erase(visit: PersonalVisit) -> Response:
    """Says what an erasure does, and asks whether it is meant."""
    return visit.page("own/erasure.html", confirmation=CONFIRMATION, is_last_administrator=False)


@router.post("/erasure")
async def erase(visit: PersonalVisit) -> Response:
    """Erases the visitor for good (GDPR Art. 17), and signs them out."""
    sent = await visit.form()
    if sent.get("confirmation") != CONFIRMATION:
        return await ask_to_erase(visit)
    try:
        await visit.send("POST", f"/v1/people/{visit.who.person_id}/erasure")
    except Refused as refusal:
        if "last-administrator" not in refusal.codes:
            raise
        return visit.page("own/erasure.html", 409, confirmation=CONFIRMATION, is_last_administrator=True)
    with suppress(SignInNeeded):  # the gateway may have heard of it already
        await visit.send("DELETE", "/v1/sessions/current")
    response = visit.see_other("/own/erased")
    response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="lax")
    return response


@router.get("/erased")
async def show_erased(visit: AnyVisit) -> Response:
    """What an erased person is told last."""
    return visit.page("own/erased.html")


async def _own_page(visit: SignedInVisit, status: int = 200, refusal: str | None = None) -> Response:
    invitations, feedback = await asyncio.gather(
        reads.coming_meetings(visit, visit.request.query_params.get("cursor")), reads.feedback_given(visit)
    )
    return visit.page("own/own.html", status, invitations=invitations, feedback=feedback, refusal=refusal)


def _week_page(
    visit: SignedInVisit, form: Form, days: Sequence[str], etag: str, status: int = 200, theirs: WorkingWeek | None = None
) -> Response:
    return visit.page("own/working_week.html", status, form=form, days=days, etag=etag, rows=range(_rows(form)), theirs=theirs)


def _absence_values(absences: Sequence[Absence]) -> dict[str, str]:
    """The absences as fields of the form, with room for further ones."""
    values = {"days": ""}
    for row, absence in enumerate(absences):
        values |= {f"first_day_{row}": absence.first_day.isoformat(), f"last_day_{row}": absence.last_day.isoformat()}
    for row in range(len(absences), len(absences) + EMPTY_ABSENCES):
        values |= {f"first_day_{row}": "", f"last_day_{row}": ""}
    return values


def _rows(form: Form) -> int:
    return sum(name.startswith("first_day_") for name in form.values)


def _row(form: Form, row: int) -> tuple[str, str]:
    return form.values.get(f"first_day_{row}", ""), form.values.get(f"last_day_{row}", "")
