"""A database with every table of the platform, and one table of effects."""

from collections.abc import AsyncGenerator

import pytest

from emon_embedded.service_databases import ServiceDatabase
from emon_platform.database import Database
from emon_platform.migrations import Migration, platform_migrations

from tests.conftest import FreshDatabase


def migrations() -> list[Migration]:
    effects = """
        CREATE TABLE effects (
            position bigint GENERATED ALWAYS AS IDENTITY, -- not ctid: what was rolled back leaves room that is used again
            event_id uuid,
            subject  text,
            sequence bigint
        );
        GRANT SELECT, INSERT, UPDATE, DELETE ON effects TO :worker_role, :api_role;
    """
    return [
        *platform_migrations("outbox", "consumers", "idempotency", "directory"),
        Migration("tests/effects.sql", effects),
    ]


@pytest.fixture
async def urls(fresh_database: FreshDatabase) -> ServiceDatabase:
    return await fresh_database("meetings", migrations)


@pytest.fixture
async def worker(urls: ServiceDatabase) -> AsyncGenerator[Database]:
    database = await Database.connect(urls.worker_url, name="test worker", transaction_timeout_s=10)
    yield database
    await database.close()


@pytest.fixture
async def api(urls: ServiceDatabase) -> AsyncGenerator[Database]:
    database = await Database.connect(urls.api_url, name="test api")
    yield database
    await database.close()
