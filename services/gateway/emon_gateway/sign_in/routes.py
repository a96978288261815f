"""Sign-in by HTTP. No Idempotency-Key: a link is used once by itself, and a second mail harms nobody."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from emon_contracts.actors import Grant
from emon_contracts.directory import MembershipRecord
from emon_contracts.values import EmailAddress, Locale
from emon_gateway.sign_in import commands
from emon_gateway.sign_in.caller import COUNTED_STRANGER, Caller, GatewayParts
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


class Me(BaseModel):
    """Who is signed in. `grants` is everything they may act as: what was granted, and what memberships carry."""

    person_id: UUID
    display_name: str
    email: str | None
    locale: Locale
    grants: tuple[Grant, ...]
    memberships: tuple[MembershipRecord, ...]
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
async def read_me(caller: Caller) -> Response:
    """Who is signed in, and what they may act as."""
    me = Me(
        person_id=caller.session.person_id,
        display_name=caller.display_name,
        email=caller.email,
        locale=caller.locale,
        grants=caller.effective_grants,
        memberships=caller.memberships,
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
