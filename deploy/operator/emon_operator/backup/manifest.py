"""What a backup says of itself. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from emon_platform.consumer.offsets import Partition

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
IN_FLIGHT = "in-flight.jsonl.gz"
ERASURES = "erasures.jsonl"

Offsets = Mapping[str, Mapping[int, int]]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TableSaid(_Said):
    """A table in a dump: its columns, in the order in which they stand there, and how many rows."""

    columns: tuple[str, ...]
    rows: int


class DatabaseSaid(_Said):
    """A database: which migrations had made it, its tables in the order in which they are loaded, where its consumer stood."""

    migrations: Mapping[str, str]
    tables: Mapping[str, TableSaid]
    positions: Offsets


class FileSaid(_Said):
    """A file of the backup."""

    bytes: int
    sha256: str


class Manifest(_Said):
    """`taken_at` is the moment of the cut. `log_ends` are where the log ended then; None where Kafka was not asked."""

    format: Literal[1] = 1
    version: str
    taken_at: datetime
    finished_at: datetime
    writers_waited_ms: float
    kafka_cluster: str | None
    log_ends: Offsets | None
    in_flight: int
    databases: Mapping[str, DatabaseSaid]
    files: Mapping[str, FileSaid]

    @property
    def ends(self) -> dict[Partition, int]:
        """Where the log ended; empty where nobody knows."""
        return partitions_of(self.log_ends or {})


def dump_of(service: str) -> str:
    """The file with a service's database."""
    return f"{service}.zip"


def by_topic(offsets: Mapping[Partition, int]) -> dict[str, dict[int, int]]:
    """Offsets as JSON has them."""
    found: dict[str, dict[int, int]] = {}
    for partition, offset in sorted(offsets.items()):
        found.setdefault(partition.topic, {})[partition.number] = offset
    return found


def partitions_of(offsets: Offsets) -> dict[Partition, int]:
    """The same by partition."""
    return {Partition(topic, number): offset for topic, found in offsets.items() for number, offset in found.items()}


def unknown_migrations(said: Mapping[str, str], known: Mapping[str, str]) -> list[str]:
    """Why this version cannot read a database that was made by these migrations (sha256 by name); empty where it can."""
    return [
        f"{name} is not known to this version: it is older than the backup" if name not in known else f"{name} has other contents"
        for name, sha256 in said.items()
        if known.get(name) != sha256
    ]


def is_same_log(manifest: Manifest, cluster: str | None, ends: Mapping[Partition, int]) -> bool:
    """Whether the log that ends there is the one that the backup was taken beside, as far as anybody can tell."""
    return (
        manifest.log_ends is not None
        and cluster == manifest.kafka_cluster
        and all(ends.get(partition, 0) >= end for partition, end in manifest.ends.items())
    )


def first_in_flight(
    positions: Mapping[str, Mapping[Partition, int]], beginnings: Mapping[Partition, int]
) -> dict[Partition, int]:
    """For each partition that somebody listens to, the first record that some consumer still had before it.

    Where one stands outside the log, from its beginning: more than that nobody can read.
    """
    stood: dict[Partition, list[int]] = {}
    for of_consumer in positions.values():
        for partition, offset in of_consumer.items():
            stood.setdefault(partition, []).append(offset)
    return {partition: max(min(offsets), beginnings.get(partition, 0)) for partition, offsets in stood.items()}
