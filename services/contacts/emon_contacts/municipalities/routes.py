"""HTTP of the register of municipalities."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from emon_contacts.municipalities import repository
from emon_contacts.municipalities.rules import Municipality
from emon_contacts.names import search_term
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound
from emon_contracts.values import AGS_PATTERN, Ags, Line
from emon_platform.http.app import problem_answers
from emon_platform.http.cursors import LIMIT_DEFAULT, Cursor, Limit, decode_cursor, encode_cursor
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.responses import Page, etag, json_response

router = APIRouter(prefix="/v1/municipalities", tags=["municipalities"])


@dataclass(slots=True)
class MunicipalityView:
    """A municipality of the official register. Closed ones were merged into their successor, where that is known."""

    ags: Ags
    name: str
    type_code: str
    population: int
    area_hectares: int
    post_code: str | None
    as_of: date
    closed_on: date | None
    successor: Ags | None


def _view(municipality: Municipality) -> MunicipalityView:
    return MunicipalityView(
        ags=municipality.ags,
        name=municipality.name,
        type_code=municipality.type_code,
        population=municipality.population,
        area_hectares=municipality.area_hectares,
        post_code=municipality.post_code,
        as_of=municipality.as_of,
        closed_on=municipality.closed_on,
        successor=municipality.successor,
    )


@router.get(
    "",
    responses={200: {"model": Page[MunicipalityView]}, **problem_answers(401, 403, 422)},
    openapi_extra={"x-permission": Permission.MUNICIPALITY_READ},
)
async def list_municipalities(
    caller: Caller,
    database: ApiDatabase,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
    state: Annotated[str | None, Query(pattern=r"^(0[1-9]|1[0-6])$", description="The first two digits of the AGS")] = None,
    name: Annotated[Line | None, Query(description="A part of the name; case and umlauts do not matter")] = None,
) -> Response:
    """The municipalities of the register, by name."""
    after = decode_cursor(cursor, str, str)
    term = None if name is None else search_term(name)
    async with database.transaction(caller, Permission.MUNICIPALITY_READ) as tx:
        found = await repository.page_of_municipalities(tx, state, term, after, limit + 1)
    next_cursor = encode_cursor(*found[limit - 1][1]) if len(found) > limit else None
    items = [_view(municipality) for municipality, _ in found[:limit]]
    return json_response(Page[MunicipalityView].model_construct(items=items, next_cursor=next_cursor))


@router.get(
    "/{ags}",
    responses={200: {"model": MunicipalityView}, **problem_answers(401, 403, 404)},
    openapi_extra={"x-permission": Permission.MUNICIPALITY_READ},
)
async def read_municipality(
    ags: Annotated[str, Path(pattern=AGS_PATTERN, description="Official municipality key")], caller: Caller, database: ApiDatabase
) -> Response:
    """One municipality."""
    async with database.transaction(caller, Permission.MUNICIPALITY_READ) as tx:
        municipality = await repository.municipality(tx, ags)
    if municipality is None:
        raise NotFound("municipality", ags)
    return json_response(_view(municipality), headers={"ETag": etag(ags, municipality.version)})
