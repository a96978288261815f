"""What people can do with their own record: read it whole, and correct it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from emon_contacts.addresses import repository as addresses
from emon_contacts.own_record import repository
from emon_contacts.people import reading, repository as people
from emon_contacts.people.commands import save_change
from emon_contacts.people.entering import announce
from emon_contacts.people.rules import Person
from emon_contacts.visibility import visibility_of
from emon_contacts.working_weeks import repository as working_weeks
from emon_contacts.working_weeks.rules import WorkingWeek
from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound
from emon_contracts.values import Ags, Locale
from emon_platform.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """A person as they see themselves, and the names of what their record refers to."""

    person: Person
    working_week: WorkingWeek
    organisations: dict[UUID, str]
    municipalities: dict[Ags, str]
    pending_email: str | None  # proposed, and not confirmed
    former_emails: list[str]  # kept for some days, for the notice that goes there
    entered_by: str | None  # None: the operator, somebody who is erased, or not noted


async def read_own_record(database: Database, actor: Actor, person_id: UUID) -> OwnRecord:
    """Everything that is held about the caller. Raises NotFound for anybody else's."""
    async with database.transaction(actor, Permission.PERSON_READ) as tx:
        person = await _themself(tx, person_id, Permission.PERSON_READ)
        names = await repository.names_in_own_record(tx)
        ties = [*person.memberships, *person.grants]
        newest = (await addresses.changes_of(tx, person_id))[-1:]
        enterer = await repository.who_entered(tx, person_id)
        return OwnRecord(
            person=person,
            working_week=await working_weeks.working_week_of(tx, person_id),
            organisations=names,
            municipalities=await repository.names_of_municipalities(tx, {tie.ags for tie in ties if tie.ags is not None}),
            pending_email=next((change.email for change in newest if change.is_pending(datetime.now(UTC))), None),
            former_emails=await addresses.former_addresses_of(tx, person_id),
            entered_by=None if enterer is None else names.get(enterer),
        )


async def correct_person(
    database: Database, actor: Actor, person_id: UUID, display_name: str | None, locale: Locale | None
) -> Person:
    """Another name or language, by the person themself; None leaves it. The last word is theirs, whoever changed something too.

    Raises NotFound for anybody else, and Refused for a name that somebody with the same address has.
    """
    async with database.transaction(actor, Permission.PERSON_CORRECT) as tx:
        if tx.scope.person_id != person_id or await people.lock(tx, person_id) is None:
            raise NotFound("person", person_id)
        before = await _themself(tx, person_id, Permission.PERSON_CORRECT)
        if not await save_change(tx, before, display_name, locale):
            return before
        await announce(tx, new=(), changed=[person_id], by=actor.person_id)
        return await _themself(tx, person_id, Permission.PERSON_CORRECT)


async def _themself(tx: Transaction, person_id: UUID, permission: Permission) -> Person:
    person = None
    if tx.scope.person_id == person_id:
        person = await reading.visible_person(tx, visibility_of(tx.actor, permission), person_id)
    if person is None:
        raise NotFound("person", person_id)
    return person
