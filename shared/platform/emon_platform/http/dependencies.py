"""What routes are handed: the caller, and the database in which to act for them."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from emon_contracts.actors import Actor
from emon_platform.database import Database
from emon_platform.http.problems import ProblemError
from emon_platform.identity import ActorVerifier, InvalidToken

_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="The access token of a session")


def sign_in_required() -> ProblemError:
    """401 with the challenge of RFC 6750."""
    return ProblemError(401, "sign-in-required", "Send a valid access token.", headers={"WWW-Authenticate": "Bearer"})


async def _caller(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Actor:
    verifier: ActorVerifier = request.app.state.verifier
    if credentials is None:
        raise sign_in_required()
    try:
        return verifier.verify(credentials.credentials, datetime.now(UTC))
    except InvalidToken as error:
        raise sign_in_required() from error


async def _database(request: Request) -> Database:
    return request.app.state.database


Caller = Annotated[Actor, Depends(_caller)]
ApiDatabase = Annotated[Database, Depends(_database)]
