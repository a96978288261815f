"""SQL that reads people as callers see them: each with those memberships and grants that lie in the caller's reach."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from emon_contacts.people.rules import Person
from emon_contacts.visibility import Visibility
from emon_contracts.actors import Grant
from emon_contracts.directory import MembershipRecord
from emon_contracts.values import Ags, Locale
from emon_platform.database import Transaction

Position = tuple[str, UUID]
BEFORE_ALL: Position = ("", UUID(int=0))

# A tie is a membership or a grant. The first five parameters of every query here are what the caller sees (`_reach`).
_VISIBLE = """(
    $1
    OR tie.ags = ANY ($2::text[])
    OR (tie.organisation_id, tie.ags) IN (SELECT * FROM unnest($3::uuid[], $4::text[]))
    OR tie.person_id = $5
)"""

_PERSON = f"""
    person.id, person.display_name, person.email, person.locale, person.version, person.etag_seed, person.search_key,
    (
        SELECT coalesce(jsonb_agg(to_jsonb(tie) - 'person_id' ORDER BY tie.organisation_id, tie.ags, tie.engagement), '[]')
        FROM memberships AS tie
        WHERE tie.person_id = person.id AND {_VISIBLE}
    ) AS memberships,
    (
        SELECT coalesce(jsonb_agg(to_jsonb(tie) - 'person_id' ORDER BY tie.role, tie.ags, tie.organisation_id), '[]')
        FROM grants AS tie
        WHERE tie.person_id = person.id AND {_VISIBLE}
    ) AS grants
"""

_ONE = f"""
    SELECT {_PERSON}
    FROM people AS person
    WHERE person.id = $6
      AND (
          $1
          OR person.id = $5
          OR EXISTS (SELECT FROM memberships AS tie WHERE tie.person_id = person.id AND {_VISIBLE})
          OR EXISTS (SELECT FROM grants AS tie WHERE tie.person_id = person.id AND {_VISIBLE})
      )
"""

# Read in order from people_by_name.
_EVERYWHERE = f"""
    SELECT {_PERSON}
    FROM people AS person
    WHERE (person.search_key, person.id) > ($6, $7)
      AND ($8::text IS NULL OR strpos(person.search_key, $8) > 0)
    ORDER BY person.search_key, person.id
    LIMIT $9
"""

_PAGE_OF_TIED = f"""
    page AS (
        SELECT person.id
        FROM tied
        JOIN people AS person ON person.id = tied.person_id
        WHERE (person.search_key, person.id) > ($6, $7)
          AND ($8::text IS NULL OR strpos(person.search_key, $8) > 0)
        ORDER BY person.search_key, person.id
        LIMIT $9
    )
    SELECT {_PERSON}
    FROM page
    JOIN people AS person ON person.id = page.id
    ORDER BY person.search_key, person.id
"""

_IN_REACH = f"""
    WITH tied AS (
        SELECT tie.person_id FROM memberships AS tie WHERE tie.ags = ANY ($10::text[])
        UNION
        SELECT tie.person_id FROM grants AS tie WHERE tie.ags = ANY ($10::text[])
        UNION
        SELECT tie.person_id
        FROM unnest($11::uuid[], $12::text[]) AS circle (organisation_id, ags)
        JOIN memberships AS tie ON tie.organisation_id = circle.organisation_id AND tie.ags = circle.ags
        UNION
        SELECT tie.person_id
        FROM unnest($11::uuid[], $12::text[]) AS circle (organisation_id, ags)
        JOIN grants AS tie ON tie.organisation_id = circle.organisation_id AND tie.ags = circle.ags
        UNION
        SELECT tie.person_id FROM memberships AS tie WHERE tie.person_id = $5 AND tie.ags = $13
        UNION
        SELECT $5 WHERE $5 IS NOT NULL AND $13::text IS NULL
    ), {_PAGE_OF_TIED}
"""

_OF_ORGANISATION = f"""
    WITH tied AS (
        SELECT tie.person_id
        FROM memberships AS tie
        WHERE tie.organisation_id = $10 AND ($11::text IS NULL OR tie.ags = $11) AND {_VISIBLE}
        UNION
        SELECT tie.person_id
        FROM grants AS tie
        WHERE tie.organisation_id = $10 AND ($11::text IS NULL OR tie.ags = $11) AND {_VISIBLE}
    ), {_PAGE_OF_TIED}
"""

# Found through people_by_trigrams (`people_alike` in the migrations), then seen or not like everybody else.
_ALIKE = f"""
    SELECT {_PERSON}
    FROM people_alike($6) AS alike
    JOIN people AS person ON person.id = alike.id
    WHERE (
            ($7::uuid IS NULL AND $8::text IS NULL AND ($1 OR person.id = $5))
            OR EXISTS (
                SELECT
                FROM memberships AS tie
                WHERE tie.person_id = person.id
                  AND ($7 IS NULL OR tie.organisation_id = $7)
                  AND ($8 IS NULL OR tie.ags = $8)
                  AND {_VISIBLE}
            )
            OR EXISTS (
                SELECT
                FROM grants AS tie
                WHERE tie.person_id = person.id
                  AND ($7 IS NULL OR tie.organisation_id = $7)
                  AND ($8 IS NULL OR tie.ags = $8)
                  AND {_VISIBLE}
            )
        )
    ORDER BY alike.likeness DESC, person.search_key, person.id
    LIMIT $9
"""


def _reach(visibility: Visibility) -> tuple[object, ...]:
    return (
        visibility.everywhere,
        list(visibility.municipalities),
        *visibility.circle_columns(),
        visibility.person_id,
    )


def _person(row: Any) -> Person:
    return Person(
        row["id"],
        row["display_name"],
        row["email"],
        Locale(row["locale"]),
        row["version"],
        row["etag_seed"],
        tuple(MembershipRecord.model_validate(item) for item in json.loads(row["memberships"])),
        tuple(Grant.model_validate(item) for item in json.loads(row["grants"])),
    )


def _people(rows: list[Any]) -> list[tuple[Person, Position]]:
    return [(_person(row), (row["search_key"], row["id"])) for row in rows]


async def visible_person(tx: Transaction, visibility: Visibility, person_id: UUID) -> Person | None:
    """One person, or None where the caller sees nothing of them."""
    row = await tx.fetchrow(_ONE, *_reach(visibility), person_id)
    return None if row is None else _person(row)


async def people_everywhere(
    tx: Transaction, visibility: Visibility, term: str | None, after: Position | None, limit: int
) -> list[tuple[Person, Position]]:
    """The next ones by name, of the whole platform."""
    return _people(await tx.fetch(_EVERYWHERE, *_reach(visibility), *(after or BEFORE_ALL), term, limit))


async def people_in_reach(
    tx: Transaction, visibility: Visibility, ags: Ags | None, term: str | None, after: Position | None, limit: int
) -> list[tuple[Person, Position]]:
    """The next ones by name, of the caller's municipalities and circles, or of one municipality."""
    reached = visibility if ags is None else visibility.narrowed_to(ags)
    rows = await tx.fetch(
        _IN_REACH,
        *_reach(visibility),
        *(after or BEFORE_ALL),
        term,
        limit,
        list(reached.municipalities),
        *reached.circle_columns(),
        ags,
    )
    return _people(rows)


async def people_of_organisation(
    tx: Transaction,
    visibility: Visibility,
    organisation_id: UUID,
    ags: Ags | None,
    term: str | None,
    after: Position | None,
    limit: int,
) -> list[tuple[Person, Position]]:
    """The next ones by name who have a membership or a grant in an organisation."""
    rows = await tx.fetch(_OF_ORGANISATION, *_reach(visibility), *(after or BEFORE_ALL), term, limit, organisation_id, ags)
    return _people(rows)


async def people_alike(
    tx: Transaction, visibility: Visibility, words: Sequence[str], organisation_id: UUID | None, ags: Ags | None, limit: int
) -> list[Person]:
    """Those whose names or addresses have something like each of these words, the most alike first."""
    rows = await tx.fetch(_ALIKE, *_reach(visibility), words, organisation_id, ags, limit)
    return [_person(row) for row in rows]
