"""Erasing oneself. Name and address, memberships and grants go at once, and for good: also after an older backup was restored."""

from collections.abc import Sequence
from uuid import UUID

from emon_contacts.erasures import repository
from emon_contacts.erasures.rules import ANNOUNCED_AGAIN_AFTER, LAST_ADMINISTRATOR, Erasure
from emon_contracts.actors import Actor
from emon_contracts.directory import PersonRecord
from emon_contracts.envelope import NewEvent, Tombstone
from emon_contracts.events.contacts import PersonErased
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound, Refused
from emon_platform import outbox
from emon_platform.database import Database, Transaction

SOURCE = "contacts"


async def erase_person(database: Database, actor: Actor, person_id: UUID) -> None:
    """Erases the caller; a second time changes nothing. Raises NotFound for anybody else, and Refused for the last administrator.

    The tombstone bears a version above every earlier one, so that no copy of the directory takes an older record after it.
    """
    async with database.transaction(actor, Permission.PERSON_ERASE) as tx:
        if tx.scope.person_id != person_id:
            raise NotFound("person", person_id)
        version = await repository.lock_for_erasure(tx, person_id)
        if version is None:
            if await repository.was_erased(tx, person_id):
                return
            raise NotFound("person", person_id)
        if await repository.is_last_administrator(tx):
            raise Refused(LAST_ADMINISTRATOR)
        await repository.forget_rows_of_lists(tx)
        await repository.erase(tx, person_id, version + 1)
        fact = NewEvent(PersonErased(person_id=person_id), subject=str(person_id), sequence=version + 1)
        await outbox.append(tx, SOURCE, [fact, _tombstone(person_id, version + 1)])


async def announce_again(tx: Transaction) -> None:
    """Tells the end of people once more after the compaction lag.

    Kafka compacts a segment of the log only once it is closed, and closes it only when something new is written: without this the
    last record with the name could stay for as long as nothing else happens to the partition.
    """
    due = await repository.lock_due_for_announcement(tx, ANNOUNCED_AGAIN_AFTER)
    if due:
        await outbox.append(tx, SOURCE, [_tombstone(row["id"], row["version"]) for row in due], replayed=True)
        await repository.mark_announced(tx, [row["id"] for row in due])


async def erase_again(tx: Transaction, erasures: Sequence[Erasure]) -> list[Erasure]:
    """Erases people who had erased themselves after the backup was taken that this database comes from; answers whom.

    Whether they are known here or not, it stands on record that they were: the next export tells of them again. That the last
    administrator is among them is no reason to keep them; `EMON_ADMIN_EMAIL` names another.
    """
    again: list[Erasure] = []
    for erasure in erasures:
        if await repository.was_erased(tx, erasure.person_id):
            continue
        await repository.act_as(tx, erasure.person_id)
        here = await repository.lock_for_erasure(tx, erasure.person_id)
        version = max(erasure.version, (here or 0) + 1)
        await repository.forget_rows_of_lists(tx)
        await repository.erase(tx, erasure.person_id, version, erasure.erased_at)
        fact = NewEvent(PersonErased(person_id=erasure.person_id), subject=str(erasure.person_id), sequence=version)
        await outbox.append(tx, SOURCE, [fact, _tombstone(erasure.person_id, version)], replayed=True)
        again.append(Erasure(erasure.person_id, version, erasure.erased_at))
    return again


def _tombstone(person_id: UUID, version: int) -> Tombstone:
    return Tombstone(PersonRecord.TOPIC, PersonRecord.TYPE, str(person_id), version)
