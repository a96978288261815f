"""What somebody can do about sign-in: ask for a link, look at it, open a session with it, be recognised, sign out."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from joserfc.jwk import OKPKey
from uuid_utils.compat import uuid7

from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_contracts.refusals import Refused
from emon_contracts.values import Locale, email_key
from emon_gateway.sign_in import repository, rules
from emon_gateway.sign_in.rules import LOOK_UP_AFTER, LinkState, SignedIn, Terms
from emon_platform.database import Database
from emon_platform.signed_links import ExpiredLink, InvalidLink, Purpose, SignedLink, verify

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """What is told once, to whoever opened the session: the token itself is nowhere kept."""

    access_token: str
    person_id: UUID
    display_name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinkShown:
    """What a sign-in link is worth, and for whom it is."""

    state: LinkState
    display_name: str | None = None
    locale: Locale | None = None


async def ask_for_sign_in_link(database: Database, email: str, now: datetime) -> None:
    """Leaves the request to the worker, so that the answer takes as long for a known mailbox as for an unknown one."""
    async with database.unscoped() as tx:
        await repository.save_request(tx, uuid7(), email_key(email), now, now + LOOK_UP_AFTER)


async def show_link(database: Database, key: OKPKey, token: str, now: datetime) -> LinkShown:
    """What a link would do, without doing it."""
    state, link = _read(token, key, now)
    if link is None:
        return LinkShown(state)
    async with database.unscoped() as tx:
        await repository.act_as_person(tx, link.person_id)
        person = await repository.name_and_locale_of(tx, link.person_id)
        if person is None:
            return LinkShown(LinkState.INVALID)
        used = await repository.has_used(tx, link.identifier, link.person_id)
    return LinkShown(LinkState.USED) if used else LinkShown(LinkState.VALID, *person)


async def open_session(database: Database, key: OKPKey, token: str, terms: Terms, now: datetime) -> OpenedSession:
    """Opens a session with a link, once. Raises Refused: link-used, link-expired or link-invalid."""
    state, link = _read(token, key, now)
    _demand(state)
    assert link is not None  # a valid one
    access_token = secrets.token_urlsafe(TOKEN_BYTES)
    session = rules.open_session(token_hash(access_token), link.person_id, now, terms)
    async with database.unscoped() as tx:
        await repository.act_as_person(tx, link.person_id)
        name = await repository.display_name_of(tx, link.person_id)
        if name is None:
            _demand(LinkState.INVALID)
        if not await repository.use_link(tx, link.identifier, link.person_id, now, link.expires_at):
            _demand(LinkState.USED)
        await repository.act_as_holder_of(tx, session.token_hash)
        await repository.save_session(tx, session)
    return OpenedSession(access_token, link.person_id, name or "", session.expires_at)


async def who_calls(database: Database, access_token: str, terms: Terms, now: datetime, *, is_use: bool) -> SignedIn | None:
    """The person whose session the token opens; None where it opens none, or none any more.

    Read anew for each request: signing out and a revoked grant take effect at once, in every process of the gateway. What a page
    asks by itself is no use: an open page does not keep anybody signed in.
    """
    hashed = token_hash(access_token)
    caller = await repository.who_is_signed_in(database, hashed)
    if caller is None or not rules.is_live(caller.session, now, terms):
        return None
    if is_use and rules.is_use_to_be_noted(caller.session, now):
        async with database.unscoped() as tx:
            await repository.act_as_holder_of(tx, hashed)
            await repository.note_use(tx, hashed, now)
    return caller


async def names_of_places(database: Database, actor: Actor) -> tuple[dict[UUID, str], dict[str, str]]:
    """The names of the organisations and municipalities in which the caller may act."""
    if not actor.grants:
        return {}, {}
    async with database.transaction(actor, Permission.ORGANISATION_READ) as tx:
        return await repository.names_of_places(tx, actor.grants)


async def close_session(database: Database, signed_in: SignedIn) -> None:
    """Signs out."""
    async with database.unscoped() as tx:
        await repository.act_as_holder_of(tx, signed_in.session.token_hash)
        await repository.delete_session(tx, signed_in.session.token_hash)


def token_hash(access_token: str) -> bytes:
    """What is stored of a token. A plain hash does for 256 random bits."""
    return hashlib.sha256(access_token.encode("utf-8", "surrogatepass")).digest()


def _read(token: str, key: OKPKey, now: datetime) -> tuple[LinkState, SignedLink | None]:
    try:
        link = verify(token, key, now)
    except ExpiredLink:
        return LinkState.EXPIRED, None
    except InvalidLink:
        return LinkState.INVALID, None
    if link.purpose is not Purpose.SIGN_IN:
        return LinkState.INVALID, None
    return LinkState.VALID, link


def _demand(state: LinkState) -> None:
    refusal = rules.refusal_of(state)
    if refusal is not None:
        raise Refused(refusal)
