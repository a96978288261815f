"""All SQL about organisations."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from emon_contacts.names import identity_key, search_key
from emon_contacts.organisations.rules import Organisation, OrganisationKind
from emon_contacts.visibility import Visibility
from emon_contracts.values import Ags
from emon_platform.database import Transaction

# The class of advisory locks on the names in a municipality: "orgn".
NAMES_LOCK = 0x6F72676E

Position = tuple[str, UUID]
BEFORE_ALL: Position = ("", UUID(int=0))

PLANNED_ONCE = "; ".join(
    ("SET LOCAL plan_cache_mode = force_generic_plan", *(f"SET LOCAL enable_{way} = off" for way in ("hashjoin", "mergejoin")))
)
"""Settings of transactions that read a page of a list: some rows of large tables, each found by its index, whoever asks.

To plan that anew for each request takes PostgreSQL longer than to read it.
"""


def _organisation(row: Any) -> Organisation:
    return Organisation(row["id"], row["name"], OrganisationKind(row["kind"]), row["version"], tuple(row["municipalities"]))


async def add_organisations(tx: Transaction, organisations: Sequence[tuple[UUID, str, OrganisationKind]]) -> None:
    """Bare rows; nobody sees them before they are active somewhere."""
    await tx.execute(
        """
        INSERT INTO organisations (id, name, search_key, kind)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
        """,
        [identifier for identifier, _, _ in organisations],
        [name for _, name, _ in organisations],
        [search_key(name) for _, name, _ in organisations],
        [kind.value for _, _, kind in organisations],
    )


async def add_area(tx: Transaction, organisation_id: UUID, name: str, ags: Ags) -> bool:
    """Makes it active in a municipality; False where another one bears the name there, or it is active there already."""
    tag = await tx.execute(
        """
        INSERT INTO organisation_areas (organisation_id, ags, name_key, search_key)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        """,
        organisation_id,
        ags,
        identity_key(name),
        search_key(name),
    )
    return tag == "INSERT 0 1"


async def organisations_of_names(tx: Transaction, names: Sequence[tuple[Ags, str]]) -> dict[tuple[Ags, str], OrganisationKind]:
    """Which of these (municipality, identity key) are registered, and as what."""
    rows = await tx.fetch(
        """
        SELECT area.ags, area.name_key, organisation.kind
        FROM unnest($1::text[], $2::text[]) AS wanted (ags, name_key)
        JOIN organisation_areas AS area ON area.ags = wanted.ags AND area.name_key = wanted.name_key
        JOIN organisations AS organisation ON organisation.id = area.organisation_id
        """,
        [ags for ags, _ in names],
        [name_key for _, name_key in names],
    )
    return {(row["ags"], row["name_key"]): OrganisationKind(row["kind"]) for row in rows}


async def lock_names(tx: Transaction, ags: Collection[Ags]) -> None:
    """Makes whoever adds organisations in these municipalities wait for one another, in an order that cannot deadlock."""
    await tx.execute(
        """
        SELECT pg_advisory_xact_lock($1, wanted.ags::integer)
        FROM (SELECT DISTINCT unnest($2::text[]) AS ags ORDER BY 1) AS wanted
        """,
        NAMES_LOCK,
        list(ags),
    )


async def add_areas(tx: Transaction, areas: Sequence[tuple[UUID, Ags, str]]) -> None:
    """Many areas at once, as (organisation, municipality, name); the names were looked up under `lock_names`."""
    await tx.execute(
        """
        INSERT INTO organisation_areas (organisation_id, ags, name_key, search_key)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
        """,
        [organisation_id for organisation_id, _, _ in areas],
        [ags for _, ags, _ in areas],
        [identity_key(name) for _, _, name in areas],
        [search_key(name) for _, _, name in areas],
    )


async def lock(tx: Transaction, organisation_id: UUID) -> int | None:
    """Locks the row; answers its version, or None where the caller cannot change it."""
    return await tx.fetchval("SELECT version FROM organisations WHERE id = $1 FOR NO KEY UPDATE", organisation_id)


async def save(tx: Transaction, organisation_id: UUID, name: str, kind: OrganisationKind) -> None:
    """A new version with this name and kind. Raises UniqueViolationError where another one bears the name."""
    await tx.execute(
        "UPDATE organisations SET name = $2, search_key = $3, kind = $4, version = version + 1 WHERE id = $1",
        organisation_id,
        name,
        search_key(name),
        kind.value,
    )
    await tx.execute(
        "UPDATE organisation_areas SET name_key = $2, search_key = $3 WHERE organisation_id = $1 AND name_key <> $2",
        organisation_id,
        identity_key(name),
        search_key(name),
    )


async def raise_version(tx: Transaction, organisation_id: UUID) -> None:
    """A new version of a locked organisation."""
    await tx.execute("UPDATE organisations SET version = version + 1 WHERE id = $1", organisation_id)


async def changed(tx: Transaction, ids: Collection[UUID]) -> list[Organisation]:
    """Those that this transaction changed, with all their municipalities, also those that the caller cannot see."""
    return [_organisation(row) for row in await tx.fetch("SELECT * FROM changed_organisations($1::uuid[])", list(ids))]


async def visible_organisation(tx: Transaction, visibility: Visibility, organisation_id: UUID) -> Organisation | None:
    """One organisation with the municipalities in which the caller sees it."""
    row = await tx.fetchrow(
        """
        SELECT organisation.id, organisation.name, organisation.kind, organisation.version, seen.municipalities
        FROM organisations AS organisation
        CROSS JOIN LATERAL (
            SELECT coalesce(array_agg(area.ags ORDER BY area.ags), '{}') AS municipalities
            FROM organisation_areas AS area
            WHERE area.organisation_id = organisation.id
              AND (
                  $2
                  OR area.ags = ANY ($3::text[])
                  OR (area.organisation_id, area.ags) IN (SELECT * FROM unnest($4::uuid[], $5::text[]))
              )
        ) AS seen
        WHERE organisation.id = $1
          AND ($2 OR cardinality(seen.municipalities) > 0)
        """,
        organisation_id,
        visibility.everywhere,
        list(visibility.municipalities),
        *visibility.circle_columns(),
    )
    return None if row is None else _organisation(row)


async def organisations_everywhere(
    tx: Transaction, term: str | None, kind: OrganisationKind | None, after: Position | None, limit: int
) -> list[tuple[Organisation, Position]]:
    """The next ones by name, of the whole country: read in order from organisations_by_name."""
    rows = await tx.fetch(
        """
        SELECT organisation.id, organisation.name, organisation.kind, organisation.version, organisation.search_key,
               ARRAY(
                   SELECT area.ags
                   FROM organisation_areas AS area
                   WHERE area.organisation_id = organisation.id
                   ORDER BY area.ags
               ) AS municipalities
        FROM organisations AS organisation
        WHERE (organisation.search_key, organisation.id) > ($1, $2)
          AND ($3::text IS NULL OR strpos(organisation.search_key, $3) > 0)
          AND ($4::text IS NULL OR organisation.kind = $4)
        ORDER BY organisation.search_key, organisation.id
        LIMIT $5
        """,
        *(after or BEFORE_ALL),
        term,
        None if kind is None else kind.value,
        limit,
    )
    return [(_organisation(row), (row["search_key"], row["id"])) for row in rows]


async def organisations_in_reach(
    tx: Transaction,
    reached: Visibility,
    shown: Visibility,
    term: str | None,
    kind: OrganisationKind | None,
    after: Position | None,
    limit: int,
) -> list[tuple[Organisation, Position]]:
    """The next ones by name of the `reached` municipalities and circles; each with its municipalities as far as `shown`.

    Of each municipality at most a page is read, in order, from organisation_areas_by_name.
    """
    rows = await tx.fetch(
        """
        WITH candidates AS (
            SELECT area.search_key, area.organisation_id
            FROM unnest($1::text[]) AS reached (ags)
            CROSS JOIN LATERAL (
                SELECT inner_area.search_key, inner_area.organisation_id
                FROM organisation_areas AS inner_area
                WHERE inner_area.ags = reached.ags
                  AND (inner_area.search_key, inner_area.organisation_id) > ($4, $5)
                  AND ($6::text IS NULL OR strpos(inner_area.search_key, $6) > 0)
                  AND (
                      $12::text IS NULL
                      OR EXISTS (
                          SELECT FROM organisations AS one WHERE one.id = inner_area.organisation_id AND one.kind = $12
                      )
                  )
                ORDER BY inner_area.search_key, inner_area.organisation_id
                LIMIT $7
            ) AS area
            UNION
            SELECT area.search_key, area.organisation_id
            FROM unnest($2::uuid[], $3::text[]) AS circle (organisation_id, ags)
            JOIN organisation_areas AS area ON area.organisation_id = circle.organisation_id AND area.ags = circle.ags
            WHERE (area.search_key, area.organisation_id) > ($4, $5)
              AND ($6::text IS NULL OR strpos(area.search_key, $6) > 0)
              AND (
                  $12::text IS NULL
                  OR EXISTS (SELECT FROM organisations AS one WHERE one.id = area.organisation_id AND one.kind = $12)
              )
        ), page AS (
            SELECT search_key, organisation_id FROM candidates ORDER BY search_key, organisation_id LIMIT $7
        )
        SELECT organisation.id, organisation.name, organisation.kind, organisation.version, page.search_key,
               ARRAY(
                   SELECT area.ags
                   FROM organisation_areas AS area
                   WHERE area.organisation_id = page.organisation_id
                     AND (
                         $8
                         OR area.ags = ANY ($9::text[])
                         OR (area.organisation_id, area.ags) IN (SELECT * FROM unnest($10::uuid[], $11::text[]))
                     )
                   ORDER BY area.ags
               ) AS municipalities
        FROM page
        JOIN organisations AS organisation ON organisation.id = page.organisation_id
        ORDER BY page.search_key, page.organisation_id
        """,
        list(reached.municipalities),
        *reached.circle_columns(),
        *(after or BEFORE_ALL),
        term,
        limit,
        shown.everywhere,
        list(shown.municipalities),
        *shown.circle_columns(),
        None if kind is None else kind.value,
    )
    return [(_organisation(row), (row["search_key"], row["id"])) for row in rows]


async def organisations_alike(
    tx: Transaction,
    reached: Visibility,
    shown: Visibility,
    words: Sequence[str],
    kind: OrganisationKind | None,
    limit: int,
) -> list[Organisation]:
    """Those in the `reached` municipalities and circles that have something like each of these words, the most alike first.

    Found through organisations_by_trigrams (`organisations_alike` in the migrations).
    """
    rows = await tx.fetch(
        """
        SELECT organisation.id, organisation.name, organisation.kind, organisation.version,
               ARRAY(
                   SELECT area.ags
                   FROM organisation_areas AS area
                   WHERE area.organisation_id = organisation.id
                     AND (
                         $5
                         OR area.ags = ANY ($6::text[])
                         OR (area.organisation_id, area.ags) IN (SELECT * FROM unnest($7::uuid[], $8::text[]))
                     )
                   ORDER BY area.ags
               ) AS municipalities
        FROM organisations_alike($9) AS alike
        JOIN organisations AS organisation ON organisation.id = alike.id
        WHERE ($10::text IS NULL OR organisation.kind = $10)
          AND (
              $1
              OR EXISTS (
                  SELECT
                  FROM organisation_areas AS area
                  WHERE area.organisation_id = organisation.id
                    AND (
                        area.ags = ANY ($2::text[])
                        OR (area.organisation_id, area.ags) IN (SELECT * FROM unnest($3::uuid[], $4::text[]))
                    )
              )
          )
        ORDER BY alike.likeness DESC, organisation.search_key, organisation.id
        LIMIT $11
        """,
        reached.everywhere,
        list(reached.municipalities),
        *reached.circle_columns(),
        shown.everywhere,
        list(shown.municipalities),
        *shown.circle_columns(),
        words,
        None if kind is None else kind.value,
        limit,
    )
    return [_organisation(row) for row in rows]


async def areas_in_reach(tx: Transaction, organisation_ids: Collection[UUID]) -> dict[UUID, list[tuple[Ags, OrganisationKind]]]:
    """For each of these organisations the municipalities in which the caller may act for it."""
    rows = await tx.fetch(
        """
        SELECT area.organisation_id, area.ags, organisation.kind
        FROM organisation_areas AS area
        JOIN organisations AS organisation ON organisation.id = area.organisation_id
        WHERE area.organisation_id = ANY ($1::uuid[])
        ORDER BY area.ags
        """,
        list(organisation_ids),
    )
    found: dict[UUID, list[tuple[Ags, OrganisationKind]]] = {}
    for row in rows:
        found.setdefault(row["organisation_id"], []).append((row["ags"], OrganisationKind(row["kind"])))
    return found


async def areas_of_names(tx: Transaction, name_keys: Collection[str]) -> dict[str, list[tuple[UUID, Ags]]]:
    """For each of these identity keys the organisations, each with its municipality, for which the caller may act."""
    rows = await tx.fetch(
        "SELECT name_key, organisation_id, ags FROM organisation_areas WHERE name_key = ANY ($1::text[]) ORDER BY ags",
        list(name_keys),
    )
    found: dict[str, list[tuple[UUID, Ags]]] = {}
    for row in rows:
        found.setdefault(row["name_key"], []).append((row["organisation_id"], row["ags"]))
    return found
