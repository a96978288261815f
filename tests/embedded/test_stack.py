"""PostgreSQL and Kafka as tests and `emon up` run them."""

import os
import tempfile
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from emon_embedded.artefacts import cache_folder
from emon_embedded.ports import free_ports
from emon_embedded.postgresql import PostgreSQL
from emon_embedded.service_databases import create_service_databases, role_names, service_database
from emon_embedded.stack import Part, running_kafka, running_postgresql
from emon_embedded.unpacking import postgresql_program
from emon_embedded.unprivileged import NoUnprivilegedAccount, nobody, open_the_way


async def test_a_service_has_its_database_to_itself_and_keeps_it_over_a_kill(tmp_path: Path) -> None:
    async with running_postgresql(tmp_path) as postgresql:
        contacts = await postgresql.fresh_database("contacts")
        meetings = await postgresql.fresh_database("meetings")
        owner = await asyncpg.connect(contacts.owner_url, ssl=False)
        await owner.execute("CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent; CREATE EXTENSION btree_gist")
        await owner.execute("CREATE TABLE places (name text); INSERT INTO places VALUES ('Köln')")
        assert await owner.fetchval("SELECT similarity('Köln', 'köln')") == 1
        assert await owner.fetchval("SELECT collname FROM pg_collation WHERE collname = 'de-DE-x-icu'") == "de-DE-x-icu"
        await owner.close()

        stranger = meetings.api_url.replace(meetings.name, contacts.name)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(stranger, ssl=False)
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(contacts.api_url.replace("_api:", "_api:x"), ssl=False)
        api = await asyncpg.connect(contacts.api_url, ssl=False)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await api.execute("CREATE TABLE mine ()")

        await postgresql.part.restart_after_kill()
        copy = await postgresql.fresh_database("contacts", template=contacts.name)
        owner = await asyncpg.connect(copy.owner_url, ssl=False)
        assert await owner.fetchval("SELECT name FROM places") == "Köln"
        await owner.close()


async def test_kafka_keeps_what_it_acknowledged_over_a_kill(tmp_path: Path) -> None:
    async with running_kafka(tmp_path) as kafka:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
        await admin.start()
        await admin.create_topics([NewTopic("words", 1, 1)])
        await admin.close()
        producer: Any = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, acks="all", enable_idempotence=True)
        await producer.start()
        await producer.send_and_wait("words", b"before")
        await kafka.part.restart_after_kill()
        await producer.send_and_wait("words", b"after")
        await producer.stop()
        consumer: Any = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
        await consumer.start()
        consumer.assign([TopicPartition("words", 0)])
        assert [(await consumer.getone()).value for _ in range(2)] == [b"before", b"after"]
        await consumer.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run PostgreSQL as another account")
async def test_root_without_user_namespaces_runs_postgresql_as_nobody() -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        open_the_way(home, nobody())
        [port] = free_ports(1)
        program = postgresql_program(cache_folder(), unpack_below=home)
        server = PostgreSQL(program, home / "postgresql", port, "secret", home / "postgresql.log", account=nobody())
        await server.initialise()
        part = Part(server.command(), server.is_ready)
        await part.start()
        try:
            services = ("contacts",)
            passwords = {role: f"{role}-password" for role in role_names(services)}
            for _ in range(2):
                await create_service_databases(server.access, services, passwords)
            connection = await asyncpg.connect(service_database(server.access, "contacts", passwords).worker_url, ssl=False)
            assert await connection.fetchval("SELECT current_user") == "contacts_worker"
            await connection.close()
            assert os.stat(f"/proc/{part.pid}").st_uid == nobody().user  # noqa: PTH116
        finally:
            await part.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run PostgreSQL as another account")
def test_nobody_cannot_pass_through_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    tmp_path.chmod(0o700)
    with pytest.raises(NoUnprivilegedAccount, match="choose another home"):
        open_the_way(tmp_path / "home", nobody())
