"""The SQL of submitting: where the things lie that feedback can be about, in reach of the caller."""

from uuid import UUID

from emon_feedback.feedback.rules import About
from emon_platform.database import Transaction


async def municipalities_of(tx: Transaction, about: About) -> set[str]:
    """The municipalities in which the thing lies that feedback is about; none where that is no thing."""
    if about.person_id is not None:
        return await _of_person(tx, about.person_id)
    if about.organisation_id is not None:
        return await _of_organisation(tx, about.organisation_id)
    if about.meeting_id is not None:
        return await _of_meeting(tx, about.meeting_id)
    return set()


async def _of_person(tx: Transaction, person_id: UUID) -> set[str]:
    """Where somebody is a member or has a role."""
    rows = await tx.fetch(
        """
        SELECT ags
        FROM directory_memberships
        JOIN directory_people USING (person_id)
        WHERE person_id = $1
          AND NOT erased
        UNION
        SELECT ags
        FROM directory_grants
        JOIN directory_people USING (person_id)
        WHERE person_id = $1
          AND NOT erased
          AND ags IS NOT NULL
        """,
        person_id,
    )
    return {row["ags"] for row in rows}


async def _of_organisation(tx: Transaction, organisation_id: UUID) -> set[str]:
    """Where an organisation is active."""
    found: list[str] | None = await tx.fetchval(
        "SELECT municipalities FROM directory_organisations WHERE organisation_id = $1", organisation_id
    )
    return set(found or ())


async def _of_meeting(tx: Transaction, meeting_id: UUID) -> set[str]:
    """Where a meeting takes place, or took place, or was to."""
    ags: str | None = await tx.fetchval("SELECT ags FROM meetings WHERE id = $1", meeting_id)
    return {ags} if ags else set()
