"""HTTP of organisations."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from emon_contacts.names import search_term
from emon_contacts.organisations import commands, repository
from emon_contacts.organisations.rules import Organisation, OrganisationKind
from emon_contacts.searching import SearchText, check_search, words_of
from emon_contacts.visibility import visibility_of
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound
from emon_contracts.values import Ags, Line
from emon_platform.http.app import problem_answers
from emon_platform.http.cursors import LIMIT_DEFAULT, Cursor, Limit, decode_cursor, encode_cursor
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.idempotency import OptionalIdempotencyKey
from emon_platform.http.responses import DemandedPrecondition, Page, etag, json_response

router = APIRouter(prefix="/v1/organisations", tags=["organisations"])


class NewOrganisation(BaseModel):
    """An organisation and the municipality in which it is active."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    kind: OrganisationKind
    ags: Ags


class OrganisationChange(BaseModel):
    """What is left out or null stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: Line | None = None
    kind: OrganisationKind | None = None


class NewArea(BaseModel):
    """One more municipality in which an organisation is active."""

    model_config = ConfigDict(extra="forbid")

    ags: Ags


@dataclass(slots=True)
class OrganisationView:
    """An organisation, with those of its municipalities that the caller sees."""

    id: UUID
    name: str
    kind: OrganisationKind
    municipalities: tuple[Ags, ...]


def _view(organisation: Organisation) -> OrganisationView:
    return OrganisationView(organisation.id, organisation.name, organisation.kind, organisation.municipalities)


def _answer(organisation: Organisation, status: int = 200) -> Response:
    headers = {"ETag": etag(organisation.id, organisation.version)}
    if status == 201:
        headers["Location"] = f"{router.prefix}/{organisation.id}"
    return json_response(_view(organisation), status, headers)


@router.post(
    "",
    status_code=201,
    responses={201: {"model": OrganisationView}, **problem_answers(400, 401, 403, 409, 413, 415, 422)},
    openapi_extra={"x-permission": Permission.ORGANISATION_WRITE},
)
async def register_organisation(
    body: NewOrganisation, caller: Caller, database: ApiDatabase, key: OptionalIdempotencyKey
) -> Response:
    """Registers an organisation in a municipality of the caller's."""
    return _answer(await commands.register_organisation(database, caller, body.name, body.kind, body.ags, key), 201)


@router.get(
    "",
    responses={200: {"model": Page[OrganisationView]}, **problem_answers(401, 403, 422)},
    openapi_extra={"x-permission": Permission.ORGANISATION_READ},
)
async def list_organisations(
    caller: Caller,
    database: ApiDatabase,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
    ags: Annotated[Ags | None, Query(description="Only those active in this municipality")] = None,
    name: Annotated[Line | None, Query(description="A part of the name; case and umlauts do not matter")] = None,
    kind: Annotated[OrganisationKind | None, Query(description="Only those of this kind")] = None,
    q: SearchText = None,
) -> Response:
    """The organisations that the caller sees, by name; with `q` those that are meant by it."""
    visibility = visibility_of(caller, Permission.ORGANISATION_READ)
    reached = visibility if ags is None else visibility.narrowed_to(ags)
    if q is not None:
        check_search(name, cursor, limit)
        async with database.transaction(caller, Permission.ORGANISATION_READ) as tx:
            alike = await repository.organisations_alike(tx, reached, visibility, words_of(q), kind, limit)
        items = [_view(organisation) for organisation in alike]
        return json_response(Page[OrganisationView].model_construct(items=items, next_cursor=None))
    after = decode_cursor(cursor, str, UUID)
    term = None if name is None else search_term(name)
    async with database.transaction(caller, Permission.ORGANISATION_READ, repository.PLANNED_ONCE) as tx:
        if visibility.everywhere and ags is None:
            found = await repository.organisations_everywhere(tx, term, kind, after, limit + 1)
        else:
            found = await repository.organisations_in_reach(tx, reached, visibility, term, kind, after, limit + 1)
    search_key, identifier = found[limit - 1][1] if len(found) > limit else (None, None)
    next_cursor = None if search_key is None else encode_cursor(search_key, str(identifier))
    items = [_view(organisation) for organisation, _ in found[:limit]]
    return json_response(Page[OrganisationView].model_construct(items=items, next_cursor=next_cursor))


@router.get(
    "/{organisation_id}",
    responses={200: {"model": OrganisationView}, **problem_answers(401, 403, 404)},
    openapi_extra={"x-permission": Permission.ORGANISATION_READ},
)
async def read_organisation(organisation_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """One organisation."""
    async with database.transaction(caller, Permission.ORGANISATION_READ) as tx:
        visibility = visibility_of(caller, Permission.ORGANISATION_READ)
        organisation = await repository.visible_organisation(tx, visibility, organisation_id)
    if organisation is None:
        raise NotFound("organisation", organisation_id)
    return _answer(organisation)


@router.patch(
    "/{organisation_id}",
    responses={200: {"model": OrganisationView}, **problem_answers(400, 401, 403, 404, 409, 412, 413, 415, 422, 428)},
    openapi_extra={"x-permission": Permission.ORGANISATION_WRITE},
)
async def change_organisation(
    organisation_id: UUID, body: OrganisationChange, caller: Caller, database: ApiDatabase, precondition: DemandedPrecondition
) -> Response:
    """Gives an organisation another name or kind."""
    return _answer(await commands.change_organisation(database, caller, organisation_id, body.name, body.kind, precondition))


@router.post(
    "/{organisation_id}/areas",
    status_code=200,
    responses={200: {"model": OrganisationView}, **problem_answers(400, 401, 403, 404, 409, 412, 413, 415, 422, 428)},
    openapi_extra={"x-permission": Permission.ORGANISATION_WRITE},
)
async def extend_organisation(
    organisation_id: UUID, body: NewArea, caller: Caller, database: ApiDatabase, precondition: DemandedPrecondition
) -> Response:
    """Makes an organisation active in one more municipality of the caller's."""
    return _answer(await commands.extend_organisation(database, caller, organisation_id, body.ags, precondition))
