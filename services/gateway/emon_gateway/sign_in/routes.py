"""Sign-in by HTTP. No Idempotency-Key: a link is used once by itself, and a second mail harms nobody."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from emon_contracts.actors import Grant
from emon_contracts.directory import MembershipRecord
from emon_contracts.values import Ags, EmailAddress, Locale
from emon_gateway.sign_in import commands
from emon_gateway.sign_in.caller import COUNTED_STRANGER, Caller, GatewayParts
from emon_gateway.sign_in.rules import LinkState
from emon_platform.http.app import NO_PERMISSION, problem_answers
from emon_platform.http.dependencies import ApiDatabase
from emon_platform.http.responses import json_response

LINK_TOKEN_LENGTH_MAX = 1000
# An access token is a secret: no cache may keep it (RFC 6750 section 5.3).
NO_STORE = {"Cache-Control": "no-store"}

strangers = APIRouter(prefix="/v1", tags=["sign-in"], dependencies=[COUNTED_STRANGER])
router = APIRouter(prefix="/v1", tags=["sign-in"])


class SignInLinkRequest(BaseModel):
    """Whose mailbox the link goes to."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress


class SessionRequest(BaseModel):
    """The token of a sign-in link."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=LINK_TOKEN_LENGTH_MAX)


class SessionOpened(BaseModel):
    """The access token is told here and never again."""

    access_token: str
    token_type: str = Field(default="Bearer", examples=["Bearer"])
    expires_at: datetime
    person_id: UUID


class SignInLinkPreview(BaseModel):
    """What a sign-in link is worth; whom it signs in, where it does."""

    state: LinkState
    display_name: str | None
    locale: Locale | None


class NamedOrganisation(BaseModel):
    """An organisation by its name."""

    organisation_id: UUID
    name: str


class NamedMunicipality(BaseModel):
    """A municipality by its name."""

    ags: Ags
    name: str


class Me(BaseModel):
    """Who is signed in. `grants` is everything they may act as: what was granted, and what memberships carry.

    `organisations` and `municipalities` name those of the grants, as far as their names are known.
    """

    person_id: UUID
    display_name: str
    email: str | None
    locale: Locale
    grants: tuple[Grant, ...]
    memberships: tuple[MembershipRecord, ...]
    organisations: list[NamedOrganisation]
    municipalities: list[NamedMunicipality]
    session_expires_at: datetime


@strangers.post(
    "/sign-in-links",
    status_code=202,
    response_class=Response,
    responses=problem_answers(400, 413, 415, 422, 429),
    openapi_extra={"x-permission": NO_PERMISSION},
)
async def ask_for_sign_in_link(wish: SignInLinkRequest, request: Request, parts: GatewayParts, database: ApiDatabase) -> Response:
    """Mails a sign-in link to everybody who reads this mailbox. The answer is the same whether anybody does."""
    await parts.rates.count_sign_in(request)
    if await parts.rates.admits_mail_to(wish.email):
        await commands.ask_for_sign_in_link(database, wish.email, datetime.now(UTC))
    return Response(status_code=202, headers=NO_STORE)


@strangers.post(
    "/sign-in-links/preview",
    responses={200: {"model": SignInLinkPreview}, **problem_answers(400, 413, 415, 422, 429)},
    openapi_extra={"x-permission": NO_PERMISSION},
)
async def preview_sign_in_link(wish: SessionRequest, parts: GatewayParts, database: ApiDatabase) -> Response:
    """Says whom a sign-in link would sign in, without using it: a page can ask before it acts."""
    shown = await commands.show_link(database, parts.link_key, wish.token, datetime.now(UTC))
    preview = SignInLinkPreview(state=shown.state, display_name=shown.display_name, locale=shown.locale)
    return json_response(preview, headers=NO_STORE)


@strangers.post(
    "/sessions",
    status_code=201,
    responses={201: {"model": SessionOpened}, **problem_answers(400, 413, 415, 422, 429)},
    openapi_extra={"x-permission": NO_PERMISSION},
)
async def open_session(wish: SessionRequest, parts: GatewayParts, database: ApiDatabase) -> Response:
    """Opens a session with the token of a sign-in link, which signs in once."""
    opened = await commands.open_session(database, parts.link_key, wish.token, parts.terms, datetime.now(UTC))
    session = SessionOpened(access_token=opened.access_token, expires_at=opened.expires_at, person_id=opened.person_id)
    return json_response(session, 201, {"Location": "/v1/sessions/current", **NO_STORE})


@router.get("/me", responses={200: {"model": Me}, **problem_answers(401, 429)}, openapi_extra={"x-permission": NO_PERMISSION})
async def read_me(caller: Caller, database: ApiDatabase) -> Response:
    """Who is signed in, and what they may act as."""
    organisations, municipalities = await commands.names_of_places(database, caller.actor)
    me = Me(
        person_id=caller.session.person_id,
        display_name=caller.display_name,
        email=caller.email,
        locale=caller.locale,
        grants=caller.effective_grants,
        memberships=caller.memberships,
        organisations=[NamedOrganisation(organisation_id=id_, name=name) for id_, name in organisations.items()],
        municipalities=[NamedMunicipality(ags=ags, name=name) for ags, name in municipalities.items()],
        session_expires_at=caller.session.expires_at,
    )
    return json_response(me)


@router.delete(
    "/sessions/current", status_code=204, responses=problem_answers(401, 429), openapi_extra={"x-permission": NO_PERMISSION}
)
async def close_session(caller: Caller, database: ApiDatabase) -> Response:
    """Signs out. The access token ends at once."""
    await commands.close_session(database, caller)
    return Response(status_code=204)
