"""Hot lists and searches keep their indexes: none reads a whole table, however many people and organisations there are."""

from collections import Counter

import asyncpg
import pytest

from emon_contacts.organisations import repository
from emon_contacts.people import reading
from emon_contacts.visibility import visibility_of
from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningPostgreSQL
from emon_platform.database import Database, Transaction

from tests.contacts.conftest import HERE, NEARBY, coordinator_of

ORGANISATIONS = 5000
PEOPLE = 20_000


@pytest.fixture
async def many(postgresql: RunningPostgreSQL, urls: ServiceDatabase, database: Database) -> Database:
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
    await superuser.execute(
        """
        WITH person AS (
            INSERT INTO people (id, display_name, name_key, search_key, email, email_key, locale)
            SELECT gen_random_uuid(), name, name, name, address, address, 'de'
            FROM generate_series(1, $1::integer) AS number
            CROSS JOIN LATERAL left(md5(number::text), 12) AS digits
            CROSS JOIN LATERAL (
                SELECT translate(digits, '0123456789', 'ghijklmnop'), digits || '@example.org'
            ) AS made (name, address)
            RETURNING id
        )
        INSERT INTO memberships (person_id, organisation_id, ags, engagement)
        SELECT id, (SELECT organisation_id FROM organisation_areas LIMIT 1), $2, 'volunteer' FROM person
        """,
        PEOPLE,
        HERE,
    )
    await superuser.execute("VACUUM ANALYZE organisations, organisation_areas, people, memberships")
    await superuser.close()
    return database


async def test_a_page_of_organisations_is_read_from_an_index(many: Database, administrator: Actor) -> None:
    """By what PostgreSQL counted, with the settings of the route, and so often that a plan would be kept."""
    after = ("kreis 2500", repository.BEFORE_ALL[1])
    callers = ((administrator, "organisations_by_name"), (coordinator_of(HERE, NEARBY), "organisation_areas_by_name"))
    for actor, expected in callers:
        visibility = visibility_of(actor, Permission.ORGANISATION_READ)
        for _ in range(7):
            async with many.transaction(actor, Permission.ORGANISATION_READ, repository.PLANNED_ONCE) as tx:
                if visibility.everywhere:
                    page = await repository.organisations_everywhere(tx, None, None, after, 51)
                else:
                    page = await repository.organisations_in_reach(tx, visibility, visibility, None, None, after, 51)
                looked_into = await readings(tx)
            assert (len(page), page[0][0].name) == (51, "Kreis 2500")
            assert expected in +looked_into
            assert not (+looked_into).keys() & {"organisations", "organisation_areas"}


async def test_what_is_typed_is_looked_up_in_indexes(many: Database, administrator: Actor) -> None:
    """By what PostgreSQL counted: no plan shows what happens inside a function."""
    for actor in (administrator, coordinator_of(HERE)):
        async with many.transaction(actor, Permission.PERSON_READ) as tx:
            before = await readings(tx)
            visibility = visibility_of(actor, Permission.PERSON_READ)
            # Number 42, with a slip in the name, and the middle of the address.
            [found, *_] = await reading.people_alike(tx, visibility, ["ahdgcneojfgi", "d0c6e8"], None, None, 50)
            assert (found.display_name, found.email) == ("ahdgcmeojfgi", "a1d0c6e83f02@example.org")
            looked_into = await readings(tx) - before
            assert {"people_by_trigrams", "people_by_trigrams_of_address"} <= looked_into.keys()
            assert not looked_into.keys() & {"people", "memberships", "grants"}
        async with many.transaction(actor, Permission.ORGANISATION_READ) as tx:
            before = await readings(tx)
            visibility = visibility_of(actor, Permission.ORGANISATION_READ)
            [organisation, *_] = await repository.organisations_alike(tx, visibility, visibility, ["4711", "krei"], None, 50)
            assert organisation.name == "Kreis 4711"
            looked_into = await readings(tx) - before
            assert "organisations_by_trigrams" in looked_into
            assert not looked_into.keys() & {"organisations", "organisation_areas"}


async def readings(tx: Transaction) -> Counter[str]:
    """How often tables were read from end to end, and how often indexes were looked into, as this connection counts."""
    rows = await tx.fetch(
        """
        SELECT relname, pg_stat_get_xact_numscans(oid) AS times
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
        """
    )
    return Counter({row["relname"]: row["times"] for row in rows})
