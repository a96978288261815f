"""The pages that take a list of people in. What was handed in waits for 24 hours, so that each step can be left."""

from collections.abc import AsyncGenerator
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import UploadFile

from emon_dashboard.directory import every_organisation
from emon_dashboard.gateway import Refused, SignInNeeded, Unavailable
from emon_dashboard.imports import reads
from emon_dashboard.imports.reads import Draft, Progress
from emon_dashboard.rendering import pages
from emon_dashboard.rendering.forms import Form, text_of
from emon_dashboard.visits import PersonalVisit, SignedInVisit

router = APIRouter(prefix="/imports")

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A workbook is a ZIP archive, whatever its name says.
XLSX_BEGINS = b"PK\x03\x04"
# Where in the page of the progress its lines stand.
LINES = "<!-- lines -->"


@router.get("/new")
async def new_import(visit: PersonalVisit) -> Response:
    """The form that takes a file."""
    return visit.page("imports/new.html", form=Form({"file": ""}))


@router.post("/new")
async def hand_in(visit: PersonalVisit) -> Response:
    """Hands the file over; nobody is entered yet."""
    sent = await visit.form()
    file = sent.get("file")
    form = Form({"file": ""})
    if not isinstance(file, UploadFile) or not file.size:
        return visit.page("imports/new.html", 422, form=form.wrong({"file": visit.texts.text("imports.choose_file")}))
    content = await file.read()
    media_type = XLSX if content.startswith(XLSX_BEGINS) else CSV
    try:
        answer = await visit.send("POST", "/v1/people/import-drafts", file=content, media_type=media_type)
    except Refused as refusal:
        message = visit.texts.text("imports.too_large" if refusal.status == 413 else "imports.unreadable")
        return visit.page("imports/new.html", 422, form=form.wrong({"file": message}))
    return visit.see_other(f"/imports/{answer.read(Draft).id}")


@router.get("/{draft_id}")
async def show_columns(draft_id: UUID, visit: PersonalVisit) -> Response:
    """What the columns hold: as guessed, to be put right by hand."""
    draft = await reads.draft(visit, draft_id)
    return await _columns_page(visit, draft, Form(_matching_values(draft)))


@router.post("/{draft_id}")
async def match_columns(draft_id: UUID, visit: PersonalVisit) -> Response:
    """Takes the matching; shows what would become of the rows."""
    sent = await visit.form()
    form = Form({name: str(value) for name, value in sent.items()})
    columns = {name.removeprefix("column-"): value or None for name, value in form.values.items() if name.startswith("column-")}
    defaults = {name: form.values.get(name) or None for name in ("organisation_id", "engagement")}
    try:
        body = {"columns": columns, "defaults": defaults}
        answer = await visit.send("PUT", f"/v1/people/import-drafts/{draft_id}/matching", body)
    except Refused as refusal:
        draft = await reads.draft(visit, draft_id)
        names = {f"columns/{index}": f"column-{index}" for index in columns}
        return await _columns_page(visit, draft, form.refused(refusal, visit.texts, names), 422)
    draft = answer.read(Draft)
    if not draft.ready:
        missing = {"": visit.texts.text("imports.missing").format(fields=_named(visit, draft.missing))}
        return await _columns_page(visit, draft, form.wrong(missing), 422)
    return visit.see_other(f"/imports/{draft_id}/preview")


@router.get("/{draft_id}/preview")
async def show_preview(draft_id: UUID, visit: PersonalVisit) -> Response:
    """What would become of the rows, the refused ones with the reason."""
    return await _rows_page(visit, draft_id, "imports/preview.html")


@router.get("/{draft_id}/result")
async def show_result(draft_id: UUID, visit: PersonalVisit) -> Response:
    """What became of the rows. Where the taking was interrupted, it can go on from here."""
    return await _rows_page(visit, draft_id, "imports/result.html", outcome="refused")


@router.post("/{draft_id}/take")
async def take(draft_id: UUID, visit: PersonalVisit) -> Response:
    """Takes the rows, step by step, while the page grows by a line for each. Sent twice, it takes nothing twice."""
    draft = await reads.draft(visit, draft_id)
    page = visit.render("imports/progress.html", draft=draft, lines=LINES)
    return StreamingResponse(_taking(visit, draft_id, page), media_type="text/html", headers=dict(pages.HEADERS))


@router.get("/{draft_id}/refused.csv")
async def refused_rows(draft_id: UUID, visit: PersonalVisit) -> Response:
    """The refused rows as a file, to mend and hand in again."""
    answer = await visit.get(f"/v1/people/import-drafts/{draft_id}/refused.csv")
    name = visit.texts.text("imports.refused_file")
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(answer.body, media_type=CSV, headers=headers)


async def _taking(visit: SignedInVisit, draft_id: UUID, page: str) -> AsyncGenerator[str]:
    before, _, after = page.partition(LINES)
    yield before
    try:
        finished = False
        while not finished:
            answer = await visit.send("POST", f"/v1/people/import-drafts/{draft_id}/steps")
            progress = answer.read(Progress)
            finished = progress.finished
            yield visit.render("imports/_line.html", progress=progress)
    except (Refused, SignInNeeded, Unavailable):
        yield visit.render("imports/_interrupted.html")
    yield after


async def _columns_page(visit: SignedInVisit, draft: Draft, form: Form, status: int = 200) -> Response:
    circles = await every_organisation(visit)
    fields = [("", visit.texts.text("imports.fields.none"))]
    fields += [(item.field, visit.texts.text(f"imports.fields.{item.field}")) for item in draft.fields]
    return visit.page("imports/columns.html", status, draft=draft, form=form, fields=fields, circles=circles)


async def _rows_page(visit: SignedInVisit, draft_id: UUID, template: str, outcome: str | None = None) -> Response:
    query = visit.request.query_params
    draft = await reads.draft(visit, draft_id)
    wanted = outcome or query.get("outcome")
    page = await reads.rows(visit, draft_id, wanted, query.get("cursor"))
    reasons = {
        item.row: "; ".join(
            f"{visit.texts.text(f'imports.fields.{reason.field}')}: {text_of(reason.code, reason.field, visit.texts)}"
            for reason in item.reasons
        )
        for item in page.items
    }
    return visit.page(template, draft=draft, page=page, outcome=wanted or "", reasons=reasons)


def _matching_values(draft: Draft) -> dict[str, str]:
    values = {f"column-{column.index}": column.field or "" for column in draft.columns}
    values["organisation_id"] = str(draft.defaults.organisation_id or "")
    values["engagement"] = draft.defaults.engagement or ""
    return values


def _named(visit: SignedInVisit, fields: list[str]) -> str:
    return ", ".join(visit.texts.text(f"imports.fields.{field}") for field in fields)
