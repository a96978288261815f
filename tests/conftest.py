"""Real PostgreSQL and real Kafka, started once for a whole run; a fresh, migrated database for each test that wants one.

They are the embedded ones, or containers where EMON_TEST_STACK=containers. Tests that kill a part start their own, embedded one.
"""

import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka, RunningPostgreSQL, running_kafka, running_postgresql
from emon_platform.broker import ensure_topics
from emon_platform.migrations import Migration, migrate

from tests.container_stack import kafka_container, postgresql_container
from tests.distribution import pytest_collection_modifyitems, pytest_xdist_make_scheduler

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]  # found here by pytest

# Tests that kill PostgreSQL start their own; this one need not survive the machine.
FAST_AND_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "scram_iterations": "1"}

# To copy a database of three hundred files costs 30 ms in memory. On a disk it depends on the file system: half a second has been
# measured, all of it time of a processor.
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 * 1024**3

IN_CONTAINERS = os.environ.get("EMON_TEST_STACK") == "containers"

FreshDatabase = Callable[[str, Callable[[], list[Migration]]], Awaitable[ServiceDatabase]]


@pytest.fixture(scope="session")
def fast_folder(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """A folder in memory, where there is room enough for one; an ordinary one otherwise."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
        with TemporaryDirectory(prefix="emon-tests-", dir=MEMORY) as folder:
            yield Path(folder)
    else:
        yield tmp_path_factory.mktemp("fast")


@pytest.fixture(scope="session")
async def postgresql(fast_folder: Path) -> AsyncGenerator[RunningPostgreSQL]:
    if IN_CONTAINERS:
        running = postgresql_container(FAST_AND_FORGETFUL)
    else:
        running = running_postgresql(fast_folder / "postgresql", FAST_AND_FORGETFUL)
    async with running as server:
        yield server


@pytest.fixture(scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RunningKafka]:
    running = kafka_container() if IN_CONTAINERS else running_kafka(tmp_path_factory.mktemp("kafka"))
    async with running as broker:
        await ensure_topics(broker.access)
        yield broker


@pytest.fixture(scope="session")
def templates() -> dict[str, ServiceDatabase]:
    """One migrated database for each service, from which the others are copied."""
    return {}


@pytest.fixture
async def fresh_database(postgresql: RunningPostgreSQL, templates: dict[str, ServiceDatabase]) -> AsyncGenerator[FreshDatabase]:
    """Makes a migrated database of a service: `await fresh_database("meetings", emon_meetings.schema.migrations)`."""
    made: list[ServiceDatabase] = []

    async def make(service: str, migrations: Callable[[], list[Migration]]) -> ServiceDatabase:
        template = f"{service}:{migrations.__module__}.{migrations.__qualname__}"
        if template not in templates:
            database = await postgresql.fresh_database(service)
            await migrate(database.owner_url, database.api_url, database.worker_url, migrations())
            templates[template] = database
        made.append(await postgresql.fresh_database(service, templates[template].name))
        return made[-1]

    yield make
    for database in made:
        await postgresql.drop_database(database)


@pytest.fixture(scope="session")
def register_file() -> Path:
    """The official register of municipalities, where the run was told of it."""
    path = os.environ.get("EMON_REGISTER_FILE")
    if not path:
        pytest.skip("EMON_REGISTER_FILE does not name the official register of municipalities")
    return Path(path)
