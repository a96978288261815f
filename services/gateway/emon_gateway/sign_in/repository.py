"""All SQL about sign-in. What a route may touch is set for its transaction: `emon.session`, then `emon.person`."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from emon_contracts.actors import Grant
from emon_contracts.directory import MembershipRecord
from emon_contracts.values import Locale
from emon_gateway.sign_in.rules import Session, SignedIn
from emon_platform.database import Database, Transaction

LOOK_UP_TIMEOUT_S = 5.0

_MEMBERSHIPS = TypeAdapter(tuple[MembershipRecord, ...])
_GRANTS = TypeAdapter(tuple[Grant, ...])


async def act_as_holder_of(tx: Transaction, token_hash: bytes) -> None:
    """From here on the session of this token is in reach."""
    await tx.execute("SELECT set_config('emon.session', $1, true)", token_hash.hex())


async def act_as_person(tx: Transaction, person_id: UUID) -> None:
    """From here on what is about this person is in reach. Only for somebody whose link or session was verified."""
    await tx.execute("SELECT set_config('emon.person', $1, true)", str(person_id))


async def save_request(tx: Transaction, request_id: UUID, email_key: str, now: datetime, look_at: datetime) -> None:
    """Somebody asked for a link to this mailbox; it is looked up from `look_at` on."""
    await tx.execute(
        "INSERT INTO sign_in_requests (id, email_key, requested_at, look_at) VALUES ($1, $2, $3, $4)",
        request_id,
        email_key,
        now,
        look_at,
    )


async def claim_due_requests(tx: Transaction, now: datetime, at_most: int) -> list[Any]:
    """Requests that are to be looked at; other workers pass them over until this transaction ends."""
    return await tx.fetch(
        """
        SELECT id, email_key, requested_at
        FROM sign_in_requests
        WHERE look_at <= $1
        ORDER BY look_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
        """,
        now,
        at_most,
    )


async def people_by_mailbox(tx: Transaction, email_keys: Sequence[str]) -> dict[str, list[UUID]]:
    """Who reads these mailboxes."""
    rows = await tx.fetch(
        """
        SELECT email_key, person_id
        FROM directory_people
        WHERE email_key = ANY($1::text[]) AND NOT erased
        ORDER BY email_key, person_id
        """,
        email_keys,
    )
    people: dict[str, list[UUID]] = {}
    for row in rows:
        people.setdefault(row["email_key"], []).append(row["person_id"])
    return people


async def delete_requests(tx: Transaction, request_ids: Sequence[UUID]) -> None:
    """Done with, one way or the other."""
    await tx.execute("DELETE FROM sign_in_requests WHERE id = ANY($1::uuid[])", request_ids)


async def look_again_at(tx: Transaction, request_ids: Sequence[UUID], moment: datetime) -> None:
    """The directory may know the mailbox by then."""
    await tx.execute("UPDATE sign_in_requests SET look_at = $2 WHERE id = ANY($1::uuid[])", request_ids, moment)


async def has_used(tx: Transaction, identifier: UUID, person_id: UUID) -> bool:
    """Whether this person signed in with this link before."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM used_sign_in_links WHERE identifier = $1 AND person_id = $2)", identifier, person_id
        )
    )


async def use_link(tx: Transaction, identifier: UUID, person_id: UUID, now: datetime, expires_at: datetime) -> bool:
    """Notes the use; False if somebody was faster. A twin under way is waited for."""
    tag = await tx.execute(
        """
        INSERT INTO used_sign_in_links (identifier, person_id, used_at, expires_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        """,
        identifier,
        person_id,
        now,
        expires_at,
    )
    return tag == "INSERT 0 1"


async def display_name_of(tx: Transaction, person_id: UUID) -> str | None:
    """The name of somebody who is not erased."""
    return await tx.fetchval("SELECT display_name FROM directory_people WHERE person_id = $1 AND NOT erased", person_id)


async def name_and_locale_of(tx: Transaction, person_id: UUID) -> tuple[str, Locale] | None:
    """The name and the language of somebody who is not erased."""
    row = await tx.fetchrow("SELECT display_name, locale FROM directory_people WHERE person_id = $1 AND NOT erased", person_id)
    return None if row is None else (row["display_name"], Locale(row["locale"]))


async def names_of_places(tx: Transaction, grants: Sequence[Grant]) -> tuple[dict[UUID, str], dict[str, str]]:
    """The names of the organisations and of the municipalities in which somebody holds these grants, as far as they are known."""
    organisation_ids = {grant.organisation_id for grant in grants if grant.organisation_id}
    keys = {grant.ags for grant in grants if grant.ags}
    organisations: list[Any] = []
    municipalities: list[Any] = []
    if organisation_ids:
        organisations = await tx.fetch(
            """
            SELECT organisation_id, name
            FROM directory_organisations
            WHERE organisation_id = ANY ($1::uuid[])
              AND name IS NOT NULL
            """,
            list(organisation_ids),
        )
    if keys:
        municipalities = await tx.fetch(
            "SELECT ags, name FROM directory_municipalities WHERE ags = ANY ($1::text[]) AND name IS NOT NULL", list(keys)
        )
    return (
        {row["organisation_id"]: row["name"] for row in organisations},
        {row["ags"]: row["name"] for row in municipalities},
    )


async def save_session(tx: Transaction, session: Session) -> None:
    """Opens it."""
    await tx.execute(
        "INSERT INTO sessions (token_hash, person_id, opened_at, used_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        session.token_hash,
        session.person_id,
        session.opened_at,
        session.used_at,
        session.expires_at,
    )


async def who_is_signed_in(database: Database, token_hash: bytes) -> SignedIn | None:
    """The session of a token, whether it still lives or not, and its person as the directory has them now.

    None where there is no such session, and once the person is erased. One statement, and so one round trip. Raises
    TimeoutError where the database hangs.
    """
    async with asyncio.timeout(LOOK_UP_TIMEOUT_S):
        row = await database.pool.fetchrow("SELECT * FROM caller_of_session($1)", token_hash)
    if row is None:
        return None
    return SignedIn(
        session=Session(token_hash, row["person_id"], row["opened_at"], row["used_at"], row["expires_at"]),
        display_name=row["display_name"],
        email=row["email"],
        locale=Locale(row["locale"]),
        memberships=_MEMBERSHIPS.validate_json(row["memberships"]),
        grants=_GRANTS.validate_json(row["grants"]),
    )


async def note_use(tx: Transaction, token_hash: bytes, now: datetime) -> None:
    """The session was used."""
    await tx.execute("UPDATE sessions SET used_at = $2 WHERE token_hash = $1", token_hash, now)


async def delete_session(tx: Transaction, token_hash: bytes) -> None:
    """Signs out."""
    await tx.execute("DELETE FROM sessions WHERE token_hash = $1", token_hash)


async def delete_sessions_of_erased(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """Whoever is erased is signed out everywhere."""
    await tx.execute(
        """
        DELETE FROM sessions
        USING directory_people AS person
        WHERE sessions.person_id = person.person_id
          AND person.person_id = ANY($1::uuid[])
          AND person.erased
        """,
        person_ids,
    )


async def sweep(tx: Transaction, now: datetime) -> None:
    """Forgets sessions and used links whose time is over."""
    await tx.execute("DELETE FROM sessions WHERE expires_at <= $1", now)
    await tx.execute("DELETE FROM used_sign_in_links WHERE expires_at <= $1", now)


async def end_all_sessions(tx: Transaction) -> int:
    """Signs everybody out; answers how many sessions that were. After a restore, one that was ended would be open again."""
    return int((await tx.execute("DELETE FROM sessions")).removeprefix("DELETE "))
