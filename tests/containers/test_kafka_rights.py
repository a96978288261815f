"""Who may do what in Kafka: derived from the code, and held against a broker that asks."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from emon_contracts.topics import DIRECTORY_PEOPLE, FEEDBACK_EVENTS, MEETINGS_EVENTS, TOPICS
from emon_embedded.artefacts import cache_folder, fetch
from emon_embedded.composition import subscriptions_of_services
from emon_embedded.kafka import Kafka
from emon_embedded.ports import LOOPBACK, free_ports
from emon_embedded.stack import Part
from emon_operator.kafka_accounts import Administration, KafkaUnreachable
from emon_operator.kafka_rights import Right, rights_of_all
from emon_operator.provisioning import ProvisioningSettings, provide_broker
from emon_operator.secret_files import account_password_file, keep_secret_files, password_in
from emon_platform.consumer.faststream_edge import Stream
from emon_platform.consumer.offsets import Partition
from emon_platform.consumer.records import Record
from emon_platform.kafka_access import KafkaAccess
from emon_platform.kafka_edge import KafkaError, OutgoingRecord, Producer, committed_offsets

LOGIN = "org.apache.kafka.common.security"
SECRET = "secret-of-this-test"


def test_every_topic_has_one_writer_and_readers_are_those_who_subscribe(rights: frozenset[Right]) -> None:
    subscriptions = subscriptions_of_services()
    assert {(right.name, right.account) for right in rights if right.operation == "WRITE"} == {
        (topic.name, topic.publisher) for topic in TOPICS
    }
    for service, listening in subscriptions.items():
        read = {right.name for right in rights if (right.account, right.operation, right.kind) == (service, "READ", "TOPIC")}
        assert read == {subscription.topic.name for subscription in listening}
        assert (Right(service, "READ", "GROUP", service) in rights) == bool(listening)


@pytest.fixture(scope="module")
async def asking_kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[KafkaAccess]:
    """A broker whose clients prove who they are, as its administrator comes to it."""
    folder = tmp_path_factory.mktemp("asking-kafka")
    port, controller_port, clients_port = free_ports(3)
    listeners = f"BROKER://{LOOPBACK}:{port},CLIENTS://{LOOPBACK}:{clients_port}"
    server = Kafka(
        jars=tuple(await asyncio.to_thread(fetch, "kafka", cache_folder())),
        folder=folder,
        port=port,
        controller_port=controller_port,
        log=folder / "kafka.log",
        settings={
            "listeners": f"{listeners},CONTROLLER://{LOOPBACK}:{controller_port}",
            "advertised.listeners": listeners,
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENTS:SASL_PLAINTEXT",
            "listener.name.clients.sasl.enabled.mechanisms": "SCRAM-SHA-256,PLAIN",
            "listener.name.clients.scram-sha-256.sasl.jaas.config": f"{LOGIN}.scram.ScramLoginModule required;",
            "listener.name.clients.plain.sasl.jaas.config": f"{LOGIN}.plain.PlainLoginModule required user_admin={SECRET};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:admin;User:ANONYMOUS",
        },
    )
    await server.prepare()
    part = Part(server.command(), server.is_ready)
    await part.start()
    yield KafkaAccess(f"{LOOPBACK}:{clients_port}", username="admin", password=SECRET, mechanism="PLAIN")
    await part.stop()


@pytest.fixture(scope="module")
async def provided(asking_kafka: KafkaAccess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of secrets of a platform whose broker is provided for, twice."""
    folder = tmp_path_factory.mktemp("secrets")
    keep_secret_files(folder)
    settings = ProvisioningSettings(
        kafka_bootstrap=asking_kafka.bootstrap,
        kafka_username=asking_kafka.username,
        kafka_password=asking_kafka.password,  # pyright: ignore[reportArgumentType]
        kafka_sasl_mechanism="PLAIN",
        postgresql="nowhere:5432",
        secrets_folder=folder,
    )
    for _ in range(2):
        await asyncio.to_thread(provide_broker, settings, 10.0)
    return folder


@pytest.fixture(scope="module")
def rights() -> frozenset[Right]:
    return rights_of_all(subscriptions_of_services())


def access(admin: KafkaAccess, folder: Path, service: str) -> KafkaAccess:
    password = password_in(account_password_file(folder, service))
    return KafkaAccess(admin.bootstrap, username=service, password=password)


async def send(kafka: KafkaAccess, topic: str) -> None:
    """Raises KafkaError where it is refused."""
    producer = Producer(kafka, "test")
    try:
        await producer.start()
        _, failure = await producer.send([OutgoingRecord(topic, b"key", "[]", b"value")])
        if failure is not None:
            raise failure
    finally:
        await producer.stop()


async def read_one(kafka: KafkaAccess, group: str, topic: str) -> Record:
    """The first record. Raises TimeoutError where none comes."""
    came: asyncio.Queue[Record] = asyncio.Queue()

    async def take(records: list[Record]) -> None:
        for record in records:
            came.put_nowait(record)

    assigned: list[set[Partition]] = []
    stream = Stream(kafka, group, [topic], instance=None, on_batch=take, on_assigned=assigned.append, on_revoked=assigned.clear)
    await stream.start()
    try:
        async with asyncio.timeout(10):
            return await came.get()
    finally:
        await stream.stop()


async def test_a_service_writes_its_own_topics_and_reads_those_it_subscribes_to(
    asking_kafka: KafkaAccess, provided: Path
) -> None:
    await send(access(asking_kafka, provided, "contacts"), DIRECTORY_PEOPLE.name)
    meetings = access(asking_kafka, provided, "meetings")
    assert (await read_one(meetings, "meetings", DIRECTORY_PEOPLE.name)).value == b"value"
    assert await committed_offsets(meetings, "meetings", [(DIRECTORY_PEOPLE.name, 0)]) == {(DIRECTORY_PEOPLE.name, 0): 0}


async def test_a_service_cannot_write_what_another_publishes_nor_read_what_is_not_its_business(
    asking_kafka: KafkaAccess, provided: Path
) -> None:
    meetings = access(asking_kafka, provided, "meetings")
    with pytest.raises(KafkaError, match="Authorization"):
        await send(meetings, DIRECTORY_PEOPLE.name)
    with pytest.raises(KafkaError, match="Authorization"):
        await read_one(meetings, "meetings", FEEDBACK_EVENTS.name)
    with pytest.raises(KafkaError, match="Authorization"):
        await read_one(meetings, "gateway", DIRECTORY_PEOPLE.name)


async def test_nobody_comes_in_with_a_wrong_password(
    asking_kafka: KafkaAccess, provided: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KafkaError):
        await send(replace(access(asking_kafka, provided, "contacts"), password="guessed"), DIRECTORY_PEOPLE.name)
    assert "SaslAuthenticationFailed" in caplog.text
    stranger = Administration(replace(asking_kafka, password="guessed"))
    with pytest.raises(KafkaUnreachable, match=r"(?i)authentication"):
        await asyncio.to_thread(stranger.wait_until_it_answers, 3.0)


async def test_what_is_provided_for_once_needs_nothing_more_and_what_no_code_needs_is_taken_back(
    asking_kafka: KafkaAccess, provided: Path, rights: frozenset[Right]
) -> None:
    administration = Administration(asking_kafka)
    former = Right("contacts", "WRITE", "TOPIC", MEETINGS_EVENTS.name)
    accounts = sorted({right.account for right in rights})
    assert await asyncio.to_thread(administration.set_rights, accounts, rights) == (0, 0)
    assert await asyncio.to_thread(administration.set_rights, accounts, {*rights, former}) == (1, 0)
    await send(access(asking_kafka, provided, "contacts"), MEETINGS_EVENTS.name)
    assert await asyncio.to_thread(administration.set_rights, accounts, rights) == (0, 1)
    with pytest.raises(KafkaError, match="Authorization"):
        await send(access(asking_kafka, provided, "contacts"), MEETINGS_EVENTS.name)
