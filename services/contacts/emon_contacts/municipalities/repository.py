"""All SQL about municipalities."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from emon_contacts.municipalities.rules import Municipality
from emon_contacts.names import search_key
from emon_contracts.values import Ags
from emon_platform.database import Transaction

# One import at a time: "gv100ad" is too long for four bytes, so "gvad".
IMPORT_LOCK = 0x67766164

Position = tuple[str, Ags]


def _municipality(row: Any) -> Municipality:
    return Municipality(
        row["ags"],
        row["name"],
        row["type_code"],
        row["population"],
        row["area_hectares"],
        row["post_code"],
        row["as_of"],
        row["closed_on"],
        row["successor"],
        row["version"],
    )


async def lock_for_import(tx: Transaction) -> None:
    """Makes another import wait until this one is done."""
    await tx.execute("SELECT pg_advisory_xact_lock($1)", IMPORT_LOCK)


async def all_municipalities(tx: Transaction) -> dict[Ags, Municipality]:
    """The whole register, some 11,000."""
    return {row["ags"]: _municipality(row) for row in await tx.fetch("SELECT * FROM municipalities")}


async def municipality(tx: Transaction, ags: Ags) -> Municipality | None:
    """One municipality, open or closed."""
    row = await tx.fetchrow("SELECT * FROM municipalities WHERE ags = $1", ags)
    return None if row is None else _municipality(row)


async def open_municipalities(tx: Transaction, wanted: Collection[Ags]) -> set[Ags]:
    """Which of these the register knows as open."""
    rows = await tx.fetch("SELECT ags FROM municipalities WHERE ags = ANY ($1::text[]) AND closed_on IS NULL", list(wanted))
    return {row["ags"] for row in rows}


async def page_of_municipalities(
    tx: Transaction, state: str | None, term: str | None, after: Position | None, limit: int
) -> list[tuple[Municipality, Position]]:
    """The next ones by name, of a state and with a part of a name where these are given."""
    rows = await tx.fetch(
        """
        SELECT *
        FROM municipalities
        WHERE (search_key, ags) > ($1, $2)
          AND ($3::text IS NULL OR state = $3)
          AND ($4::text IS NULL OR strpos(search_key, $4) > 0)
        ORDER BY search_key, ags
        LIMIT $5
        """,
        *(after or ("", "")),
        state,
        term,
        limit,
    )
    return [(_municipality(row), (row["search_key"], row["ags"])) for row in rows]


async def save(tx: Transaction, municipalities: Sequence[Municipality]) -> None:
    """Inserts what is new and overwrites what is there."""
    await tx.execute(
        """
        INSERT INTO municipalities
            (ags, name, search_key, type_code, population, area_hectares, post_code, as_of, closed_on, successor, version)
        SELECT *
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::integer[], $7::text[], $8::date[],
                    $9::date[], $10::text[], $11::bigint[])
        ON CONFLICT (ags) DO UPDATE
        SET name = excluded.name,
            search_key = excluded.search_key,
            type_code = excluded.type_code,
            population = excluded.population,
            area_hectares = excluded.area_hectares,
            post_code = excluded.post_code,
            as_of = excluded.as_of,
            closed_on = excluded.closed_on,
            successor = excluded.successor,
            version = excluded.version
        """,
        [item.ags for item in municipalities],
        [item.name for item in municipalities],
        [search_key(item.name) for item in municipalities],
        [item.type_code for item in municipalities],
        [item.population for item in municipalities],
        [item.area_hectares for item in municipalities],
        [item.post_code for item in municipalities],
        [item.as_of for item in municipalities],
        [item.closed_on for item in municipalities],
        [item.successor for item in municipalities],
        [item.version for item in municipalities],
    )


async def confirm(tx: Transaction, confirmed: Sequence[Ags], as_of: date) -> None:
    """Notes that a newer file tells the same of these."""
    await tx.execute("UPDATE municipalities SET as_of = $2 WHERE ags = ANY ($1::text[])", list(confirmed), as_of)
