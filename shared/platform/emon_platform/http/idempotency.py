"""Idempotency-Key: the same POST sent twice, also at the same moment, makes one thing.

The key is noted first, in the command's own transaction, so that a twin waits for the outcome. Only successes are kept, for
24 hours; the answer is rendered anew from the resource. Stored are hashes, keyed
with the client's own key, and never the request.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request

from emon_contracts.refusals import Refusal, Refused
from emon_platform.database import Transaction

KEPT_FOR_HOURS = 24


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """One client's wish to do this once."""

    route: str
    key_hash: bytes
    request_hash: bytes


async def _from_request(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=255, description="Send the same key again to make sure that it is done, and done once"),
    ] = None,
) -> IdempotencyKey | None:
    if idempotency_key is None:
        return None
    key = idempotency_key.encode()
    return IdempotencyKey(
        route=f"{request.method} {request.url.path}",
        key_hash=hashlib.sha256(key).digest(),
        request_hash=hmac.digest(key, await request.body(), "sha256"),
    )


OptionalIdempotencyKey = Annotated[IdempotencyKey | None, Depends(_from_request)]


async def earlier_result(tx: Transaction, key: IdempotencyKey | None) -> UUID | None:
    """Notes the key; answers the id of what the same request made before. A twin under way is waited for.

    Raises Refused where the key was used for another request.
    """
    if key is None:
        return None
    person_id = tx.actor.person_id
    noted = await tx.execute(
        """
        INSERT INTO idempotency_keys (person_id, route, key_hash, request_hash)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        """,
        person_id,
        key.route,
        key.key_hash,
        key.request_hash,
    )
    if noted == "INSERT 0 1":
        return None
    row = await tx.fetchrow(
        "SELECT request_hash, resource_id FROM idempotency_keys WHERE person_id = $1 AND route = $2 AND key_hash = $3",
        person_id,
        key.route,
        key.key_hash,
    )
    if row is None or row["request_hash"] != key.request_hash:
        raise Refused(Refusal("idempotency-key-reused", "This Idempotency-Key was used for another request. Choose a new one."))
    return row["resource_id"]


async def remember_result(tx: Transaction, key: IdempotencyKey | None, resource_id: UUID) -> None:
    """Keeps what the request made, in the transaction that makes it."""
    if key is None:
        return
    await tx.execute(
        "UPDATE idempotency_keys SET resource_id = $4 WHERE person_id = $1 AND route = $2 AND key_hash = $3",
        tx.actor.person_id,
        key.route,
        key.key_hash,
        resource_id,
    )


async def sweep(tx: Transaction) -> None:
    """Forgets keys whose time is over."""
    await tx.execute("DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(hours => $1)", KEPT_FOR_HOURS)
