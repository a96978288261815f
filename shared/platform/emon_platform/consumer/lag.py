"""How far a consumer is behind, in records and in time, for each partition that is its own.

Costs one question to the broker every few seconds. The time is exact for a partition that stands still, and otherwise that of the
record handled last, which the next one is no older than.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from emon_platform import metrics
from emon_platform.consumer.offsets import Partition
from emon_platform.consumer.records import Record


class Lag:
    """Of one consumer."""

    def __init__(self, consumer: str) -> None:
        self._consumer = consumer
        self._next: dict[Partition, int] = {}
        self._oldest_s: dict[Partition, float] = {}
        self._shown: set[Partition] = set()

    def assigned(self, partitions: Iterable[Partition]) -> None:
        """These are ours from now on, and no others: whoever has those says how far they are."""
        ours = set(partitions)
        for partition in self._shown - ours:
            for gauge in (metrics.lag_records, metrics.lag_seconds):
                gauge.remove(self._consumer, partition.topic, str(partition.number))
        self._shown &= ours
        for known in (self._next, self._oldest_s):
            for partition in known.keys() - ours:
                del known[partition]

    def positioned(self, positions: Mapping[Partition, int]) -> None:
        """Where partitions stand."""
        self._next |= positions

    def arrived(self, records: Sequence[Record]) -> None:
        """The next records of some partitions, about to be handled."""
        for first in _last_of_each(records[::-1]):
            self._stands_at(first)

    def handled(self, records: Sequence[Record], positions: Mapping[Partition, int]) -> None:
        """These are done, as far as the positions go."""
        self._next |= positions
        for last in _last_of_each(records):
            lane = Partition(last.topic, last.partition)
            if last.offset < positions[lane]:
                self._stands_at(last)
            else:
                self._stands_at(next(item for item in records if item[:2] == lane and item.offset >= positions[lane]))

    def _stands_at(self, record: Record) -> None:
        if record.timestamp_ms is not None:
            self._oldest_s[Partition(record.topic, record.partition)] = record.timestamp_ms / 1000

    def show(self, ends: Mapping[Partition, int]) -> None:
        """Sets the metrics, by where partitions end."""
        now_s = time.time()
        for partition in ends.keys() & self._next.keys():
            records = max(ends[partition] - self._next[partition], 0)
            if records:
                # What nobody has read yet, of a partition that was at its end when we looked last, is not older than that.
                age_s = max(now_s - self._oldest_s.setdefault(partition, now_s), 0)
            else:
                self._oldest_s.pop(partition, None)
                age_s = 0
            labels = (self._consumer, partition.topic, str(partition.number))
            metrics.lag_records.labels(*labels).set(records)
            metrics.lag_seconds.labels(*labels).set(age_s)
            self._shown.add(partition)


_LANE = itemgetter(0, 1)  # topic and partition; some hundred thousand a second come by here


def _last_of_each(records: Sequence[Record]) -> Iterable[Record]:
    return dict(zip(map(_LANE, records), records, strict=True)).values()
