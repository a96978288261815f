"""What can be done with working weeks."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from emon_contacts.people import reading, repository as people
from emon_contacts.people.commands import entity_tag
from emon_contacts.people.entering import announce
from emon_contacts.people.rules import Person
from emon_contacts.visibility import visibility_of
from emon_contacts.working_weeks import repository
from emon_contacts.working_weeks.rules import Absence, WorkingWeek, check_absences, plan
from emon_contracts.actors import Actor
from emon_contracts.directory import Weekday
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound, Refused
from emon_platform.database import Database, Transaction
from emon_platform.http.responses import Precondition

_ZONE = ZoneInfo("Europe/Berlin")  # days begin and end where the people are


async def read_working_week(database: Database, actor: Actor, person_id: UUID) -> tuple[WorkingWeek, str]:
    """When somebody works, and the entity tag of it. Raises NotFound."""
    async with database.transaction(actor, Permission.WORKING_WEEK_READ) as tx:
        person = await _visible(tx, person_id, Permission.WORKING_WEEK_READ)
        return await repository.working_week_of(tx, person_id), entity_tag(person)


async def change_working_week(
    database: Database,
    actor: Actor,
    person_id: UUID,
    working_days: Collection[Weekday] | None,
    absences: Sequence[Absence],
    precondition: Precondition,
) -> tuple[WorkingWeek, str]:
    """Says when somebody works from now on; answers as read_working_week. Raises NotFound, Outdated and Refused."""
    async with database.transaction(actor, Permission.WORKING_WEEK_WRITE) as tx:
        if await people.lock(tx, person_id) is None:
            raise NotFound("person", person_id)
        before = await _visible(tx, person_id, Permission.WORKING_WEEK_WRITE)
        precondition.check(entity_tag(before))
        refusals = check_absences(absences)
        if refusals:
            raise Refused(*refusals)
        week = plan(working_days, absences, _today())
        if week == await repository.working_week_of(tx, person_id):
            return week, entity_tag(before)
        await repository.save(tx, person_id, week)
        await announce(tx, new=(), changed=[person_id], by=actor.person_id)
        return week, entity_tag(await _visible(tx, person_id, Permission.WORKING_WEEK_WRITE))


async def forget_past_absences(tx: Transaction) -> None:
    """Drops absences that are over. The directory hears of it, so that no copy keeps them either."""
    today = _today()
    person_ids = await repository.lock_people_with_past_absences(tx, today)
    if person_ids:
        await repository.delete_past_absences(tx, person_ids, today)
        await people.raise_versions(tx, person_ids)
        await announce(tx, new=(), changed=person_ids, by=None)


def _today() -> date:
    return datetime.now(UTC).astimezone(_ZONE).date()


async def _visible(tx: Transaction, person_id: UUID, permission: Permission) -> Person:
    person = await reading.visible_person(tx, visibility_of(tx.actor, permission), person_id)
    if person is None:
        raise NotFound("person", person_id)
    return person
