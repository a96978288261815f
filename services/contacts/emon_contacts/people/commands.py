"""What can be done with people."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from emon_contacts.municipalities.repository import open_municipalities
from emon_contacts.organisations.repository import areas_in_reach
from emon_contacts.people import reading, repository
from emon_contacts.people.entering import announce, enter_people
from emon_contacts.people.rules import (
    PERSON_EXISTS,
    Entry,
    Person,
    WantedGrant,
    WantedMembership,
    check_change,
    check_reach,
    resolve_grants,
    resolve_memberships,
)
from emon_contacts.visibility import visibility_of
from emon_contracts.actors import Actor, Engagement, Grant, Role
from emon_contracts.directory import MembershipRecord
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound, Refused
from emon_contracts.values import Ags, Locale, email_key
from emon_platform.database import Database, Transaction
from emon_platform.http import idempotency
from emon_platform.http.idempotency import IdempotencyKey
from emon_platform.http.responses import Precondition, etag


@dataclass(frozen=True, slots=True)
class Entered:
    """What the one who entered somebody is told: who it is, and what they said themselves. Nothing of what was known."""

    person_id: UUID
    entity_tag: str
    entry: Entry


def entity_tag(person: Person) -> str:
    """Changes with every version and does not give it away."""
    return etag(person.etag_seed, person.version)


async def enter_person(
    database: Database,
    actor: Actor,
    *,
    display_name: str,
    email: str | None,
    locale: Locale,
    memberships: Sequence[WantedMembership],
    grants: Sequence[WantedGrant],
    key: IdempotencyKey | None,
) -> Entered:
    """Enters somebody; who is known already gets what is new. Raises Refused for what is not the caller's to give."""
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        earlier = await idempotency.earlier_result(tx, key)
        entry = await _resolved(tx, Entry(display_name, email, locale), memberships, grants)
        if earlier is None:
            [person_id] = await enter_people(tx, [entry], actor.person_id)
            await idempotency.remember_result(tx, key, person_id)
        else:
            person_id = earlier
        return Entered(person_id, entity_tag(await _visible(tx, person_id)), entry)


async def change_person(
    database: Database,
    actor: Actor,
    person_id: UUID,
    display_name: str | None,
    locale: Locale | None,
    precondition: Precondition,
) -> Person:
    """Another name or language; None leaves it. Raises NotFound, Outdated and Refused."""
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        before = await _lock(tx, person_id, precondition)
        if not await save_change(tx, before, display_name, locale):
            return before
        [(record, _)] = await repository.changed(tx, [person_id])
        refusal = check_change(tx.scope, record.memberships, record.grants)
        if refusal is not None:
            raise Refused(refusal)
        await announce(tx, new=(), changed=[person_id], by=actor.person_id)
        return await _visible(tx, person_id)


async def save_change(tx: Transaction, before: Person, display_name: str | None, locale: Locale | None) -> bool:
    """Saves another name or language of somebody who is locked; False where nothing changes. Raises Refused for a name taken."""
    display_name = before.display_name if display_name is None else display_name
    locale = before.locale if locale is None else locale
    if (display_name, locale) == (before.display_name, before.locale):
        return False
    try:
        await repository.save(tx, before.id, display_name, locale.value)
    except asyncpg.UniqueViolationError as error:
        raise Refused(PERSON_EXISTS) from error
    return True


async def add_membership(database: Database, actor: Actor, person_id: UUID, wanted: WantedMembership) -> Person:
    """Makes somebody a member; no change where they are. Raises NotFound and Refused (pointers as in a body of its own)."""
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        person = await _lock(tx, person_id)
        areas = await areas_in_reach(tx, [wanted.organisation_id])
        memberships, refusals = resolve_memberships(actor, [wanted], areas, "")
        if refusals:
            raise Refused(*refusals)
        if memberships[0] in person.memberships:
            return person
        if await repository.add_memberships(tx, [(person_id, memberships[0])]):
            await repository.raise_versions(tx, [person_id])
            await announce(tx, new=(), changed=[person_id], by=actor.person_id)
        return await _visible(tx, person_id)


async def end_membership(
    database: Database,
    actor: Actor,
    person_id: UUID,
    organisation_id: UUID,
    ags: Ags,
    engagement: Engagement,
    precondition: Precondition,
) -> None:
    """Ends a membership in a municipality of the caller's. Raises NotFound and Outdated."""
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        await _lock(tx, person_id, precondition)
        # Before the membership goes, since with it the person may go out of the caller's reach.
        await repository.raise_versions(tx, [person_id])
        membership = MembershipRecord(organisation_id=organisation_id, ags=ags, engagement=engagement)
        if not await repository.end_membership(tx, person_id, membership):
            raise NotFound("membership", organisation_id)
        await announce(tx, new=(), changed=[person_id], by=actor.person_id)


async def add_grant(database: Database, actor: Actor, person_id: UUID, wanted: WantedGrant) -> Person:
    """Grants a role; no change where it is held. Raises NotFound and Refused (pointers as in a body of its own)."""
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        person = await _lock(tx, person_id)
        grant = await _resolved_grant(tx, wanted)
        if grant in person.grants:
            return person
        if await repository.add_grants(tx, [(person_id, grant)]):
            await repository.raise_versions(tx, [person_id])
            await announce(tx, new=(), changed=[person_id], by=actor.person_id)
        return await _visible(tx, person_id)


async def end_grant(database: Database, actor: Actor, person_id: UUID, wanted: WantedGrant, precondition: Precondition) -> None:
    """Takes a role back that the caller could grant. Raises NotFound, Outdated and Refused."""
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        await _lock(tx, person_id, precondition)
        grant = await _resolved_grant(tx, wanted)
        await repository.raise_versions(tx, [person_id])
        if not await repository.end_grant(tx, person_id, grant):
            raise NotFound("grant", person_id)
        await announce(tx, new=(), changed=[person_id], by=actor.person_id)


async def ensure_administrator(tx: Transaction, email: str, display_name: str) -> None:
    """Enters the person with this address as network_admin, unless somebody with it is one already."""
    if await repository.has_network_admin(tx, email_key(email)):
        return
    await enter_people(tx, [Entry(display_name, email, Locale.DE, grants=(Grant(role=Role.NETWORK_ADMIN),))], entered_by=None)


async def _resolved(
    tx: Transaction, entry: Entry, memberships: Sequence[WantedMembership], grants: Sequence[WantedGrant]
) -> Entry:
    reach = check_reach(tx.scope, memberships, grants)
    areas = await areas_in_reach(
        tx,
        {item.organisation_id for item in memberships} | {item.organisation_id for item in grants if item.organisation_id},
    )
    known = await open_municipalities(tx, {item.ags for item in grants if item.ags})
    found_memberships, stand_against_memberships = resolve_memberships(tx.actor, memberships, areas, "/memberships")
    found_grants, stand_against_grants = resolve_grants(tx.actor, grants, areas, known, "/grants")
    refusals = [*([reach] if reach else []), *stand_against_memberships, *stand_against_grants]
    if refusals:
        raise Refused(*refusals)
    return Entry(entry.display_name, entry.email, entry.locale, tuple(found_memberships), tuple(found_grants))


async def _resolved_grant(tx: Transaction, wanted: WantedGrant) -> Grant:
    areas = await areas_in_reach(tx, [wanted.organisation_id] if wanted.organisation_id else [])
    known = await open_municipalities(tx, [wanted.ags] if wanted.ags else [])
    grants, refusals = resolve_grants(tx.actor, [wanted], areas, known, "")
    if refusals:
        raise Refused(*refusals)
    return grants[0]


async def _lock(tx: Transaction, person_id: UUID, precondition: Precondition | None = None) -> Person:
    row = await repository.lock(tx, person_id)
    if row is None:
        raise NotFound("person", person_id)
    if precondition is not None:
        precondition.check(etag(row["etag_seed"], row["version"]))
    return await _visible(tx, person_id)


async def _visible(tx: Transaction, person_id: UUID) -> Person:
    person = await reading.visible_person(tx, visibility_of(tx.actor, Permission.PERSON_WRITE), person_id)
    if person is None:
        raise NotFound("person", person_id)
    return person
