"""The SQL of asking: who could be asked, as the directory has it at this moment."""

from typing import Any
from uuid import UUID

from emon_calendar.working_days import MONDAY_TO_FRIDAY, WorkingTime
from emon_contracts.values import email_key
from emon_feedback.asking.rules import LEVELS, Candidate, Level
from emon_platform.database import Transaction

# Held (pg_advisory_xact_lock) while people are chosen and saved as asked, and while erased ones are taken out: 64 bits, "asking".
ASKING = 0x61736B696E67


async def hold_people(tx: Transaction) -> None:
    """Waits for an erasure that is under way, and keeps others out until the commit. To be called before any row is locked.

    Without it, somebody who is erased at the moment of asking could stay among those who are asked.
    """
    await tx.execute("SELECT pg_advisory_xact_lock_shared($1)", ASKING)


async def candidates(
    tx: Transaction, ags: str, organisation_id: UUID | None, about_person_id: UUID | None, mediator_email: str | None
) -> list[Candidate]:
    """Everybody who could be asked, by level and id. Nobody whose mail the person it is about may read (couples share one)."""
    mediator = email_key(mediator_email) if mediator_email else None
    await tx.execute("SELECT set_config('emon.mediator', $1, true)", mediator or "")
    rows = await tx.fetch(
        """
        WITH found (level, person_id) AS (
            SELECT 'organisation', person_id
            FROM directory_memberships
            WHERE organisation_id = $2
              AND ags = $1
              AND engagement = 'staff'
            UNION
            SELECT 'coordinator', person_id
            FROM directory_grants
            WHERE role = 'coordinator'
              AND ags = $1
            UNION
            SELECT 'mediator', person_id
            FROM directory_people
            WHERE email_key = $4
        )
        SELECT found.level, person.person_id, person.working_days,
               array(
                   SELECT ARRAY[first_day, last_day]
                   FROM directory_absences
                   WHERE directory_absences.person_id = person.person_id
               ) AS absences
        FROM found
        JOIN directory_people AS person USING (person_id)
        WHERE NOT person.erased
          AND NOT EXISTS (
              SELECT
              FROM directory_people AS subject
              WHERE subject.person_id = $3
                AND subject.email_key = person.email_key
          )
        """,
        ags,
        organisation_id,
        about_person_id,
        mediator,
    )
    found = [_candidate(row) for row in rows]
    return sorted(found, key=lambda candidate: (LEVELS.index(candidate.level), candidate.person_id.int))


def _candidate(row: Any) -> Candidate:
    days: str | None = row["working_days"]
    weekdays = MONDAY_TO_FRIDAY if days is None else frozenset(int(day) for day in days)
    absences = tuple((first, last) for first, last in row["absences"])
    return Candidate(row["person_id"], Level(row["level"]), WorkingTime(weekdays, absences))
