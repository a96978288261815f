"""A batch of records in one transaction: position, inbox, effects. Knows PostgreSQL, and nothing of Kafka's client.

The bulk path handles whole runs of events. When it fails for a reason that is not transient, the batch is rolled back and
each partition is gone through record by record under savepoints, so that one bad record holds up nobody.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import structlog

from emon_contracts.envelope import Event, Payload
from emon_contracts.refusals import NotFound, Refused
from emon_platform import metrics, tracing
from emon_platform.consumer import dead_letters, inbox, offsets
from emon_platform.consumer.offsets import Advance, Partition
from emon_platform.consumer.records import NewerThanKnown, Record, Tombstoned, Unknown, Unreadable, read
from emon_platform.consumer.subscriptions import Facts, StateRecord, States, Subscription
from emon_platform.database import Database, Transaction
from emon_platform.failures import is_data_error, is_transient

log = structlog.get_logger()

POISON_MAX = 20
POISON_WINDOW = 1000  # records


@dataclass(frozen=True, slots=True)
class Stopped:
    """A partition that goes no further until somebody mends the cause and restarts the service."""

    partition: Partition
    offset: int
    reason: str


@dataclass(slots=True)
class Outcome:
    """Where each partition stands after a batch, and which of them stopped."""

    positions: dict[Partition, int] = field(default_factory=dict[Partition, int])
    stopped: list[Stopped] = field(default_factory=list[Stopped])


class _Bug(Exception):
    """Neither transient nor the record's fault: ours."""


class Processor:
    """Handles batches for one consumer. Raises transient failures and offsets.Overtaken; anything else is in the outcome."""

    def __init__(self, name: str, database: Database, subscriptions: Sequence[Subscription]) -> None:
        self.name = name
        self._database = database
        self._by_topic: Mapping[str, Subscription] = {item.topic.name: item for item in subscriptions}
        self._recent: deque[bool] = deque(maxlen=POISON_WINDOW)
        self._unknown_types: set[str] = set()

    async def process(self, records: Sequence[Record], positions: Mapping[Partition, int]) -> Outcome:
        """Handles the records, of several partitions, from the positions this process last read or wrote."""
        lanes: dict[Partition, list[Record]] = {}
        for record in records:
            lanes.setdefault(Partition(record.topic, record.partition), []).append(record)
        advances = [Advance(lane, positions[lane], items[-1].offset + 1) for lane, items in lanes.items()]
        started = time.monotonic()
        try:
            async with self._database.unscoped() as tx:
                await offsets.advance(tx, self.name, advances)
                for topic, items in groupby(sorted(lanes.items()), key=lambda item: item[0].topic):
                    await self._apply(tx, topic, [record for _, lane in items for record in lane])
        except Exception as error:
            # What took as long as a transaction may take is done record by record: as a whole it would never end. By the clock,
            # since the server closes the connection, and the client reports no more than that.
            out_of_time = time.monotonic() - started >= self._database.transaction_timeout_s
            if (is_transient(error) and not out_of_time) or isinstance(error, offsets.Overtaken):
                raise
            log.warning("batch_failed", consumer=self.name, reason=_reason(error), records=len(records))
            return await self._one_by_one(lanes, positions)
        self._recent.extend([False] * len(records))
        metrics.batch_records.labels(self.name).observe(len(records))
        metrics.batch_seconds.labels(self.name).observe(time.monotonic() - started)
        metrics.records_handled.labels(self.name).inc(len(records))
        return Outcome({item.partition: item.next for item in advances})

    async def retry_dead_letter(self) -> bool:
        """Tries one dead letter that an operator wants to be tried again; answers whether there was one.

        It goes when its effects are committed; a failure of whatever kind leaves it, with the new reason.
        """
        async with self._database.unscoped() as tx:
            waiting = await dead_letters.waiting_for_retry(tx, self.name)
            if waiting is None:
                return False
            identifier, record = waiting
            try:
                async with tx.savepoint():
                    await self._apply(tx, record.topic, [record])
                    await dead_letters.drop(tx, identifier)
            except Exception as error:
                if is_transient(error):
                    raise
                await dead_letters.still_dead(tx, identifier, _reason(error))
                log.warning("dead_letter_retried_in_vain", consumer=self.name, dead_letter=identifier, reason=_reason(error))
            return True

    async def _apply(self, tx: Transaction, topic: str, records: Sequence[Record]) -> None:
        subscription = self._by_topic[topic]
        readings = [reading for reading in map(read, records) if not self._is_unknown(reading)]
        if isinstance(subscription, States):
            await self._apply_states(tx, subscription, readings)
        else:
            await self._apply_facts(tx, subscription, readings)

    def _is_unknown(self, reading: Event[Payload] | Tombstoned | Unknown) -> bool:
        if not isinstance(reading, Unknown):
            return False
        metrics.records_of_unknown_type.labels(self.name).inc()
        if reading.type not in self._unknown_types:
            self._unknown_types.add(reading.type)
            log.warning("unknown_type", consumer=self.name, type=reading.type)
        return True

    async def _apply_states(
        self, tx: Transaction, subscription: States, readings: Sequence[Event[Payload] | Tombstoned | Unknown]
    ) -> None:
        newest: dict[str, StateRecord] = {}
        for reading in readings:
            if isinstance(reading, Tombstoned):
                state = StateRecord(reading.key, reading.version, None)
            elif isinstance(reading, Event) and isinstance(reading.payload, subscription.payload):
                state = StateRecord(reading.payload.key(), reading.sequence, reading.payload)
            else:
                continue
            if state.key not in newest or newest[state.key].version <= state.version:
                newest[state.key] = state
        if not newest:
            return
        with self._span(subscription.topic.name, [reading for reading in readings if isinstance(reading, Event)]):
            # In the order of keys, so that two consumers that update the same rows never wait for each other in a circle.
            await subscription.handle(tx, [newest[key] for key in sorted(newest)])

    async def _apply_facts(
        self, tx: Transaction, subscription: Facts, readings: Sequence[Event[Payload] | Tombstoned | Unknown]
    ) -> None:
        events = [
            reading for reading in readings if isinstance(reading, Event) and type(reading.payload) in subscription.handlers
        ]
        if not events:
            return
        admitted = await inbox.admit(tx, [event.id for event in events])
        fresh: list[Event[Payload]] = []
        for event in events:
            if event.id in admitted:
                admitted.discard(event.id)  # the same event twice in one batch
                fresh.append(event)
        for model, group in groupby(fresh, key=lambda event: type(event.payload)):
            run = list(group)
            with self._span(subscription.topic.name, run):
                await subscription.handlers[model](tx, run)

    def _span(self, topic: str, events: Sequence[Event[Any]]) -> AbstractContextManager[tracing.Step]:
        attributes = tracing.messaging("process", [topic], len(events), **{"messaging.consumer.group.name": self.name})
        causes = [event.traceparent for event in events]
        return tracing.span(tracing.messaging_name("process", [topic]), tracing.Kind.CONSUMER, attributes, causes=causes)

    async def _one_by_one(self, lanes: Mapping[Partition, Sequence[Record]], positions: Mapping[Partition, int]) -> Outcome:
        outcome = Outcome()
        for partition in sorted(lanes):
            outcome.positions[partition] = positions[partition]
            for record in lanes[partition]:
                try:
                    await self._single(partition, record, outcome.positions[partition])
                except _Bug as bug:
                    reason = _reason(bug.__cause__ or bug)
                    log.error("partition_stopped", consumer=self.name, topic=record.topic, partition=record.partition,
                              offset=record.offset, reason=reason, exc_info=bug.__cause__)  # fmt: skip
                    outcome.stopped.append(Stopped(partition, record.offset, reason))
                    break
                outcome.positions[partition] = record.offset + 1
        return outcome

    async def _single(self, partition: Partition, record: Record, expected: int) -> None:
        async with self._database.unscoped() as tx:
            await offsets.advance(tx, self.name, [Advance(partition, expected, record.offset + 1)])
            try:
                async with tx.savepoint():
                    await self._apply(tx, record.topic, [record])
                self._recent.append(False)
                metrics.records_handled.labels(self.name).inc()
            except Exception as error:
                if is_transient(error):
                    raise
                if not _is_poison(error):
                    raise _Bug from error
                self._recent.append(True)
                if sum(self._recent) > POISON_MAX:
                    raise _Bug from TooMuchPoison(f"more than {POISON_MAX} of {POISON_WINDOW} records: {_reason(error)}")
                await dead_letters.keep(tx, self.name, record, _reason(error))
                metrics.records_poison.labels(self.name).inc()
                log.error("dead_letter", consumer=self.name, topic=record.topic, partition=record.partition,
                          offset=record.offset, reason=_reason(error))  # fmt: skip


class TooMuchPoison(Exception):
    """So many records cannot all be bad: a deployment is, and must not drain the topic into the dead letters."""


def _is_poison(error: Exception) -> bool:
    return isinstance(error, Unreadable | Refused | NotFound) or is_data_error(error)


def _reason(error: BaseException) -> str:
    if isinstance(error, Unreadable | Refused | NotFound | NewerThanKnown | TooMuchPoison):
        return f"{type(error).__name__}: {error}"
    state = getattr(error, "sqlstate", None)
    constraint = getattr(error, "constraint_name", None)
    # No message of the database: it may quote a name or an address.
    return " ".join(str(part) for part in (type(error).__name__, state, constraint) if part)
