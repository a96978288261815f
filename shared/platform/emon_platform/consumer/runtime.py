"""A consumer that takes up exactly where its database stands.

On assignment the partitions are paused at once, positions are read from the database, and only then does reading go on. After
any failure the positions are read again: what was committed is behind us, what was not is before us.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from emon_platform import metrics
from emon_platform.consumer import offsets, restores
from emon_platform.consumer.faststream_edge import IllegalStateError, KafkaError, Stream
from emon_platform.consumer.lag import Lag
from emon_platform.consumer.offsets import Partition
from emon_platform.consumer.processing import Processor, Stopped
from emon_platform.consumer.records import Record
from emon_platform.consumer.subscriptions import Subscription
from emon_platform.database import Database
from emon_platform.failures import is_transient
from emon_platform.kafka_access import KafkaAccess

log = structlog.get_logger()

PAUSE_S_MIN = 0.1
PAUSE_S_MAX = 5.0
LAG_COMMIT_INTERVAL_S = 1.0
LAG_LOOK_INTERVAL_S = 5.0
LAG_LOOK_WITHIN_S = 2.0
LAST_REPORT_WITHIN_S = 1.0
RESTORE_REMARKED_FOR = timedelta(days=7)


class Consumer:
    """All subscriptions of one service, as one member of the consumer group that bears its name."""

    def __init__(
        self,
        name: str,
        kafka: KafkaAccess,
        database: Database,
        subscriptions: Sequence[Subscription],
        instance: str | None = None,
    ) -> None:
        self.name = name
        self._kafka = kafka
        self._database = database
        self._topics = [subscription.topic for subscription in subscriptions]
        self._processor = Processor(name, database, subscriptions)
        self._stream = Stream(
            kafka,
            name,
            [topic.name for topic in self._topics],
            instance=instance,
            on_batch=self._on_batch,
            on_assigned=self._on_assigned,
            on_revoked=self._on_revoked,
        )
        self._generation = 0
        self._assigned: set[Partition] = set()
        self._next: dict[Partition, int] = {}
        self._stopped: dict[Partition, Stopped] = {}
        self._positioning: asyncio.Task[None] | None = None
        self._reported: dict[Partition, int] = {}
        self._lag = Lag(name)
        self._looked_at_lag = 0.0
        self._interruption: str | None = None
        self._pause = PAUSE_S_MIN
        self._restored_at: datetime | None = None

    def remarks(self) -> list[str]:
        """What an operator should know though nothing is wrong."""
        if self._restored_at is None or datetime.now(UTC) - self._restored_at > RESTORE_REMARKED_FOR:
            return []
        return [f"the database of {self.name} is from before what it had done already; noticed {self._restored_at.isoformat()}"]

    def trouble(self) -> list[str]:
        """What keeps the consumer from being healthy, in words; empty when all is well."""
        found = [
            f"partition {item.partition.topic}/{item.partition.number} stopped at offset {item.offset}: {item.reason}"
            for item in self._stopped.values()
        ]
        if self._generation == 0:
            found.append("not yet a member of its consumer group")
        elif not self._stream.is_running():
            found.append("the reading loop ended")
        elif waiting := self._assigned - self._next.keys() - self._stopped.keys():
            found.append(f"{len(waiting)} partitions wait for their position")
        if self._interruption:
            found.append(f"interrupted: {self._interruption}")
        return found

    async def run(self) -> None:
        """Consumes until cancelled."""
        pause = PAUSE_S_MIN
        while True:
            try:
                await self._stream.start()
                break
            except (KafkaError, OSError) as error:
                log.warning("broker_unreachable", consumer=self.name, reason=type(error).__name__, retry_in_s=pause)
                await self._stream.stop()
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_S_MAX)
        try:
            while True:
                await asyncio.sleep(LAG_COMMIT_INTERVAL_S)
                await self._report_lag()
                await self._show_lag()
                await self._retry_dead_letters()
        finally:
            if self._positioning is not None:
                self._positioning.cancel()
            # What Kafka knows of us last is what a restored database is compared with.
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_REPORT_WITHIN_S):
                    await self._report_lag()
            await self._stream.stop()

    def _on_assigned(self, assigned: set[Partition]) -> None:
        self._generation += 1
        self._assigned = assigned
        self._next.clear()
        self._stopped.clear()
        metrics.partitions_stopped.labels(self.name).set(0)
        self._lag.assigned(assigned)
        self._stream.pause(assigned)
        self._position(assigned)

    def _on_revoked(self) -> None:
        self._generation += 1
        self._assigned = set()
        self._next.clear()
        self._lag.assigned(())

    def _position(self, partitions: set[Partition]) -> None:
        if self._positioning is not None:
            self._positioning.cancel()
        self._positioning = asyncio.create_task(self._find_position(self._generation, partitions))

    async def _find_position(self, generation: int, partitions: set[Partition]) -> None:
        pause = PAUSE_S_MIN
        while generation == self._generation:
            try:
                positions = await self._stored_positions(partitions)
            except Exception as error:
                # Whatever it is: the partitions stay paused and health red until it is over.
                expected = is_transient(error) or isinstance(error, KafkaError | IllegalStateError)
                self._interruption = type(error).__name__
                log.warning(
                    "position_unknown", consumer=self.name, reason=self._interruption, exc_info=None if expected else error
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_S_MAX)
                continue
            if generation != self._generation:
                return
            # No await from here on, so that no record is read in between.
            try:
                self._stream.resume_at(positions)
            except IllegalStateError:
                return  # revoked; the next assignment positions anew
            self._next |= positions
            self._lag.positioned(positions)
            self._interruption = None
            return

    async def _stored_positions(self, partitions: set[Partition]) -> dict[Partition, int]:
        # Before anything is handled, so that handlers find a restore on record.
        comparison = await restores.compare(self._database, self._kafka, self.name, self._topics)
        self._restored_at = comparison.restored_at
        bounds = await self._stream.bounds(partitions)
        async with self._database.unscoped() as tx:
            known = await offsets.stored(tx, self.name)
            new = {partition: bounds[partition][0] for partition in partitions - known.keys()}
            await offsets.begin(tx, self.name, new)
            known = await offsets.stored(tx, self.name)
        positions: dict[Partition, int] = {}
        for partition in partitions:
            beginning, end = bounds[partition]
            if beginning <= known[partition] <= end:
                positions[partition] = known[partition]
            else:
                # Kafka's own reset would jump in silence: events lost, or all of them read as if new.
                reason = f"the stored offset {known[partition]} lies outside the log ({beginning} to {end})"
                self._stop(Stopped(partition, known[partition], reason))
        if behind := comparison.behind & positions.keys():
            # At once, and not only with the next report: or a crash before it would look like another restore.
            await self._stream.commit({partition: positions[partition] for partition in behind})
        return positions

    def _stop(self, stopped: Stopped) -> None:
        if stopped.partition not in self._stopped:
            log.error("partition_held", consumer=self.name, topic=stopped.partition.topic,
                      partition=stopped.partition.number, offset=stopped.offset, reason=stopped.reason)  # fmt: skip
        self._stopped[stopped.partition] = stopped
        self._next.pop(stopped.partition, None)
        metrics.partitions_stopped.labels(self.name).set(len(self._stopped))

    async def _on_batch(self, records: list[Record]) -> None:
        generation = self._generation
        ours = [record for record in records if self._is_next(record)]
        if not ours:
            return
        positions = dict(self._next)
        touched = {Partition(record.topic, record.partition) for record in ours}
        self._lag.arrived(ours)
        try:
            outcome = await self._processor.process(ours, positions)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            # A stray cancellation from a library must not end the reading loop in silence.
            self._again(generation, touched, "CancelledError")
            return
        except offsets.Overtaken:
            self._again(generation, touched, "Overtaken")
            return
        except Exception as error:
            if is_transient(error):
                self._again(generation, touched, type(error).__name__)
                await asyncio.sleep(self._pause)
                self._pause = min(self._pause * 2, PAUSE_S_MAX)
            else:
                # Out of the transaction's reach, such as a failed COMMIT: hold what it touched, go on with the rest.
                log.error("batch_stopped", consumer=self.name, reason=type(error).__name__, exc_info=error)
                for partition in touched if generation == self._generation else ():
                    self._stream.pause([partition])
                    self._stop(Stopped(partition, positions[partition], type(error).__name__))
            return
        if generation != self._generation:
            return
        self._interruption = None
        self._pause = PAUSE_S_MIN
        self._next |= outcome.positions
        self._lag.handled(ours, outcome.positions)
        for stopped in outcome.stopped:
            self._stream.pause([stopped.partition])
            self._stop(stopped)

    def _is_next(self, record: Record) -> bool:
        """Records of a partition without position, or behind it, were fetched before a seek: they come again."""
        position = self._next.get(Partition(record.topic, record.partition))
        return position is not None and record.offset >= position

    def _again(self, generation: int, partitions: set[Partition], reason: str) -> None:
        log.info("batch_again", consumer=self.name, reason=reason)
        self._interruption = reason
        if generation != self._generation:
            return
        for partition in partitions:
            self._next.pop(partition, None)
        self._stream.pause(partitions)
        # All that wait, not only these: positioning that was under way for others is replaced.
        self._position(self._assigned - self._next.keys() - self._stopped.keys())

    async def _retry_dead_letters(self) -> None:
        try:
            while await self._processor.retry_dead_letter():
                continue
        except Exception as error:
            if not is_transient(error):
                raise
            log.info("retry_put_off", consumer=self.name, reason=type(error).__name__)

    async def _report_lag(self) -> None:
        changed = {partition: offset for partition, offset in self._next.items() if self._reported.get(partition) != offset}
        if not changed:
            return
        try:
            await self._stream.commit(changed)
        except (KafkaError, IllegalStateError) as error:
            log.debug("lag_not_reported", reason=type(error).__name__)
            return
        self._reported |= changed

    async def _show_lag(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._looked_at_lag < LAG_LOOK_INTERVAL_S or not self._assigned:
            return
        self._looked_at_lag = now
        try:
            async with asyncio.timeout(LAG_LOOK_WITHIN_S):
                self._lag.show(await self._stream.ends(self._assigned))
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            log.debug("lag_unknown", consumer=self.name, reason=type(error).__name__)
