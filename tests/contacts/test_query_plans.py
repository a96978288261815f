"""Hot lists keep their indexes: no page of organisations reads a whole table, however many there are."""

import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from emon_contacts.organisations import repository
from emon_contacts.visibility import visibility_of
from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningPostgreSQL
from emon_platform.database import Database, Transaction

from tests.contacts.conftest import HERE, NEARBY, coordinator_of

ORGANISATIONS = 5000


class Explaining(Transaction):
    """Asks how each query was run, and keeps the answers."""

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx.connection, tx.actor, tx.scope)
        self.plans: list[dict[str, Any]] = []

    async def fetch(self, query: str, *arguments: object) -> list[Any]:
        plan = await self.connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", *arguments)
        self.plans.append(json.loads(plan)[0]["Plan"])
        return []


def scans(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each reading of a table that took place, as (how, by which index or of which table)."""
    if "Relation Name" in plan and plan["Actual Loops"]:
        yield plan["Node Type"], plan.get("Index Name", plan["Relation Name"])
    for part in plan.get("Plans", ()):
        yield from scans(part)


@pytest.fixture
async def many_organisations(postgresql: RunningPostgreSQL, urls: ServiceDatabase, database: Database) -> Database:
    superuser = await asyncpg.connect(postgresql.superuser_url, database=urls.name, ssl=False)
    await superuser.execute(
        """
        WITH organisation AS (
            INSERT INTO organisations (id, name, search_key, kind)
            SELECT gen_random_uuid(), 'Kreis ' || number, 'kreis ' || number, 'helper_circle'
            FROM generate_series(1, $1::integer) AS number
            RETURNING id, search_key
        )
        INSERT INTO organisation_areas (organisation_id, ags, name_key, search_key)
        SELECT id, $2, search_key, search_key FROM organisation
        """,
        ORGANISATIONS,
        HERE,
    )
    await superuser.execute("VACUUM ANALYZE organisations, organisation_areas")
    await superuser.close()
    return database


async def test_a_page_of_organisations_is_read_from_an_index(many_organisations: Database, administrator: Actor) -> None:
    after = ("kreis 2500", repository.BEFORE_ALL[1])
    callers = ((administrator, "organisations_by_name"), (coordinator_of(HERE, NEARBY), "organisation_areas_by_name"))
    for actor, expected in callers:
        visibility = visibility_of(actor, Permission.ORGANISATION_READ)
        async with many_organisations.transaction(actor, Permission.ORGANISATION_READ) as tx:
            explaining = Explaining(tx)
            if visibility.everywhere:
                await repository.organisations_everywhere(explaining, None, after, 51)
            else:
                await repository.organisations_in_reach(explaining, visibility, visibility, None, after, 51)
        found = list(scans(explaining.plans[0]))
        assert expected in {index for _, index in found}
        assert not [table for how, table in found if how == "Seq Scan"]
