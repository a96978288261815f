# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""aiokafka, which has no types, behind the few typed functions that the platform needs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from pydantic_core import from_json

from emon_platform.consumer.offsets import Partition
from emon_platform.consumer.records import Record
from emon_platform.kafka_access import KafkaAccess

__all__ = [
    "ClusterState",
    "KafkaError",
    "Log",
    "LogState",
    "OutgoingRecord",
    "PartitionState",
    "Producer",
    "TopicState",
    "committed_offsets",
    "create_topics",
    "describe_cluster",
    "describe_logs",
    "open_log",
    "partition_of",
]

TOPIC_ALREADY_EXISTS = 36
BATCH_BYTES_MAX = 256 * 1024
REQUEST_TIMEOUT_MS = 10_000
NOTHING_READ_FOR_S = 30.0


class OutgoingRecord(NamedTuple):
    """A record for a topic; a value of None is a tombstone. `headers` is a JSON array of [name, value]."""

    topic: str
    key: bytes
    headers: str
    value: bytes | None

    def header(self, wanted: str) -> str | None:
        """One header, or None where there is none of that name."""
        return next((value for name, value in from_json(self.headers, cache_strings="none") if name == wanted), None)

    def header_pairs(self) -> list[tuple[str, bytes]]:
        """The headers as Kafka has them. Made when they are needed: those of a whole chunk would keep the collector busy."""
        return [(name, value.encode()) for name, value in from_json(self.headers, cache_strings="none")]


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as Kafka's default partitioner chooses it."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


class Producer:
    """An idempotent producer with `acks=all` that sends records of one partition one batch after the other."""

    def __init__(self, kafka: KafkaAccess, client_id: str) -> None:
        self._producer: Any = AIOKafkaProducer(
            **kafka.client_options(),
            client_id=client_id,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES_MAX,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            linger_ms=0,
        )

    async def start(self) -> None:
        """Connects. Raises KafkaError where no broker answers."""
        try:
            await self._producer.start()
        except BaseException:
            await self._producer.stop()
            raise

    async def stop(self) -> None:
        """Waits for what is under way and disconnects."""
        await self._producer.stop()

    async def send(self, records: Sequence[OutgoingRecord]) -> tuple[list[int], Exception | None]:
        """Sends the records, in order for each partition.

        Answers the indexes of those the broker acknowledged, and the first failure. After a failure in a partition,
        nothing behind it is sent there: a record is acknowledged only if all before it in its partition are.
        """
        counts = {topic: len(await self._producer.partitions_for(topic)) for topic in {record.topic for record in records}}
        lanes: dict[tuple[str, int], list[int]] = {}
        for index, record in enumerate(records):
            lanes.setdefault((record.topic, partition_of(record.key, counts[record.topic])), []).append(index)
        outcomes = await asyncio.gather(*(self._send_lane(lane, records, indexes) for lane, indexes in lanes.items()))
        failures = [failure for _, failure in outcomes if failure is not None]
        return [index for indexes, _ in outcomes for index in indexes], failures[0] if failures else None

    async def _send_lane(
        self, lane: tuple[str, int], records: Sequence[OutgoingRecord], indexes: list[int]
    ) -> tuple[list[int], Exception | None]:
        topic, partition = lane
        acknowledged: list[int] = []
        waiting = indexes
        while waiting:
            batch = self._producer.create_batch()
            taken = 0
            for index in waiting:
                record = records[index]
                if batch.append(key=record.key, value=record.value, timestamp=None, headers=record.header_pairs()) is None:
                    break
                taken += 1
            if not taken:
                return acknowledged, ValueError(f"a record for {topic} is larger than a batch of {BATCH_BYTES_MAX} bytes")
            try:
                await (await self._producer.send_batch(batch, topic, partition=partition))
            except KafkaError as error:
                return acknowledged, error
            acknowledged += waiting[:taken]
            waiting = waiting[taken:]
        return acknowledged, None


async def create_topics(kafka: KafkaAccess, topics: Sequence[tuple[str, int, dict[str, str]]], replication_factor: int) -> None:
    """Creates the topics (name, partitions, settings) that do not exist yet. Raises KafkaError for any other failure."""
    admin: Any = AIOKafkaAdminClient(**kafka.client_options(), request_timeout_ms=REQUEST_TIMEOUT_MS)
    await admin.start()
    try:
        response = await admin.create_topics(
            [NewTopic(name, partitions, replication_factor, topic_configs=configs) for name, partitions, configs in topics]
        )
    finally:
        await admin.close()
    for name, code, *message in response.topic_errors:
        if code not in (0, TOPIC_ALREADY_EXISTS):
            raise KafkaError(f"the topic {name} was not created: error {code} {message}")


async def committed_offsets(kafka: KafkaAccess, group: str, partitions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Where a consumer group stands in each of these partitions, as Kafka remembers it; 0 where it remembers nothing.

    Raises KafkaError where no broker answers for sure.
    """
    wanted = [TopicPartition(topic, number) for topic, number in partitions]
    admin: Any = AIOKafkaAdminClient(**kafka.client_options(), request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        found = await admin.list_consumer_group_offsets(group, partitions=wanted)
    finally:
        await admin.close()
    # A coordinator that still loads its groups says so in a field that aiokafka 0.14 does not read, and names no partition.
    if any(partition not in found for partition in wanted):
        raise KafkaError(f"the coordinator of {group} did not answer for every partition")
    return {(item.topic, item.partition): max(found[item].offset, 0) for item in wanted}


@dataclass(frozen=True, slots=True)
class PartitionState:
    """`has_leader`: somebody takes records for it. `in_sync` of its `replicas` have all that was acknowledged."""

    number: int
    has_leader: bool
    replicas: int
    in_sync: int


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the brokers have it, with every setting, also those by default."""

    partitions: tuple[PartitionState, ...]
    settings: dict[str, str]


@dataclass(frozen=True, slots=True)
class ClusterState:
    """The brokers that live, those of the topics asked for that exist, and the settings of one broker."""

    brokers: int
    topics: dict[str, TopicState]
    settings: dict[str, str]


async def describe_cluster(kafka: KafkaAccess, topics: Sequence[str]) -> ClusterState:
    """What the brokers say of themselves and of these topics. Raises KafkaError."""
    admin: Any = AIOKafkaAdminClient(**kafka.client_options(), request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        brokers = (await admin.describe_cluster())["brokers"]
        # All of them: to ask for one that is missing would make it, where a broker creates topics by itself.
        found = {item["topic"]: item["partitions"] for item in await admin.describe_topics() if item["topic"] in topics}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in found]
        resources.append(ConfigResource(ConfigResourceType.BROKER, str(brokers[0]["node_id"])))
        settings: dict[tuple[int, str], dict[str, str]] = {}
        for response in await admin.describe_configs(resources):
            for code, message, kind, name, entries in response.resources:
                if code != 0:
                    raise KafkaError(f"the settings of {name} were not shown: error {code} {message}")
                settings[kind, name] = {entry[0]: entry[1] or "" for entry in entries}
    finally:
        await admin.close()
    states = {
        name: TopicState(
            tuple(
                PartitionState(item["partition"], item["leader"] >= 0, len(item["replicas"]), len(item["isr"]))
                for item in sorted(partitions, key=lambda item: item["partition"])
            ),
            settings[ConfigResourceType.TOPIC, name],
        )
        for name, partitions in found.items()
    }
    return ClusterState(len(brokers), states, settings[ConfigResourceType.BROKER, str(brokers[0]["node_id"])])


@dataclass(frozen=True, slots=True)
class LogState:
    """Offsets of a partition: its first, the one behind its last, and the first that is not older than each time asked for."""

    beginning: int
    end: int
    at: tuple[int, ...]


async def describe_logs(
    kafka: KafkaAccess, partitions: Sequence[tuple[str, int]], times: Sequence[datetime]
) -> dict[tuple[str, int], LogState]:
    """How far these partitions, which must exist, reach. Raises KafkaError."""
    wanted = [TopicPartition(topic, number) for topic, number in partitions]
    consumer: Any = AIOKafkaConsumer(**kafka.client_options(), request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await consumer.start()
        beginnings = await consumer.beginning_offsets(wanted)
        at = [await consumer.offsets_for_times(dict.fromkeys(wanted, int(moment.timestamp() * 1000))) for moment in times]
        ends = await consumer.end_offsets(wanted)
    finally:
        await consumer.stop()
    return {
        (item.topic, item.partition): LogState(
            beginnings[item], ends[item], tuple(found[item].offset if found[item] else ends[item] for found in at)
        )
        for item in wanted
    }


class Log:
    """The broker's log as a whole, looked at from outside of any consumer group. All methods raise KafkaError.

    `cluster` is the identity that the brokers were given with their first start: another one is another log.
    """

    def __init__(self, consumer: Any, cluster: str | None) -> None:
        self._consumer = consumer
        self.cluster = cluster

    async def beginnings(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offset of the first record of each."""
        found = await self._consumer.beginning_offsets([TopicPartition(*partition) for partition in partitions])
        return {Partition(item.topic, item.partition): offset for item, offset in found.items()}

    async def ends(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offset behind the last record of each."""
        found = await self._consumer.end_offsets([TopicPartition(*partition) for partition in partitions])
        return {Partition(item.topic, item.partition): offset for item, offset in found.items()}

    async def read(self, spans: Mapping[Partition, tuple[int, int]]) -> AsyncIterator[Record]:
        """The records from the first offset of each span up to before the second, in the order of each partition."""
        waiting = {TopicPartition(*partition): span for partition, span in spans.items() if span[0] < span[1]}
        if not waiting:
            return
        self._consumer.assign(list(waiting))
        for partition, (start, _) in waiting.items():
            self._consumer.seek(partition, start)
        while waiting:
            try:
                async with asyncio.timeout(NOTHING_READ_FOR_S):
                    batches = await self._consumer.getmany(*waiting, timeout_ms=100)
                    for partition, records in batches.items():
                        for record in records:
                            if record.offset < waiting[partition][1]:
                                yield Record(
                                    record.topic, record.partition, record.offset, record.key, record.headers, record.value
                                )
                    # Offsets have gaps: it is the position that tells when all was read.
                    positions = {partition: await self._consumer.position(partition) for partition in waiting}
            except TimeoutError as error:
                raise KafkaError(f"nothing was read for {NOTHING_READ_FOR_S:.0f} s") from error
            waiting = {partition: span for partition, span in waiting.items() if positions[partition] < span[1]}


@asynccontextmanager
async def open_log(kafka: KafkaAccess) -> AsyncGenerator[Log]:
    """Looks at the log. Raises KafkaError where no broker answers."""
    consumer: Any = AIOKafkaConsumer(
        **kafka.client_options(),
        enable_auto_commit=False,
        auto_offset_reset="none",
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )
    admin: Any = AIOKafkaAdminClient(**kafka.client_options(), request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        cluster = (await admin.describe_cluster()).get("cluster_id")
        await consumer.start()
        yield Log(consumer, cluster)
    finally:
        await consumer.stop()
        await admin.close()
