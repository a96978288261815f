"""All SQL of republishing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from emon_contracts.values import Ags
from emon_platform.database import Transaction


async def all_municipalities(tx: Transaction) -> list[Ags]:
    """Every municipality, closed ones as well; a successor comes after what became part of it or before, as the keys are."""
    return [row["ags"] for row in await tx.fetch("SELECT ags FROM municipalities ORDER BY ags")]


async def all_organisations(tx: Transaction) -> list[UUID]:
    """Every organisation."""
    return [row["id"] for row in await tx.fetch("SELECT id FROM organisations ORDER BY id")]


async def all_people(tx: Transaction) -> list[UUID]:
    """Everybody."""
    return [row["id"] for row in await tx.fetch("SELECT id FROM people ORDER BY id")]


async def all_erased(tx: Transaction) -> list[Any]:
    """Id and version of everybody who was erased."""
    return await tx.fetch("SELECT id, version FROM erased_people ORDER BY id")


async def raise_municipalities(tx: Transaction, above: Sequence[tuple[Ags, int]]) -> list[Any]:
    """A version above the own and the given one; answers the rows."""
    return await tx.fetch(
        """
        UPDATE municipalities
        SET version = greatest(municipalities.version, known.version) + 1
        FROM unnest($1::text[], $2::bigint[]) AS known (ags, version)
        WHERE municipalities.ags = known.ags
        RETURNING municipalities.ags, name, closed_on, successor, municipalities.version
        """,
        [ags for ags, _ in above],
        [version for _, version in above],
    )


async def raise_organisations(tx: Transaction, above: Sequence[tuple[UUID, int]]) -> None:
    """A version above the own and the given one."""
    await tx.execute(
        """
        UPDATE organisations
        SET version = greatest(organisations.version, known.version) + 1
        FROM unnest($1::uuid[], $2::bigint[]) AS known (id, version)
        WHERE organisations.id = known.id
        """,
        [identifier for identifier, _ in above],
        [version for _, version in above],
    )


async def raise_people(tx: Transaction, above: Sequence[tuple[UUID, int]]) -> None:
    """A version above the own and the given one, locked in one order."""
    await tx.execute(
        """
        WITH locked AS (
            SELECT person.id, greatest(person.version, known.version) + 1 AS version
            FROM people AS person
            JOIN unnest($1::uuid[], $2::bigint[]) AS known (id, version) ON known.id = person.id
            ORDER BY person.id
            FOR NO KEY UPDATE OF person
        )
        UPDATE people SET version = locked.version FROM locked WHERE people.id = locked.id
        """,
        [identifier for identifier, _ in above],
        [version for _, version in above],
    )
