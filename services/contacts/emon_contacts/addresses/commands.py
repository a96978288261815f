"""What can be done with addresses: propose one, and confirm it by the link that went to it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg

from emon_contacts.addresses import repository
from emon_contacts.addresses.rules import CONFIRMED_WITHIN, FORMER_ADDRESS_KEPT, AddressChange, check_proposal
from emon_contacts.people import reading, repository as people
from emon_contacts.people.entering import announce
from emon_contacts.people.rules import PERSON_EXISTS
from emon_contacts.visibility import visibility_of
from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound, Refused
from emon_platform.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the reader of the mail is asked: whether this is the address of this person."""

    display_name: str
    email: str
    confirmed: bool


async def propose_address(database: Database, actor: Actor, person_id: UUID, email: str) -> AddressChange:
    """Proposes an address, in place of what was proposed before; the directory hears of it, and notifications writes there.

    Raises NotFound and Refused.
    """
    now = datetime.now(UTC)
    async with database.transaction(actor, Permission.ADDRESS_PROPOSE) as tx:
        await _lock(tx, person_id, Permission.ADDRESS_PROPOSE)
        earlier = await repository.changes_of(tx, person_id)
        revision = 1 + max((change.revision for change in earlier), default=0)
        change = AddressChange(uuid4(), revision, email, actor.person_id, now, now + CONFIRMED_WITHIN)
        await repository.add(tx, person_id, change)
        await people.raise_versions(tx, [person_id])
        # All that the person is, also what the caller does not see, is read once this transaction has changed them.
        [(person, _)] = await people.changed(tx, [person_id])
        refusal = check_proposal(person, email, actor, tx.scope, earlier, now)
        if refusal is not None:
            raise Refused(refusal)
        await announce(tx, new=(), changed=[person_id], by=actor.person_id)
        return change


async def read_confirmation(database: Database, actor: Actor, person_id: UUID) -> Confirmation:
    """What the caller's link asks. Raises NotFound where it is over, or there is a newer one."""
    async with database.transaction(actor, Permission.ADDRESS_CONFIRM) as tx:
        display_name = await _lock(tx, person_id, Permission.ADDRESS_CONFIRM)
        change = await _asked_by_link(tx, person_id)
        return Confirmation(display_name, change.email, change.confirmed_at is not None)


async def confirm_address(database: Database, actor: Actor, person_id: UUID) -> Confirmation:
    """Makes the proposed address the person's, everywhere; a second time changes nothing.

    Raises NotFound where it is over, or there is a newer one, and Refused where somebody of the same name has the address.
    """
    async with database.transaction(actor, Permission.ADDRESS_CONFIRM) as tx:
        display_name = await _lock(tx, person_id, Permission.ADDRESS_CONFIRM)
        change = await _asked_by_link(tx, person_id)
        if change.confirmed_at is None:
            try:
                await repository.confirm(tx, person_id, change)
            except asyncpg.UniqueViolationError as error:
                raise Refused(PERSON_EXISTS) from error
            await announce(tx, new=(), changed=[person_id], by=person_id)
        return Confirmation(display_name, change.email, confirmed=True)


async def forget_past_changes(tx: Transaction) -> None:
    """Drops proposals that are over and former addresses. The directory hears of it, so that no copy keeps them either."""
    person_ids = await repository.lock_people_with_past_changes(tx, FORMER_ADDRESS_KEPT)
    if person_ids:
        await repository.delete_past_changes(tx, person_ids, FORMER_ADDRESS_KEPT)
        await people.raise_versions(tx, person_ids)
        await announce(tx, new=(), changed=person_ids, by=None)


async def _lock(tx: Transaction, person_id: UUID, permission: Permission) -> str:
    """Keeps somebody in reach as they are; answers their name."""
    if await people.lock(tx, person_id) is None:
        raise NotFound("person", person_id)
    person = await reading.visible_person(tx, visibility_of(tx.actor, permission), person_id)
    if person is None:
        raise NotFound("person", person_id)
    return person.display_name


async def _asked_by_link(tx: Transaction, person_id: UUID) -> AddressChange:
    link = tx.actor.link
    changes = await repository.changes_of(tx, person_id)
    newest = changes[-1] if changes else None
    if link is None or newest is None or newest.revision != link.revision:
        raise NotFound("address change", person_id)
    if newest.confirmed_at is None and not newest.is_pending(datetime.now(UTC)):
        raise NotFound("address change", person_id)
    return newest
