"""HTTP of people."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from emon_contacts.names import search_term
from emon_contacts.people import commands, reading
from emon_contacts.people.rules import Person, WantedGrant, WantedMembership
from emon_contacts.searching import SearchText, check_search, words_of
from emon_contacts.visibility import visibility_of
from emon_contracts.actors import Engagement, Grant, Role
from emon_contracts.directory import MembershipRecord
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound
from emon_contracts.values import Ags, DisplayName, EmailAddress, Line, Locale
from emon_platform.http.app import problem_answers
from emon_platform.http.cursors import LIMIT_DEFAULT, Cursor, Limit, decode_cursor, encode_cursor
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.idempotency import OptionalIdempotencyKey
from emon_platform.http.responses import DemandedPrecondition, Page, json_response

router = APIRouter(prefix="/v1/people", tags=["people"])

# So that a person's record stays far below the size of an event.
TIES_MAX = 100


class GrantableRole(StrEnum):
    """Roles that can be granted; the other two nobody can give."""

    NETWORK_ADMIN = Role.NETWORK_ADMIN.value
    COORDINATOR = Role.COORDINATOR.value
    STAFF = Role.STAFF.value
    CIRCLE_SPEAKER = Role.CIRCLE_SPEAKER.value
    VOLUNTEER = Role.VOLUNTEER.value


class NewMembership(BaseModel):
    """`ags` may be left out where the organisation is active in one municipality of the caller's only."""

    model_config = ConfigDict(extra="forbid")

    organisation_id: UUID
    engagement: Engagement
    ags: Ags | None = None

    def wanted(self) -> WantedMembership:
        return WantedMembership(self.organisation_id, self.engagement, self.ags)


class NewGrant(BaseModel):
    """A coordinator is one of a municipality; staff, speaker and volunteer of an organisation; network_admin of neither."""

    model_config = ConfigDict(extra="forbid")

    role: GrantableRole
    ags: Ags | None = None
    organisation_id: UUID | None = None

    def wanted(self) -> WantedGrant:
        return WantedGrant(Role(self.role.value), self.ags, self.organisation_id)


class NewPerson(BaseModel):
    """Somebody who is entered by others. Somebody without an address of their own is reached by hand."""

    model_config = ConfigDict(extra="forbid")

    display_name: DisplayName
    email: EmailAddress | None = None
    locale: Locale = Locale.DE
    memberships: list[NewMembership] = Field(default=[], max_length=TIES_MAX)
    grants: list[NewGrant] = Field(default=[], max_length=TIES_MAX)


class PersonChange(BaseModel):
    """What is left out or null stays as it is."""

    model_config = ConfigDict(extra="forbid")

    display_name: DisplayName | None = None
    locale: Locale | None = None


@dataclass(slots=True)
class PersonView:
    """A person, with those memberships and grants that the caller sees."""

    id: UUID
    display_name: str
    email: str | None
    locale: Locale
    memberships: tuple[MembershipRecord, ...]
    grants: tuple[Grant, ...]


def _view(person: Person) -> PersonView:
    return PersonView(person.id, person.display_name, person.email, person.locale, person.memberships, person.grants)


def answer_with(person: Person) -> Response:
    """A person as the caller sees them, with their entity tag."""
    return json_response(_view(person), headers={"ETag": commands.entity_tag(person)})


@router.post(
    "",
    status_code=201,
    responses={201: {"model": PersonView}, **problem_answers(400, 401, 403, 413, 415, 422)},
    openapi_extra={"x-permission": Permission.PERSON_WRITE},
)
async def enter_person(body: NewPerson, caller: Caller, database: ApiDatabase, key: OptionalIdempotencyKey) -> Response:
    """Enters somebody. Whoever is known by address and name gets the memberships and grants, and nothing else changes.

    The answer repeats what was sent, so that it does not tell whether the person was known.
    """
    entered = await commands.enter_person(
        database,
        caller,
        display_name=body.display_name,
        email=body.email,
        locale=body.locale,
        memberships=[membership.wanted() for membership in body.memberships],
        grants=[grant.wanted() for grant in body.grants],
        key=key,
    )
    view = PersonView(
        id=entered.person_id,
        display_name=entered.entry.display_name,
        email=entered.entry.email,
        locale=entered.entry.locale,
        memberships=tuple(entered.entry.memberships),
        grants=tuple(entered.entry.grants),
    )
    return json_response(view, 201, {"ETag": entered.entity_tag, "Location": f"{router.prefix}/{entered.person_id}"})


@router.get(
    "",
    responses={200: {"model": Page[PersonView]}, **problem_answers(401, 403, 422)},
    openapi_extra={"x-permission": Permission.PERSON_READ},
)
async def list_people(
    caller: Caller,
    database: ApiDatabase,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
    organisation_id: Annotated[UUID | None, Query(description="Only those with a membership or grant in it")] = None,
    ags: Annotated[Ags | None, Query(description="Only those with a membership or grant in this municipality")] = None,
    name: Annotated[Line | None, Query(description="A part of the name; case and umlauts do not matter")] = None,
    q: SearchText = None,
) -> Response:
    """The people that the caller sees, by name; with `q` those who are meant by it, also by a part of their address."""
    visibility = visibility_of(caller, Permission.PERSON_READ)
    if q is not None:
        check_search(name, cursor, limit)
        async with database.transaction(caller, Permission.PERSON_READ) as tx:
            people = await reading.people_alike(tx, visibility, words_of(q), organisation_id, ags, limit)
        return json_response(Page[PersonView].model_construct(items=[_view(person) for person in people], next_cursor=None))
    after = decode_cursor(cursor, str, UUID)
    term = None if name is None else search_term(name)
    async with database.transaction(caller, Permission.PERSON_READ) as tx:
        if organisation_id is not None:
            found = await reading.people_of_organisation(tx, visibility, organisation_id, ags, term, after, limit + 1)
        elif visibility.everywhere and ags is None:
            found = await reading.people_everywhere(tx, visibility, term, after, limit + 1)
        else:
            found = await reading.people_in_reach(tx, visibility, ags, term, after, limit + 1)
    search_key, identifier = found[limit - 1][1] if len(found) > limit else (None, None)
    next_cursor = None if search_key is None else encode_cursor(search_key, str(identifier))
    items = [_view(person) for person, _ in found[:limit]]
    return json_response(Page[PersonView].model_construct(items=items, next_cursor=next_cursor))


@router.get(
    "/{person_id}",
    responses={200: {"model": PersonView}, **problem_answers(401, 403, 404)},
    openapi_extra={"x-permission": Permission.PERSON_READ},
)
async def read_person(person_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """One person. Everybody sees themselves whole."""
    async with database.transaction(caller, Permission.PERSON_READ) as tx:
        person = await reading.visible_person(tx, visibility_of(caller, Permission.PERSON_READ), person_id)
    if person is None:
        raise NotFound("person", person_id)
    return answer_with(person)


@router.patch(
    "/{person_id}",
    responses={200: {"model": PersonView}, **problem_answers(400, 401, 403, 404, 409, 412, 413, 415, 422, 428)},
    openapi_extra={"x-permission": Permission.PERSON_WRITE},
)
async def change_person(
    person_id: UUID, body: PersonChange, caller: Caller, database: ApiDatabase, precondition: DemandedPrecondition
) -> Response:
    """Gives somebody another name or language. Refused where they are active in municipalities that are not the caller's."""
    return answer_with(await commands.change_person(database, caller, person_id, body.display_name, body.locale, precondition))


@router.post(
    "/{person_id}/memberships",
    status_code=200,
    responses={200: {"model": PersonView}, **problem_answers(400, 401, 403, 404, 413, 415, 422)},
    openapi_extra={"x-permission": Permission.PERSON_WRITE},
)
async def add_membership(person_id: UUID, body: NewMembership, caller: Caller, database: ApiDatabase) -> Response:
    """Makes somebody a member of an organisation; sent again it changes nothing."""
    return answer_with(await commands.add_membership(database, caller, person_id, body.wanted()))


@router.delete(
    "/{person_id}/memberships/{organisation_id}",
    status_code=204,
    responses=problem_answers(401, 403, 404, 412, 422, 428),
    openapi_extra={"x-permission": Permission.PERSON_WRITE},
)
async def end_membership(
    person_id: UUID,
    organisation_id: UUID,
    ags: Annotated[Ags, Query(description="The municipality of the membership")],
    engagement: Engagement,
    caller: Caller,
    database: ApiDatabase,
    precondition: DemandedPrecondition,
) -> Response:
    """Ends a membership."""
    await commands.end_membership(database, caller, person_id, organisation_id, ags, engagement, precondition)
    return Response(status_code=204)


@router.post(
    "/{person_id}/grants",
    status_code=200,
    responses={200: {"model": PersonView}, **problem_answers(400, 401, 403, 404, 413, 415, 422)},
    openapi_extra={"x-permission": Permission.PERSON_WRITE},
)
async def add_grant(person_id: UUID, body: NewGrant, caller: Caller, database: ApiDatabase) -> Response:
    """Grants somebody a role; sent again it changes nothing."""
    return answer_with(await commands.add_grant(database, caller, person_id, body.wanted()))


@router.delete(
    "/{person_id}/grants/{role}",
    status_code=204,
    responses=problem_answers(401, 403, 404, 412, 422, 428),
    openapi_extra={"x-permission": Permission.PERSON_WRITE},
)
async def end_grant(
    person_id: UUID,
    role: GrantableRole,
    caller: Caller,
    database: ApiDatabase,
    precondition: DemandedPrecondition,
    ags: Annotated[Ags | None, Query(description="The municipality of the grant")] = None,
    organisation_id: Annotated[UUID | None, Query(description="The organisation of the grant")] = None,
) -> Response:
    """Takes a role back that the caller could grant."""
    wanted = WantedGrant(Role(role.value), ags, organisation_id)
    await commands.end_grant(database, caller, person_id, wanted, precondition)
    return Response(status_code=204)
