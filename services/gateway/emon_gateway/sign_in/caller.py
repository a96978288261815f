"""The caller of a request: whose session its bearer token opens."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from emon_gateway.parts import Parts
from emon_gateway.sign_in import commands
from emon_gateway.sign_in.rules import SignedIn
from emon_platform.http.dependencies import ApiDatabase, sign_in_required

_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="The access token of a session")


async def _parts(request: Request) -> Parts:
    return request.app.state.parts


GatewayParts = Annotated[Parts, Depends(_parts)]


async def _signed_in(
    request: Request,
    parts: GatewayParts,
    database: ApiDatabase,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> SignedIn:
    caller = None
    if credentials is not None:
        caller = await commands.who_calls(database, credentials.credentials, parts.terms, datetime.now(UTC))
    if caller is None:
        await parts.rates.count_stranger(request)
        raise sign_in_required()
    await parts.rates.count_session(caller.session.token_hash)
    return caller


async def _counted_stranger(request: Request, parts: GatewayParts) -> None:
    await parts.rates.count_stranger(request)


Caller = Annotated[SignedIn, Depends(_signed_in)]
# For routers whose routes need no session.
COUNTED_STRANGER = Depends(_counted_stranger)
