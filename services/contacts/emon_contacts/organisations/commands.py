"""What can be done with organisations."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from emon_contacts.municipalities.repository import open_municipalities
from emon_contacts.organisations import repository
from emon_contacts.organisations.rules import (
    ORGANISATION_EXISTS,
    Organisation,
    OrganisationKind,
    check_change,
    check_municipality,
)
from emon_contacts.visibility import visibility_of
from emon_contracts.actors import Actor
from emon_contracts.directory import OrganisationRecord
from emon_contracts.envelope import NewEvent, Payload
from emon_contracts.events.contacts import OrganisationRegistered
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound, Refused
from emon_contracts.values import Ags
from emon_platform import outbox
from emon_platform.database import Database, Transaction
from emon_platform.http import idempotency
from emon_platform.http.idempotency import IdempotencyKey
from emon_platform.http.responses import Precondition, etag

SOURCE = "contacts"


async def register_organisation(
    database: Database, actor: Actor, name: str, kind: OrganisationKind, ags: Ags, key: IdempotencyKey | None
) -> Organisation:
    """A new organisation in a municipality. Raises Refused for a municipality that is not the caller's, and for a name twice."""
    async with database.transaction(actor, Permission.ORGANISATION_WRITE) as tx:
        earlier = await idempotency.earlier_result(tx, key)
        if earlier is not None:
            return await _visible(tx, earlier)
        refusal = check_municipality(tx.scope, ags, await open_municipalities(tx, [ags]), "/ags")
        if refusal is not None:
            raise Refused(refusal)
        organisation_id = uuid7()
        await repository.lock_names(tx, [ags])
        await repository.add_organisations(tx, [(organisation_id, name, kind)])
        if not await repository.add_area(tx, organisation_id, name, ags):
            raise Refused(ORGANISATION_EXISTS)
        organisation = Organisation(organisation_id, name, kind, 1, (ags,))
        await announce(tx, new=[organisation])
        await idempotency.remember_result(tx, key, organisation_id)
        return organisation


async def change_organisation(
    database: Database,
    actor: Actor,
    organisation_id: UUID,
    name: str | None,
    kind: OrganisationKind | None,
    precondition: Precondition,
) -> Organisation:
    """Another name or kind; None leaves it. Raises NotFound, Outdated and Refused."""
    async with database.transaction(actor, Permission.ORGANISATION_WRITE) as tx:
        before = await _lock(tx, organisation_id, precondition)
        name = before.name if name is None else name
        kind = before.kind if kind is None else kind
        if (name, kind) == (before.name, before.kind):
            return before
        await repository.lock_names(tx, before.municipalities)
        try:
            await repository.save(tx, organisation_id, name, kind)
        except asyncpg.UniqueViolationError as error:
            raise Refused(ORGANISATION_EXISTS) from error
        [changed] = await repository.changed(tx, [organisation_id])
        refusal = check_change(tx.scope, changed)
        if refusal is not None:
            raise Refused(refusal)
        await announce(tx, changed=[changed])
        return await _visible(tx, organisation_id)


async def extend_organisation(
    database: Database, actor: Actor, organisation_id: UUID, ags: Ags, precondition: Precondition
) -> Organisation:
    """Makes it active in one more municipality. Raises NotFound, Outdated and Refused."""
    async with database.transaction(actor, Permission.ORGANISATION_WRITE) as tx:
        before = await _lock(tx, organisation_id, precondition)
        refusal = check_municipality(tx.scope, ags, await open_municipalities(tx, [ags]), "/ags")
        if refusal is not None:
            raise Refused(refusal)
        if ags in before.municipalities:
            return before
        await repository.raise_version(tx, organisation_id)
        await repository.lock_names(tx, [ags])
        if not await repository.add_area(tx, organisation_id, before.name, ags):
            raise Refused(ORGANISATION_EXISTS)
        await announce(tx, changed=await repository.changed(tx, [organisation_id]))
        return await _visible(tx, organisation_id)


async def announce(tx: Transaction, new: Sequence[Organisation] = (), changed: Sequence[Organisation] = ()) -> None:
    """Tells of organisations in their new version: what happened, and the whole state for the directory."""
    facts = [
        _event(
            organisation,
            OrganisationRegistered(
                organisation_id=organisation.id, kind=organisation.kind.value, municipalities=organisation.municipalities
            ),
        )
        for organisation in new
    ]
    records = [
        _event(
            organisation,
            OrganisationRecord(
                organisation_id=organisation.id,
                name=organisation.name,
                kind=organisation.kind.value,
                municipalities=organisation.municipalities,
            ),
        )
        for organisation in (*new, *changed)
    ]
    await outbox.append(tx, SOURCE, [*facts, *records])


def _event(organisation: Organisation, payload: Payload) -> NewEvent:
    return NewEvent(payload, subject=str(organisation.id), sequence=organisation.version, tenant=organisation.municipalities[0])


async def _lock(tx: Transaction, organisation_id: UUID, precondition: Precondition) -> Organisation:
    version = await repository.lock(tx, organisation_id)
    if version is None:
        raise NotFound("organisation", organisation_id)
    precondition.check(etag(organisation_id, version))
    return await _visible(tx, organisation_id)


async def _visible(tx: Transaction, organisation_id: UUID) -> Organisation:
    visibility = visibility_of(tx.actor, Permission.ORGANISATION_WRITE)
    organisation = await repository.visible_organisation(tx, visibility, organisation_id)
    if organisation is None:
        raise NotFound("organisation", organisation_id)
    return organisation
