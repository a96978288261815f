"""Notifications with a database of its own, as a process, and a mail server that does what a test wants."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka
from emon_notifications.schema import migrations as notifications_migrations
from emon_platform.database import Database

from tests.conftest import FreshDatabase
from tests.faults.service_process import Keys
from tests.faults.story import Story, begin_at_the_end
from tests.notifications.mail_server import MailServer, running_mail_server


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
async def mail_server() -> AsyncGenerator[MailServer]:
    async with running_mail_server() as server:
        yield server


@pytest.fixture
async def ledger(fresh_database: FreshDatabase) -> ServiceDatabase:
    """A database of notifications."""
    return await fresh_database("notifications", notifications_migrations)


@pytest.fixture
async def story(ledger: ServiceDatabase, kafka: RunningKafka) -> AsyncGenerator[Story]:
    worker = await Database.connect(ledger.worker_url, name="test")
    await begin_at_the_end(worker, "notifications", kafka.bootstrap_servers)
    yield Story(worker)
    await worker.close()
