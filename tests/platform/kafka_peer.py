# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Another client of the same broker: looks at topics and puts records into them, by aiokafka alone."""

from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from emon_contracts.topics import PARTITIONS


async def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """The offset behind the last record of each partition."""
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        return {item.partition: end for item, end in (await consumer.end_offsets(partitions)).items()}
    finally:
        await consumer.stop()


async def read_from(bootstrap: str, topic: str, starts: dict[int, int], count: int) -> list[Any]:
    """At least `count` records behind these offsets, in the order of each partition."""
    if count == 0:
        return []
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, partition) for partition in starts])
        for partition, offset in starts.items():
            consumer.seek(TopicPartition(topic, partition), offset)
        found: list[Any] = []
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                found.extend(records)
        return found
    finally:
        await consumer.stop()


async def put(bootstrap: str, topic: str, records: Sequence[tuple[bytes | None, Any, bytes | None]]) -> None:
    """Puts records (key, headers, value) into a topic as they are."""
    producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for key, headers, value in records:
            await producer.send(topic, value=value, key=key, headers=headers)
        await producer.flush()
    finally:
        await producer.stop()
