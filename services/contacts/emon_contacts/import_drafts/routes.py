"""HTTP of drafts of imports."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from emon_contacts.import_drafts import commands
from emon_contacts.import_drafts.commands import Shown
from emon_contacts.import_drafts.judging import RowOutcome
from emon_contacts.import_drafts.repository import JudgedRow
from emon_contacts.import_drafts.rules import REQUIRED_FIELDS, Defaults, Draft, Matching, PersonField, cell_at
from emon_contacts.import_drafts.sheet import COLUMNS_MAX, ROWS_MAX, read_csv
from emon_contacts.import_drafts.xlsx import read_xlsx
from emon_contacts.imports.routes import CsvResponse
from emon_contracts.actors import Engagement
from emon_contracts.permissions import Permission
from emon_contracts.values import Ags, Locale
from emon_platform.http.app import problem_answers
from emon_platform.http.bodies import CSV, XLSX
from emon_platform.http.cursors import LIMIT_DEFAULT, Cursor, Limit, decode_cursor, encode_cursor
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.responses import Page, json_response

router = APIRouter(prefix="/v1/people/import-drafts", tags=["imports"])

SAMPLE_CELLS = 3


class DefaultsView(BaseModel):
    """What holds for rows that leave a cell empty, or where there is no such column."""

    model_config = ConfigDict(extra="forbid")

    organisation_id: UUID | None = None
    engagement: Engagement | None = None
    ags: Ags | None = None
    locale: Locale | None = None


class NewMatching(BaseModel):
    """What each column holds, by its index; columns that are left out or null do not matter."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[str, PersonField | None] = Field(max_length=COLUMNS_MAX, examples=[{"0": "email", "1": "given_name"}])
    defaults: DefaultsView = DefaultsView()


class ColumnView(BaseModel):
    """A column: its header, the first values in it, and what it holds: a guess until it is said by hand."""

    index: int
    header: str
    sample: list[str]
    field: PersonField | None


class FieldView(BaseModel):
    """What can be matched. Instead of display_name there can be given_name and family_name; the others can have a default."""

    field: PersonField
    required: bool


class PreviewView(BaseModel):
    """How many rows would enter somebody new, give something new to somebody known, change nothing, or be refused."""

    new: int
    changed: int
    unchanged: int
    refused: int


class ProgressView(BaseModel):
    """How far the taking is: `done` of `rows`, and what became of them."""

    done: int
    rows: int
    entered: int
    changed: int
    unchanged: int
    refused: int
    finished: bool


class DraftView(BaseModel):
    """A list on its way in. It is `ready` to be taken once nothing is `missing`; `preview` is null until it is matched.

    `sheet` is the one of the workbook that was read.
    """

    id: UUID
    sheet: str | None
    rows: int
    columns: list[ColumnView]
    fields: list[FieldView]
    defaults: DefaultsView
    ready: bool
    missing: list[PersonField]
    preview: PreviewView | None
    progress: ProgressView


class ReasonView(BaseModel):
    """Why a row is refused: a stable `code`, and the column that it is about, or null for a default."""

    column: int | None
    field: str
    code: str
    detail: str


class RowView(BaseModel):
    """A row by its number in the file, with what becomes of it; null until the columns are matched."""

    row: int
    cells: list[str]
    outcome: RowOutcome | None
    taken: bool
    reasons: list[ReasonView]


def _progress(draft: Draft) -> ProgressView:
    return ProgressView(
        done=draft.rows - draft.left,
        rows=draft.rows,
        entered=draft.taken.get(RowOutcome.NEW, 0),
        changed=draft.taken.get(RowOutcome.CHANGED, 0),
        unchanged=draft.taken.get(RowOutcome.UNCHANGED, 0),
        refused=draft.taken.get(RowOutcome.REFUSED, 0),
        finished=draft.left == 0,
    )


def _view(shown: Shown) -> DraftView:
    draft = shown.draft
    defaults = draft.matching.defaults
    return DraftView(
        id=draft.id,
        sheet=draft.sheet,
        rows=draft.rows,
        columns=[
            ColumnView(index=index, header=name, sample=_sample(shown.first_rows, index), field=draft.matching.fields[index])
            for index, name in enumerate(draft.header)
        ],
        fields=[FieldView(field=field, required=field in REQUIRED_FIELDS) for field in PersonField],
        defaults=DefaultsView(
            organisation_id=defaults.organisation_id,
            engagement=defaults.engagement,
            ags=defaults.ags,
            locale=defaults.locale,
        ),
        ready=not draft.matching.missing(),
        missing=list(draft.matching.missing()),
        preview=None
        if draft.expected is None
        else PreviewView.model_validate({outcome.value: draft.expected.get(outcome, 0) for outcome in RowOutcome}),
        progress=_progress(draft),
    )


def _sample(rows: Sequence[Sequence[str]], index: int) -> list[str]:
    return [cell for row in rows if (cell := cell_at(row, index).strip())][:SAMPLE_CELLS]


def _row_view(row: JudgedRow, matching: Matching) -> RowView:
    return RowView(
        row=row.number,
        cells=list(row.cells),
        outcome=row.outcome,
        taken=row.taken,
        reasons=[
            ReasonView(column=matching.column_of(item.field), field=item.field, code=item.code, detail=item.detail)
            for item in row.refusals
        ],
    )


def _row_number(part: object) -> int:
    if not isinstance(part, int) or not 0 <= part < 2**31:  # an integer of PostgreSQL
        raise ValueError("no number of a row")
    return part


_PERMISSION: dict[str, Any] = {"x-permission": Permission.PERSON_WRITE}


@router.post(
    "",
    status_code=201,
    openapi_extra={
        **_PERMISSION,
        "requestBody": {
            "required": True,
            "description": f"A list of at most {ROWS_MAX} people under a row with the names of its columns",
            "content": {CSV: {"schema": {"type": "string"}}, XLSX: {"schema": {"type": "string", "format": "binary"}}},
        },
    },
    responses={201: {"model": DraftView}, **problem_answers(400, 401, 403, 413, 415, 422)},
)
async def hand_in(request: Request, caller: Caller, database: ApiDatabase) -> Response:
    """Keeps a list of people for 24 hours, and guesses what its columns hold. Nobody is entered yet."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    read = read_xlsx if media_type == XLSX else read_csv
    shown = await commands.hand_in(database, caller, await request.body(), read)
    return json_response(_view(shown), 201, {"Location": f"{router.prefix}/{shown.draft.id}"})


@router.get(
    "/{draft_id}",
    responses={200: {"model": DraftView}, **problem_answers(401, 403, 404)},
    openapi_extra=_PERMISSION,
)
async def read_draft(draft_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """A list that the caller handed in, with what is expected of it and how far it is taken."""
    return json_response(_view(await commands.show(database, caller, draft_id)))


@router.put(
    "/{draft_id}/matching",
    responses={200: {"model": DraftView}, **problem_answers(400, 401, 403, 404, 409, 413, 415, 422)},
    openapi_extra=_PERMISSION,
)
async def match_columns(draft_id: UUID, body: NewMatching, caller: Caller, database: ApiDatabase) -> Response:
    """Says what the columns hold, and shows what would become of the rows. The last word counts, until a row is taken."""
    defaults = Defaults(body.defaults.organisation_id, body.defaults.engagement, body.defaults.ags, body.defaults.locale)
    return json_response(_view(await commands.match_columns(database, caller, draft_id, body.columns, defaults)))


@router.get(
    "/{draft_id}/rows",
    responses={200: {"model": Page[RowView]}, **problem_answers(401, 403, 404, 422)},
    openapi_extra=_PERMISSION,
)
async def list_rows(
    draft_id: UUID,
    caller: Caller,
    database: ApiDatabase,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
    outcome: Annotated[RowOutcome | None, Query(description="Only those with this outcome")] = None,
) -> Response:
    """The rows that are still to be taken or were refused, each with what becomes of it and why. What was taken is gone."""
    [after] = decode_cursor(cursor, _row_number) or (0,)
    draft, found = await commands.look_over(database, caller, draft_id, outcome, after, limit + 1)
    items = [_row_view(row, draft.matching) for row in found[:limit]]
    next_cursor = encode_cursor(items[-1].row) if len(found) > limit else None
    return json_response(Page[RowView].model_construct(items=items, next_cursor=next_cursor))


@router.post(
    "/{draft_id}/steps",
    responses={200: {"model": ProgressView}, **problem_answers(401, 403, 404, 409)},
    openapi_extra=_PERMISSION,
)
async def take_step(draft_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """Takes the next 500 rows, all or none of them. Repeated until `finished`; from then on it changes nothing."""
    return json_response(_progress(await commands.take_step(database, caller, draft_id)))


@router.get(
    "/{draft_id}/refused.csv",
    response_class=CsvResponse,
    responses={
        200: {"description": "The refused rows as they were, with the reasons in German behind them"},
        **problem_answers(401, 403, 404),
    },
    openapi_extra=_PERMISSION,
)
async def read_refused_rows(draft_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """The rows that were or would be refused, to be mended and handed in again."""
    return CsvResponse(
        await commands.refused_csv(database, caller, draft_id),
        headers={
            "Content-Disposition": 'attachment; filename="people-refused.csv"',
            "Cache-Control": "private, no-store",
        },
    )
