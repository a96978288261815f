"""HTTP of imports."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from emon_contacts.imports import commands, repository
from emon_contacts.imports.commands import Outcome
from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound
from emon_platform.database import Database
from emon_platform.http.app import problem_answers
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.responses import json_response

router = APIRouter(prefix="/v1", tags=["imports"])


class CsvResponse(Response):
    """Comma-separated values in UTF-8."""

    media_type = "text/csv"


class RejectedRowView(BaseModel):
    """A row that was not taken. Row 1 is the header; `reason` names further columns where more than one is wrong."""

    row: int
    column: str
    reason: str


class ImportView(BaseModel):
    """What came of an import; the rejected rows can be fetched for 24 hours."""

    id: UUID
    accepted: int
    rejected: list[RejectedRowView]


def _import_of(permission: Permission, columns: str) -> dict[str, Any]:
    return {
        "x-permission": permission,
        "requestBody": {
            "required": True,
            "description": f"CSV with the columns `{columns}`, named in the first row, separated by comma, semicolon, tab or |",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
    }


_REJECTED: dict[int | str, dict[str, Any]] = {200: {"description": "The rejected rows as they were, with a column `reason`"}}
_IMPORT_PROBLEMS = problem_answers(400, 401, 403, 413, 415, 422)


@router.post(
    "/organisations/imports",
    openapi_extra=_import_of(Permission.ORGANISATION_WRITE, "name,kind,ags"),
    responses={200: {"model": ImportView}, **_IMPORT_PROBLEMS},
)
async def import_organisations(request: Request, caller: Caller, database: ApiDatabase) -> Response:
    """Registers the organisations of a list. Sent again, it changes nothing, so it needs no Idempotency-Key."""
    outcome = await commands.import_organisations(database, caller, await request.body())
    return await _answer(database, caller, Permission.ORGANISATION_WRITE, "organisations", outcome)


@router.post(
    "/people/imports",
    openapi_extra=_import_of(Permission.PERSON_WRITE, "email,display_name,locale,organisation,engagement[,ags]"),
    responses={200: {"model": ImportView}, **_IMPORT_PROBLEMS},
)
async def import_people(request: Request, caller: Caller, database: ApiDatabase) -> Response:
    """Enters the people of a list. Sent again, it changes nothing, so it needs no Idempotency-Key."""
    outcome = await commands.import_people(database, caller, await request.body())
    return await _answer(database, caller, Permission.PERSON_WRITE, "people", outcome)


@router.get(
    "/organisations/imports/{import_id}/rejected.csv",
    response_class=CsvResponse,
    responses={**_REJECTED, **problem_answers(401, 403, 404)},
    openapi_extra={"x-permission": Permission.ORGANISATION_WRITE},
)
async def read_rejected_organisations(import_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """The rejected rows of an import of the caller's own."""
    return await _rejected_rows(database, caller, Permission.ORGANISATION_WRITE, "organisations", import_id)


@router.get(
    "/people/imports/{import_id}/rejected.csv",
    response_class=CsvResponse,
    responses={**_REJECTED, **problem_answers(401, 403, 404)},
    openapi_extra={"x-permission": Permission.PERSON_WRITE},
)
async def read_rejected_people(import_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """The rejected rows of an import of the caller's own."""
    return await _rejected_rows(database, caller, Permission.PERSON_WRITE, "people", import_id)


async def _answer(database: Database, caller: Actor, permission: Permission, resource: str, outcome: Outcome) -> Response:
    import_id = await commands.keep_outcome(database, caller, permission, resource, outcome)
    rejected = [RejectedRowView(row=item.row, column=item.column, reason=item.reason) for item in outcome.rejected]
    return json_response(ImportView(id=import_id, accepted=outcome.accepted, rejected=rejected))


async def _rejected_rows(database: Database, caller: Actor, permission: Permission, resource: str, import_id: UUID) -> Response:
    async with database.transaction(caller, permission) as tx:
        content = await repository.rejected_csv(tx, import_id, resource)
    if content is None:
        raise NotFound("import", import_id)
    return CsvResponse(
        content,
        headers={
            "Content-Disposition": f'attachment; filename="{resource}-rejected.csv"',
            "Cache-Control": "private, no-store",
        },
    )
