# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false, reportUntypedBaseClass=false
"""FastStream and aiokafka's consumer, kept in one place: batches in, bytes and headers untouched, offsets ours.

FastStream acknowledges nothing (`MANUAL`): the offsets that count are in the database. Its own parser would fail on a
header without a value, and then skip the record; ours touches nothing.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from emon_platform.consumer.offsets import Partition
from emon_platform.consumer.records import Record
from emon_platform.kafka_access import KafkaAccess

__all__ = ["IllegalStateError", "KafkaError", "Stream"]

BATCH_RECORDS_MAX = 500
# What comes ends the wait at once.
WAIT_MS = 1000
STOP_TIMEOUT_S = 15.0
_MECHANISMS = {"SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512, "PLAIN": SASLPlaintext}


def _topic_partition(partition: Partition) -> Any:
    return TopicPartition(partition.topic, partition.number)


def _security(kafka: KafkaAccess) -> Any:
    context = kafka.ssl_context()
    if kafka.username is None:
        return BaseSecurity(ssl_context=context, use_ssl=kafka.tls)
    return _MECHANISMS[kafka.mechanism](kafka.username, kafka.password, ssl_context=context, use_ssl=kafka.tls)


class _Listener(ConsumerRebalanceListener):
    """Plain functions: an await here would let records through before the partitions are paused."""

    def __init__(self, assigned: Callable[[set[Partition]], None], revoked: Callable[[], None]) -> None:
        self._assigned = assigned
        self._revoked = revoked

    def on_partitions_assigned(self, assigned: Any) -> None:
        self._assigned({Partition(item.topic, item.partition) for item in assigned})

    def on_partitions_revoked(self, revoked: Any) -> None:
        self._revoked()


async def _parse(records: Any) -> Any:
    return KafkaMessage(raw_message=records, body=b"", consumer=None)  # pyright: ignore[reportArgumentType]


async def _decode(message: Any) -> Any:
    return message.raw_message


async def _next_batch(consumer: Any) -> tuple[Any, ...]:
    """What is there, or the first that comes.

    FastStream's own waits `batch_timeout_ms` and then sleeps as long again, deaf: short, it keeps an idle process busy, and long,
    it keeps a lone event waiting.
    """
    found = await consumer.getmany(timeout_ms=WAIT_MS, max_records=BATCH_RECORDS_MAX)
    return tuple(chain.from_iterable(found.values()))


class Stream:
    """One member of a consumer group, reading batches of several topics."""

    def __init__(
        self,
        kafka: KafkaAccess,
        group: str,
        topics: Sequence[str],
        *,
        instance: str | None,
        on_batch: Callable[[list[Record]], Awaitable[None]],
        on_assigned: Callable[[set[Partition]], None],
        on_revoked: Callable[[], None],
    ) -> None:
        self._broker = KafkaBroker(
            kafka.bootstrap,
            security=_security(kafka),
            logger=None,
            apply_types=False,
            graceful_timeout=STOP_TIMEOUT_S,
            client_id=f"emon-{group}",
            allow_auto_create_topics=False,
        )
        self._subscriber: Any = self._broker.subscriber(
            *topics,
            batch=True,
            group_id=group,
            # Static membership (KIP-345): the broker knows who comes back, instead of waiting for somebody dead.
            group_instance_id=f"{group}-{instance}" if instance else None,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            parser=_parse,
            decoder=_decode,
            listener=_Listener(on_assigned, on_revoked),
        )
        self._subscriber.get_msg = _next_batch

        async def handle(records: Any) -> None:
            await on_batch(
                [
                    Record(item.topic, item.partition, item.offset, item.key, item.headers, item.value, item.timestamp)
                    for item in records
                ]
            )

        self._subscriber(handle)

    async def start(self) -> None:
        """Joins the group. Raises KafkaError where no broker answers."""
        await self._broker.start()

    async def stop(self) -> None:
        """Waits for the batch under way and leaves the group."""
        await self._broker.stop()

    def is_running(self) -> bool:
        """Whether the loop that reads is alive; the broker's answer to a ping would not tell."""
        tasks: Iterable[Any] = self._subscriber.tasks
        return self._subscriber.consumer is not None and any(not task.done() for task in tasks)

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Reads no further there until resumed."""
        self._subscriber.consumer.pause(*map(_topic_partition, partitions))

    def resume_at(self, offsets: Mapping[Partition, int]) -> None:
        """Seeks, and reads on from there. Raises IllegalStateError where a partition is no longer ours."""
        consumer = self._subscriber.consumer
        for partition, offset in offsets.items():
            consumer.seek(_topic_partition(partition), offset)
        consumer.resume(*map(_topic_partition, offsets))

    async def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """First offset that is still there, and the one behind the last."""
        consumer = self._subscriber.consumer
        wanted = [_topic_partition(partition) for partition in partitions]
        beginnings = await consumer.beginning_offsets(wanted)
        ends = await consumer.end_offsets(wanted)
        return {Partition(item.topic, item.partition): (beginnings[item], ends[item]) for item in wanted}

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offset behind the last record of each, of those that are ours now. Raises KafkaError or IllegalStateError."""
        consumer = self._subscriber.consumer
        if consumer is None:
            return {}
        assigned = consumer.assignment()
        ends = await consumer.end_offsets([mine for mine in map(_topic_partition, partitions) if mine in assigned])
        return {Partition(item.topic, item.partition): end for item, end in ends.items()}

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Tells Kafka where we stand, for its lag metrics alone. Raises KafkaError or IllegalStateError."""
        consumer = self._subscriber.consumer
        if consumer is None:
            return
        assigned = consumer.assignment()
        mine = {_topic_partition(partition): offset for partition, offset in offsets.items()}
        mine = {partition: offset for partition, offset in mine.items() if partition in assigned}
        if mine:
            await consumer.commit(mine)
