"""A platform of all its services, as processes on databases that a test may destroy, and the command `emon` beside it."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from emon_embedded.stack import RunningKafka, RunningPostgreSQL, running_kafka
from emon_platform.broker import ensure_topics

from tests.backup.platform import Platform, migrated
from tests.conftest import FreshDatabase
from tests.faults.service_process import Keys
from tests.notifications.mail_server import running_mail_server


@pytest.fixture
async def own_kafka(tmp_path: Path) -> AsyncGenerator[RunningKafka]:
    """Not the one that is shared: a restore looks at the whole log."""
    async with running_kafka(tmp_path / "kafka") as broker:
        await ensure_topics(broker.access)
        yield broker


@pytest.fixture
async def platform(
    postgresql: RunningPostgreSQL, fresh_database: FreshDatabase, own_kafka: RunningKafka, tmp_path: Path
) -> AsyncGenerator[Platform]:
    async with running_mail_server() as mail_server:
        running = Platform(postgresql, own_kafka, mail_server, Keys(tmp_path), await migrated(fresh_database))
        yield running
        for database in running.databases.values():
            await postgresql.drop_database(database)
