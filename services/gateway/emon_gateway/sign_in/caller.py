"""The caller of a request: whose session its bearer token opens."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from emon_gateway.parts import Parts
from emon_gateway.sign_in import commands
from emon_gateway.sign_in.rules import SignedIn
from emon_platform.http.dependencies import ApiDatabase, sign_in_required

_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="The access token of a session")


_BACKGROUND = "`true` for what a page asks by itself: it is no use of the session, which so ends when nobody uses it any more"


async def _parts(request: Request) -> Parts:
    return request.app.state.parts


GatewayParts = Annotated[Parts, Depends(_parts)]


async def _access_token(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> str | None:
    return None if credentials is None else credentials.credentials


async def _signed_in(
    request: Request,
    parts: GatewayParts,
    database: ApiDatabase,
    token: Annotated[str | None, Depends(_access_token)],
    x_background: Annotated[str | None, Header(description=_BACKGROUND)] = None,
) -> SignedIn:
    caller = None
    if token is not None:
        is_use = x_background != "true"
        caller = await commands.who_calls(database, token, parts.terms, datetime.now(UTC), is_use=is_use)
    if caller is None:
        await parts.rates.count_stranger(request)
        raise sign_in_required()
    await parts.rates.count_session(caller.session.token_hash)
    return caller


async def _token(caller: Annotated[SignedIn, Depends(_signed_in)], token: Annotated[str, Depends(_access_token)]) -> str:
    return token


async def _counted_stranger(request: Request, parts: GatewayParts) -> None:
    await parts.rates.count_stranger(request)


Caller = Annotated[SignedIn, Depends(_signed_in)]
# The access token of the caller, for what outlives the request's own look at it.
AccessToken = Annotated[str, Depends(_token)]
# For routers whose routes need no session.
COUNTED_STRANGER = Depends(_counted_stranger)
