"""The doctor at a real broker whose topics somebody changed."""

from collections.abc import AsyncGenerator
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from emon_contracts.topics import DIRECTORY_PEOPLE, GATEWAY_EVENTS, TOPICS, Topic
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka
from emon_gateway import schema as gateway_schema
from emon_operator.doctor import lag
from emon_operator.doctor.broker import examine_broker
from emon_operator.doctor.examination import examine
from emon_operator.doctor.findings import Finding, Level
from emon_operator.doctor.installation import Installation
from emon_platform.broker import settings_of
from emon_platform.kafka_access import KafkaAccess

from tests.conftest import FreshDatabase
from tests.polling import eventually

TOPIC = ConfigResourceType.TOPIC


@pytest.fixture
async def admin(kafka: RunningKafka) -> AsyncGenerator[Any]:
    client: Any = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await client.start()
    yield client
    await client.close()


async def findings(kafka: RunningKafka) -> list[Finding]:
    return [finding for finding in await examine_broker(KafkaAccess(kafka.bootstrap_servers)) if finding.level]


async def test_topics_that_the_platform_made_are_as_it_wants_them(kafka: RunningKafka) -> None:
    found = await examine_broker(KafkaAccess(kafka.bootstrap_servers))
    assert [finding for finding in found if finding.level] == []
    assert len(found) == 1 + len(TOPICS)


async def test_a_topic_that_would_keep_what_was_erased_is_named(kafka: RunningKafka, admin: Any) -> None:
    wanted = settings_of(DIRECTORY_PEOPLE, 1)
    harm = {**wanted, "cleanup.policy": "delete", "max.compaction.lag.ms": "86400000", "segment.ms": "604800000"}
    await admin.alter_configs([ConfigResource(TOPIC, DIRECTORY_PEOPLE.name, harm)])
    try:
        found = await eventually(lambda: findings(kafka), bool)
    finally:
        await admin.alter_configs([ConfigResource(TOPIC, DIRECTORY_PEOPLE.name, wanted)])
    assert {finding.where for finding in found} == {f"topic {DIRECTORY_PEOPLE.name}"}
    assert [finding.what.partition(":")[0] for finding in found] == [
        "cleanup.policy is delete instead of compact",
        "max.compaction.lag.ms is 86400000 instead of 3600000",
        "segment.ms is 604800000 instead of 3600000",
    ]
    await eventually(lambda: findings(kafka), lambda found: not found)


async def test_a_missing_topic_and_one_of_another_size_are_named(kafka: RunningKafka, admin: Any) -> None:
    missing, small = Topic("test.doctor.missing", publisher="gateway"), Topic("test.doctor.small", publisher="gateway")
    await admin.create_topics([NewTopic(small.name, 1, 1, topic_configs=settings_of(small, 1))])

    async def both() -> list[Finding]:
        found = await examine_broker(KafkaAccess(kafka.bootstrap_servers), (missing, small))
        return [finding for finding in found if finding.level]

    found = await eventually(both, lambda found: found[1].what != "it does not exist")
    assert [finding.where for finding in found] == [f"topic {missing.name}", f"topic {small.name}"]
    assert found[0].what == "it does not exist"
    assert found[1].what.startswith("it has 1 partitions instead of 4")


async def test_a_broker_that_is_not_there_is_one_finding() -> None:
    [found] = await examine_broker(KafkaAccess("127.0.0.1:1"))
    assert (found.level, found.what) == (Level.PROBLEM, "no broker answers (KafkaConnectionError)")


async def test_a_consumer_that_stands_outside_the_log_is_named(kafka: RunningKafka, fresh_database: FreshDatabase) -> None:
    database = await fresh_database("gateway", gateway_schema.migrations)
    producer: Any = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    sent = await producer.send_and_wait(GATEWAY_EVENTS.name, b"x", partition=0)
    await producer.stop()
    await stand_at(database, sent.offset + 1)
    assert [finding.what for finding in await lags(kafka, database)] == ["keeps up in 1 partitions"]
    # What is younger than a minute is on its way.
    await stand_at(database, sent.offset)
    assert [finding.what for finding in await lags(kafka, database)] == ["keeps up in 1 partitions"]
    await stand_at(database, sent.offset + 100)
    [found] = await lags(kafka, database)
    assert found.level == Level.PROBLEM
    assert "lies outside the log" in found.what


async def stand_at(database: ServiceDatabase, offset: int) -> None:
    owner = await asyncpg.connect(database.owner_url, ssl=False)
    await owner.execute(
        """
        INSERT INTO consumer_offsets (consumer, topic, partition, next_offset) VALUES ('gateway', $1, 0, $2)
        ON CONFLICT (consumer, topic, partition) DO UPDATE SET next_offset = excluded.next_offset
        """,
        GATEWAY_EVENTS.name,
        offset,
    )
    await owner.close()


async def lags(kafka: RunningKafka, database: ServiceDatabase) -> list[Finding]:
    environment = {"EMON_DATABASE_WORKER_URL": database.worker_url, "EMON_KAFKA_BOOTSTRAP": kafka.bootstrap_servers}
    found = await examine(lag.checks(Installation({"gateway": environment}, {}, {}), ()))
    return [finding for finding in found if "gateway" in finding.where and "of gateway" not in finding.where]
