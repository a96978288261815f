"""The doctor at real databases that somebody broke."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import asyncpg
import pytest

from emon_contacts import schema as contacts_schema
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningPostgreSQL
from emon_operator.doctor import databases, lag
from emon_operator.doctor.examination import examine
from emon_operator.doctor.findings import Finding, Level
from emon_operator.doctor.installation import SCHEMAS, Installation

from tests.conftest import FreshDatabase


def installation(service: str, database: ServiceDatabase) -> Installation:
    environment = {
        "EMON_DATABASE_OWNER_URL": database.owner_url,
        "EMON_DATABASE_API_URL": database.api_url,
        "EMON_DATABASE_WORKER_URL": database.worker_url,
    }
    return Installation({service: environment}, {}, {})


async def findings(service: str, database: ServiceDatabase) -> list[Finding]:
    """What is not as it should be, on PostgreSQL 18 with whatever other tests hold of its connections."""
    found = await examine(databases.checks(installation(service, database)))
    return [finding for finding in found if finding.level and "connections are left" not in finding.what]


@pytest.fixture
async def contacts(fresh_database: FreshDatabase) -> ServiceDatabase:
    return await fresh_database("contacts", contacts_schema.migrations)


@pytest.fixture
async def superuser(
    postgresql: RunningPostgreSQL, contacts: ServiceDatabase
) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(postgresql.server.url(contacts.name), ssl=False)
    yield connection
    await connection.close()


@pytest.mark.parametrize("service", SCHEMAS)
async def test_a_database_fresh_from_its_migrations_is_well(service: str, fresh_database: FreshDatabase) -> None:
    database = await fresh_database(service, SCHEMAS[service].migrations)
    assert await findings(service, database) == []


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("ALTER TABLE people DISABLE ROW LEVEL SECURITY", "row-level security is off for people"),
        ("ALTER TABLE organisations NO FORCE ROW LEVEL SECURITY", "does not hold the owner of organisations"),
        ("DROP POLICY in_reach ON memberships", "the policy in_reach on memberships is missing"),
        ("CREATE POLICY backdoor ON people TO {api} USING (true)", "the policy backdoor on people is of no migration"),
        ("REVOKE INSERT ON outbox FROM {api}", "lacks INSERT on outbox"),
        ("GRANT SELECT ON outbox TO {api}", "has SELECT on outbox, which no migration gave"),
        ("GRANT SELECT ON people TO PUBLIC", "PUBLIC has SELECT on people"),
        ("ALTER TABLE people OWNER TO {api}", "row-level security does not hold {api} in people"),
        ("GRANT CONNECT ON DATABASE {name} TO PUBLIC", "every role of the server may connect"),
        ("DELETE FROM schema_migrations WHERE name LIKE '%0008%'", "1 migrations are missing"),
        ("UPDATE schema_migrations SET sha256 = 'x' WHERE name = 'contacts/0002_organisations.sql'", "with other contents"),
        ("INSERT INTO schema_migrations (name, sha256) VALUES ('contacts/9999_later.sql', 'x')", "the database is newer"),
    ],
)
async def test_what_was_broken_in_a_database_is_named(
    harm: str, said: str, contacts: ServiceDatabase, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    names = {"api": "contacts_api", "name": contacts.name}
    await superuser.execute(harm.format(**names))
    found = await findings("contacts", contacts)
    assert any(said.format(**names) in finding.what for finding in found), found
    assert all(finding.mend for finding in found)


@pytest.mark.parametrize(
    ("harm", "repair", "said"),
    [
        (
            "ALTER ROLE contacts_api BYPASSRLS",
            "ALTER ROLE contacts_api NOBYPASSRLS",
            "has BYPASSRLS: row-level security does not hold",
        ),
        ("GRANT contacts_owner TO contacts_api", "REVOKE contacts_owner FROM contacts_api", "has the rights of contacts_owner"),
    ],
)
async def test_a_role_with_more_rights_than_it_needs_is_named(
    harm: str, repair: str, said: str, contacts: ServiceDatabase, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await superuser.execute(harm)
    try:
        found = await findings("contacts", contacts)
    finally:
        await superuser.execute(repair)
    assert any(said in finding.what for finding in found), found
    [mend] = [finding.mend for finding in found if said in finding.what]
    assert mend.rstrip(";") == repair


async def test_what_the_doctor_says_to_do_mends_it(
    contacts: ServiceDatabase, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await superuser.execute("ALTER TABLE people DISABLE ROW LEVEL SECURITY; ALTER TABLE grants NO FORCE ROW LEVEL SECURITY")
    await superuser.execute("REVOKE INSERT ON outbox FROM contacts_api; GRANT DELETE ON municipalities TO contacts_worker")
    for finding in await findings("contacts", contacts):
        await superuser.execute(finding.mend)
    assert await findings("contacts", contacts) == []


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("_api:", "_api:x", "the server does not let us in"),
        ("@127.0.0.1:", "@127.0.0.1:1", "no connection"),
        ("postgresql://", "mysql://", "no connection"),
    ],
)
async def test_a_role_that_cannot_connect_does_not_hide_the_others(
    right: str, wrong: str, said: str, contacts: ServiceDatabase
) -> None:
    there = replace(contacts, api_url=contacts.api_url.replace(right, wrong))
    found = await examine(databases.checks(installation("contacts", there)))
    [api] = [finding for finding in found if finding.where == "contacts as api"]
    assert api.level == Level.PROBLEM
    assert said in api.what
    assert "contacts_api:" not in api.what  # a password
    assert any(finding.where == "contacts as worker" and not finding.level for finding in found)


async def test_events_and_letters_that_wait_are_counted(fresh_database: FreshDatabase, postgresql: RunningPostgreSQL) -> None:
    database = await fresh_database("notifications", SCHEMAS["notifications"].migrations)
    connection = await asyncpg.connect(database.owner_url, ssl=False)
    await connection.execute(
        """
        INSERT INTO outbox (topic, key, headers, created_at) VALUES ('t', 'k', '[]', now() - interval '1 hour');
        INSERT INTO dead_letters (consumer, topic, partition, "offset", headers, reason)
        VALUES ('notifications', 't', 0, 1, '[]', 'r');
        """
    )
    await connection.close()
    superuser = await asyncpg.connect(postgresql.server.url(database.name), ssl=False)
    await superuser.execute(
        """
        INSERT INTO deliveries
            (event_id, person_id, kind, category, priority, subject_id, status, occurred_at, expires_at, updated_at)
        SELECT
            uuidv7(), uuidv7(), 'invitation', 'meetings', 1, uuidv7(), status, now(), now(), now() - interval '2 hours'
        FROM unnest(ARRAY['uncertain', 'held', 'held', 'queued', 'accepted']) AS status
        """
    )
    await superuser.close()
    found = [item.what for item in await examine(lag.checks(installation("notifications", database), ())) if item.level]
    assert found == [
        "1 events wait, the oldest for 60 min",
        "1 records could not be handled",
        "1 mails are due and not sent, the longest for 2 h",
        "1 mails may have arrived or not: the mail server did not say",
        "2 mails are held, as after a restore",
    ]
