"""All SQL about a person's own record."""

from collections.abc import Collection
from uuid import UUID

from emon_contracts.values import Ags
from emon_platform.database import Transaction


async def names_in_own_record(tx: Transaction) -> dict[UUID, str]:
    """Names of the organisations in the caller's own record, and of whoever entered them, by id."""
    return {row["id"]: row["name"] for row in await tx.fetch("SELECT id, name FROM names_in_own_record()")}


async def names_of_municipalities(tx: Transaction, wanted: Collection[Ags]) -> dict[Ags, str]:
    """What these are called in the register, closed ones too."""
    rows = await tx.fetch("SELECT ags, name FROM municipalities WHERE ags = ANY ($1::text[])", list(wanted))
    return {row["ags"]: row["name"] for row in rows}


async def who_entered(tx: Transaction, person_id: UUID) -> UUID | None:
    """The person who entered this one."""
    return await tx.fetchval("SELECT entered_by FROM people WHERE id = $1", person_id)
