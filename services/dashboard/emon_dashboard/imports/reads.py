"""What the pages about lists read from the gateway."""

from uuid import UUID

from pydantic import BaseModel

from emon_dashboard.visits import SignedInVisit


class Column(BaseModel):
    """A column of the file: its header, first values, and what it holds."""

    index: int
    header: str
    sample: list[str]
    field: str | None


class Field(BaseModel):
    """What a column can hold."""

    field: str
    required: bool


class Defaults(BaseModel):
    """What holds for all rows that say nothing else."""

    organisation_id: UUID | None
    engagement: str | None
    ags: str | None
    locale: str | None


class Preview(BaseModel):
    """What would become of the rows."""

    new: int
    changed: int
    unchanged: int
    refused: int


class Progress(BaseModel):
    """How far the taking is."""

    done: int
    rows: int
    entered: int
    changed: int
    unchanged: int
    refused: int
    finished: bool


class Draft(BaseModel):
    """A list on its way in."""

    id: UUID
    rows: int
    columns: list[Column]
    fields: list[Field]
    defaults: Defaults
    ready: bool
    missing: list[str]
    preview: Preview | None
    progress: Progress


class Reason(BaseModel):
    """Why a row is refused."""

    field: str
    code: str


class Row(BaseModel):
    """A row by its number in the file."""

    row: int
    cells: list[str]
    outcome: str | None
    reasons: list[Reason]


class Rows(BaseModel):
    """A page of them."""

    items: list[Row]
    next_cursor: str | None


async def draft(visit: SignedInVisit, draft_id: UUID) -> Draft:
    """A list that the visitor handed in."""
    return (await visit.get(f"/v1/people/import-drafts/{draft_id}")).read(Draft)


async def rows(visit: SignedInVisit, draft_id: UUID, outcome: str | None, cursor: str | None) -> Rows:
    """Rows with what becomes of them."""
    return (await visit.get(f"/v1/people/import-drafts/{draft_id}/rows", {"outcome": outcome, "cursor": cursor})).read(Rows)
