"""Liveness and readiness. Live: the process answers. Ready: every part of it works, or the answer says which does not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel

from emon_platform.database import Database
from emon_platform.failures import is_transient
from emon_platform.http.responses import json_response

CHECK_TIMEOUT_S = 2.0
# Tokens are taken for 10 s longer than they last (identity.CLOCK_SKEW): beyond that a clock that is wrong does harm.
CLOCKS_DIFFER_MAX_S = 10.0

Check = Callable[[], Awaitable[Sequence[str]]]
Remarks = Callable[[], Sequence[str]]


class Health(BaseModel):
    """`troubles` says in words what is missing, `remarks` what an operator should know though all is well."""

    status: str
    troubles: list[str]
    remarks: list[str] = []


def liveness_router() -> APIRouter:
    """`/health/live`, which says nothing about anything; not part of the documented API."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> Response:  # pyright: ignore[reportUnusedFunction]
        return json_response(Health(status="live", troubles=[]))

    return router


def readiness_router(checks: Sequence[Check], remarks: Sequence[Remarks] = ()) -> APIRouter:
    """`/health/ready`, which tells what the service is made of: not for the public."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health/ready")
    async def ready() -> Response:  # pyright: ignore[reportUnusedFunction]
        found = await asyncio.gather(*(check() for check in checks))
        troubles = [trouble for troubles in found for trouble in troubles]
        said = [remark for remarks_of in remarks for remark in remarks_of()]
        if troubles:
            return json_response(Health(status="not-ready", troubles=troubles, remarks=said), 503, {"Retry-After": "1"})
        return json_response(Health(status="ready", troubles=[], remarks=said))

    return router


def database_check(name: str, database: Database) -> Check:
    """Whether the database answers, and has the same time as we do."""

    async def check() -> Sequence[str]:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                theirs = await database.pool.fetchval("SELECT clock_timestamp()")
        except Exception as error:
            if not is_transient(error):
                raise
            return [f"{name}: {type(error).__name__}"]
        ahead_s = (datetime.now(UTC) - theirs).total_seconds()
        if abs(ahead_s) > CLOCKS_DIFFER_MAX_S:
            return [f"{name}: our clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the database's"]
        return []

    return check
