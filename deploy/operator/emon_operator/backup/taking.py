"""Taking a backup, while the platform runs and is used."""

import gzip
import hashlib
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from emon_operator.backup import dump
from emon_operator.backup.cut import Cut, cut
from emon_operator.backup.erasure_log import all_erasures, append_to_log
from emon_operator.backup.in_flight import line_of
from emon_operator.backup.manifest import (
    ERASURES,
    IN_FLIGHT,
    MANIFEST,
    SUMS,
    DatabaseSaid,
    FileSaid,
    Manifest,
    by_topic,
    dump_of,
    first_in_flight,
)
from emon_operator.backup.places import Places, topics_of
from emon_operator.backup.whole_folder import sha256_of, whole_folder
from emon_platform.consumer import offsets
from emon_platform.consumer.offsets import Partition
from emon_platform.database import Transaction
from emon_platform.kafka_edge import Log, open_log

Progress = Callable[[str, str, int], None]


def _silent(_what: str, _part: str, _bytes: int) -> None:
    return


async def take_backup(folder: Path, places: Places, *, with_kafka: bool = True, progress: Progress = _silent) -> Manifest:
    """Writes a backup; `progress` is told of each piece: of what, of which part, how many bytes.

    Raises FolderExists, NoCut, NotReadable, KafkaError, and what files and databases raise; then there is no folder.
    """
    with whole_folder(folder) as aside:
        async with AsyncExitStack() as stack:
            log = await stack.enter_async_context(open_log(places.kafka)) if with_kafka else None
            taken = await stack.enter_async_context(cut(places, log))
            for reader in taken.readers.values():
                await dump.demand_all_readable(reader)
            positions = {service: await _positions(service, reader) for service, reader in taken.readers.items()}
            # First what Kafka may forget while the rest is read.
            in_flight = await _write_in_flight(aside / IN_FLIGHT, log, taken, positions, progress)
            append_to_log(aside / ERASURES, await all_erasures(taken.readers["contacts"]))
            databases = {
                service: await _write_database(aside, service, reader, positions[service], progress)
                for service, reader in taken.readers.items()
            }
        manifest = Manifest(
            version=version("emon-operator"),
            taken_at=taken.taken_at,
            finished_at=datetime.now(UTC),
            writers_waited_ms=round(taken.writers_waited_ms, 1),
            kafka_cluster=None if log is None else log.cluster,
            log_ends=None if taken.ends is None else by_topic(taken.ends),
            in_flight=in_flight,
            databases=databases,
            files={file.name: FileSaid(bytes=file.stat().st_size, sha256=sha256_of(file)) for file in sorted(aside.iterdir())},
        )
        content = manifest.model_dump_json(indent=2) + "\n"
        (aside / MANIFEST).write_text(content, encoding="utf-8")
        sums = {MANIFEST: hashlib.sha256(content.encode()).hexdigest()} | {
            name: file.sha256 for name, file in manifest.files.items()
        }
        (aside / SUMS).write_text("".join(f"{sum_}  {name}\n" for name, sum_ in sums.items()), encoding="utf-8")
    return manifest


async def _positions(service: str, reader: Any) -> dict[Partition, int]:
    if not topics_of(service):
        return {}
    return await offsets.stored(Transaction(reader, None, None), service)


async def _write_database(
    aside: Path, service: str, reader: Any, positions: Mapping[Partition, int], progress: Progress
) -> DatabaseSaid:
    rows = await reader.fetch("SELECT name, sha256 FROM schema_migrations ORDER BY name")
    tables = await dump.write_dump(reader, aside / dump_of(service), lambda table, size: progress(service, table, size))
    return DatabaseSaid(migrations={row["name"]: row["sha256"] for row in rows}, tables=tables, positions=by_topic(positions))


async def _write_in_flight(
    file: Path, log: Log | None, taken: Cut, positions: Mapping[str, Mapping[Partition, int]], progress: Progress
) -> int:
    count = 0
    with gzip.open(file, "wt", encoding="utf-8", compresslevel=dump.COMPRESSION) as output:
        if log is not None and taken.ends is not None:
            listened_to = list(taken.ends)
            # A consumer that has never run stands nowhere: it begins where the log does.
            starts = first_in_flight(_with_newcomers(positions, listened_to), await log.beginnings(listened_to))
            spans = {partition: (start, taken.ends[partition]) for partition, start in starts.items()}
            async for record in log.read(spans):
                line = line_of(record)
                output.write(f"{line}\n")
                progress("in flight", record.topic, len(line))
                count += 1
    return count


def _with_newcomers(
    positions: Mapping[str, Mapping[Partition, int]], partitions: list[Partition]
) -> dict[str, dict[Partition, int]]:
    listened = {service: {topic.name for topic in topics_of(service)} for service in positions}
    return {
        service: {partition: stored.get(partition, 0) for partition in partitions if partition.topic in listened[service]}
        for service, stored in positions.items()
    }
