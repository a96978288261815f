"""A backup that is damaged, that the disk has no room for, or that somebody is in the way of."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import asyncpg
import pytest

from emon_contracts.topics import TOPICS
from emon_embedded.stack import RunningKafka, RunningPostgreSQL
from emon_operator.backup.dump import demand_all_readable, tables_of
from emon_operator.backup.places import SERVICES
from emon_operator.backup.taking import take_backup
from emon_platform.consumer.offsets import Partition, begin
from emon_platform.database import Transaction

from tests.backup.platform import Platform, migrated
from tests.conftest import FreshDatabase
from tests.faults.service_process import Keys
from tests.notifications.mail_server import MailServer
from tests.platform import kafka_peer


@pytest.fixture
async def still(postgresql: RunningPostgreSQL, fresh_database: FreshDatabase, kafka: RunningKafka, tmp_path: Path) -> Platform:
    """No service runs; the log is the shared one, which nobody restores from here."""
    databases = await migrated(fresh_database)
    platform = Platform(postgresql, kafka, MailServer(0), Keys(tmp_path), databases)
    ends = {topic.name: await kafka_peer.ends(kafka.bootstrap_servers, topic.name) for topic in TOPICS}
    for service in ("meetings", "feedback", "notifications", "gateway"):
        connection = await asyncpg.connect(databases[service].worker_url)
        await begin(
            Transaction(connection, None, None),
            service,
            {Partition(topic, number): end for topic, found in ends.items() for number, end in found.items()},
        )
        await connection.close()
    await platform.import_town("Anna", "Berta")
    return platform


async def test_verify_says_which_file_is_damaged(still: Platform, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    await take_backup(whole, still.places)
    assert (await still.emon("verify", str(whole))).code == 0
    for name, bend in (
        ("contacts.zip", _flip),
        ("manifest.json", _flip),
        ("in-flight.jsonl.gz", Path.unlink),
        ("gateway.zip", _halve),
    ):
        bent = tmp_path / "bent"
        shutil.copytree(whole, bent)
        bend(bent / name)
        ran = await still.emon("verify", str(bent))
        assert ran.code == 1
        assert name in ran.said
        refused = await still.emon("restore", str(bent), "--replace", "--nobody-was-erased")
        assert refused.code == 1
        assert name in refused.said
        shutil.rmtree(bent)
    assert await still.fetch("contacts", "SELECT id FROM people"), "nothing was touched"


async def test_a_backup_of_a_newer_version_is_not_restored(still: Platform, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    await still.fetch("contacts", "INSERT INTO schema_migrations (name, sha256) VALUES ('contacts/9999_later.sql', 'x')")
    await take_backup(folder, still.places)
    ran = await still.emon("verify", str(folder))
    assert ran.code == 1
    assert "contacts/9999_later.sql is not known to this version" in ran.said


async def test_a_full_disk_leaves_nothing_that_looks_like_a_backup(still: Platform, tmp_path: Path) -> None:
    folder = tmp_path / "full" / "backup"
    environment = {**os.environ, **still.environment}
    # No file may get larger than 2 KiB: what a disk says that is full, at a place that a test can choose.
    command = f"ulimit -f 2; exec {sys.executable} -m emon_operator backup {folder}"
    process = await asyncio.create_subprocess_exec("bash", "-c", command, env=environment, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"File too large" in said
    assert list(folder.parent.iterdir()) == []


async def test_whoever_writes_at_that_moment_is_waited_for(still: Platform, tmp_path: Path) -> None:
    connection = await asyncpg.connect(still.databases["meetings"].worker_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("INSERT INTO outbox (topic, key, headers) VALUES ('t', '', '[]')")
    taking = asyncio.create_task(take_backup(tmp_path / "backup", still.places))
    await asyncio.sleep(0.3)
    assert not taking.done()
    await transaction.commit()
    await connection.close()
    manifest = await taking
    assert manifest.databases["meetings"].tables["outbox"].rows == 1


async def test_the_worker_of_every_service_reads_every_table_and_none_refers_in_a_circle(still: Platform) -> None:
    for service in SERVICES:
        connection = await asyncpg.connect(still.databases[service].worker_url)
        await demand_all_readable(connection)
        assert await tables_of(connection)
        await connection.close()


def _halve(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-20] ^= 0xFF
    file.write_bytes(content)
