"""All SQL about when people work."""

from datetime import date
from uuid import UUID

from emon_contacts.working_weeks.rules import Absence, WorkingWeek
from emon_contracts.directory import Weekday
from emon_platform.database import Transaction

FORGOTTEN_AT_ONCE = 1000


async def working_week_of(tx: Transaction, person_id: UUID) -> WorkingWeek:
    """When somebody works who is in the caller's reach."""
    digits = await tx.fetchval("SELECT working_days FROM people WHERE id = $1", person_id)
    rows = await tx.fetch("SELECT first_day, last_day FROM absences WHERE person_id = $1 ORDER BY first_day, last_day", person_id)
    return WorkingWeek(
        working_days=None if digits is None else tuple(Weekday(int(digit)) for digit in digits),
        absences=tuple(Absence(row["first_day"], row["last_day"]) for row in rows),
    )


async def save(tx: Transaction, person_id: UUID, week: WorkingWeek) -> None:
    """A new version of the person, with this working week instead of the one before."""
    await tx.execute(
        "UPDATE people SET working_days = $2, version = version + 1 WHERE id = $1",
        person_id,
        None if week.working_days is None else "".join(str(day.value) for day in week.working_days),
    )
    await tx.execute("DELETE FROM absences WHERE person_id = $1", person_id)
    await tx.execute(
        "INSERT INTO absences (person_id, first_day, last_day) SELECT $1, * FROM unnest($2::date[], $3::date[])",
        person_id,
        [absence.first_day for absence in week.absences],
        [absence.last_day for absence in week.absences],
    )


async def lock_people_with_past_absences(tx: Transaction, today: date) -> list[UUID]:
    """Some who are back, in the order in which people are locked; those who are being changed are passed over."""
    rows = await tx.fetch(
        """
        SELECT person.id
        FROM people AS person
        WHERE EXISTS (SELECT FROM absences AS absence WHERE absence.person_id = person.id AND absence.last_day < $1)
        ORDER BY person.id
        LIMIT $2
        FOR NO KEY UPDATE OF person SKIP LOCKED
        """,
        today,
        FORGOTTEN_AT_ONCE,
    )
    return [row["id"] for row in rows]


async def delete_past_absences(tx: Transaction, person_ids: list[UUID], today: date) -> None:
    """Forgets when these were away."""
    await tx.execute("DELETE FROM absences WHERE person_id = ANY ($1::uuid[]) AND last_day < $2", person_ids, today)
