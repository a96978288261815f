# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What stands in a topic, by aiokafka alone."""

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from emon_contracts.topics import PARTITIONS


async def records_of(bootstrap: str, topic: str, count: int) -> list[Any]:
    """At least `count` records from the beginning, in the order of each partition."""
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        found: list[Any] = []
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                found.extend(records)
        return found
    finally:
        await consumer.stop()
