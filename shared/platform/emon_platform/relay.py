"""The relay carries committed events from the outbox to Kafka, in order, each at least once.

One is active for each database: an advisory lock on the very connection that deletes, so that a relay that lost its
connection has lost its right as well. It never remembers a position: the order of a sequence is not the order of commits,
and a row that becomes visible late would be lost. A crash between acknowledgement and delete sends again; consumers drop
what they know.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import asyncpg
import structlog

from emon_platform import metrics, tracing
from emon_platform.database import NOTICED_WHEN_GONE, OUTBOX_CHANNEL
from emon_platform.failures import is_transient
from emon_platform.kafka_access import KafkaAccess
from emon_platform.kafka_edge import KafkaError, OutgoingRecord, Producer

log = structlog.get_logger()

LOCK_ID = 0x72656C6179  # "relay"
CHUNK = 1000
POLL_INTERVAL_S = 0.1
STANDBY_INTERVAL_S = 0.5
PAUSE_S_MAX = 5.0

# A sub-select is hashed once; `<> ALL` would look through all of them for each row.
_READ = """
    SELECT position, topic, key, headers, value
    FROM outbox
    WHERE position NOT IN (SELECT unnest($2::bigint[]))
    ORDER BY position
    LIMIT $1
"""
_DELETE = "DELETE FROM outbox WHERE position = ANY($1::bigint[])"


class Relay:
    """Runs until cancelled; every failure is logged and tried again with growing pauses."""

    def __init__(self, database_url: str, kafka: KafkaAccess, service: str) -> None:
        self._database_url = database_url
        self._kafka = kafka
        self._service = service
        self._woken = asyncio.Event()
        self.failure: str | None = "not started"

    def trouble(self) -> list[str]:
        """What keeps the relay from working, in words; empty when all is well."""
        return [] if self.failure is None else [f"relay: {self.failure}"]

    async def run(self) -> None:
        """Carries events for as long as it is not cancelled."""
        pause = 0.1
        while True:
            try:
                await self._connected()
            except Exception as error:
                if not (is_transient(error) or isinstance(error, KafkaError)):
                    self.failure = f"stopped by {type(error).__name__}"
                    raise
                self.failure = type(error).__name__
                log.warning("relay_interrupted", reason=type(error).__name__, detail=str(error)[:200], retry_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_S_MAX) if self.failure else 0.1

    async def _connected(self) -> None:
        connection = await asyncpg.connect(
            self._database_url,
            server_settings={"application_name": f"{self._service} relay", **NOTICED_WHEN_GONE},
            command_timeout=30,
        )
        producer = Producer(self._kafka, f"emon-{self._service}-relay")
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_ID):
                self.failure = None  # a standby is as healthy as can be
                metrics.relay_active.values = {(): 0}
                await asyncio.sleep(STANDBY_INTERVAL_S)
            await connection.add_listener(OUTBOX_CHANNEL, self._wake)
            await producer.start()
            self.failure = None
            metrics.relay_active.values = {(): 1}
            while True:
                self._woken.clear()
                await self._carry_all(connection, producer)
                await self._wait()
        finally:
            metrics.relay_active.values = {(): 0}
            await producer.stop()
            connection.terminate()

    def _wake(self, *_notification: object) -> None:
        self._woken.set()

    async def _wait(self) -> None:
        # Not wait_for: before Python 3.12 it can lose a cancellation that comes together with the result (python/cpython#86296).
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_INTERVAL_S):
                await self._woken.wait()

    async def _carry_all(self, connection: Any, producer: Producer) -> None:
        """Until nothing waits. Raises the failure of the broker after deleting what it acknowledged.

        While one chunk is sent, the one before is deleted and the next is read. That one is only sent when all of this one is
        acknowledged, so the order stands.
        """
        sent: list[int] = []
        rows = await self._delete_and_read(connection, [], [])
        while rows:
            sending = asyncio.create_task(_send(producer, [OutgoingRecord(*row[1:]) for row in rows]))
            try:
                following = await self._delete_and_read(connection, sent, rows)
            except BaseException:
                sending.cancel()
                raise
            acknowledged, failure = await sending
            metrics.relay_records.inc(len(acknowledged))
            sent = [rows[index]["position"] for index in acknowledged]
            if failure is not None:
                await connection.execute(_DELETE, sent)
                raise failure
            rows = following
        if sent:
            await connection.execute(_DELETE, sent)

    async def _delete_and_read(self, connection: Any, sent: list[int], under_way: list[Any]) -> list[Any]:
        """Deletes what was sent, and reads the first rows of those that are not under way.

        The first of all of them, not those behind the last one read: a row that became visible late may stand before it, and what
        follows it for the same key must not overtake it.
        """
        if sent:
            await connection.execute(_DELETE, sent)
        return await connection.fetch(_READ, CHUNK, [row["position"] for row in under_way])


async def _send(producer: Producer, records: Sequence[OutgoingRecord]) -> tuple[list[int], Exception | None]:
    metrics.relay_batch_records.observe(len(records))
    if not tracing.is_on():
        return await producer.send(records)
    topics = {record.topic for record in records}
    causes = [record.header("traceparent") for record in records]
    attributes = tracing.messaging("send", topics, len(records))
    with tracing.span(tracing.messaging_name("send", topics), tracing.Kind.CLIENT, attributes, causes=causes) as step:
        acknowledged, failure = await producer.send(records)
        if failure is not None:
            step.fail(type(failure).__name__)
        return acknowledged, failure
