"""What the log holds that a restore has to know: the versions of the directory, who was erased since, and what is forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from emon_contacts.erasures.rules import Erasure
from emon_contacts.republishing.commands import Known
from emon_contracts.topics import DIRECTORY_MUNICIPALITIES, DIRECTORY_ORGANISATIONS, DIRECTORY_PEOPLE, TOPICS
from emon_operator.backup.manifest import Manifest, is_same_log
from emon_operator.backup.places import PARTITIONS
from emon_platform.consumer.offsets import Partition
from emon_platform.consumer.records import Record
from emon_platform.kafka_edge import Log

DIRECTORY = (DIRECTORY_MUNICIPALITIES.name, DIRECTORY_ORGANISATIONS.name, DIRECTORY_PEOPLE.name)
COMPACTED = frozenset(topic.name for topic in TOPICS if topic.compacted)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """An event that happened after the backup, which no database will know of."""

    type: str
    subject: str
    time: str
    value: str


@dataclass(frozen=True, slots=True)
class LogFound:
    """`ends`: where it ends. `erased`: people who were erased after the backup, where this is the log beside it."""

    same: bool
    ends: Mapping[Partition, int]
    known: Known
    erased: list[Erasure] = field(default_factory=list[Erasure])
    forgotten: list[Forgotten] = field(default_factory=list[Forgotten])


async def read_log(log: Log, manifest: Manifest) -> LogFound:
    """Looks through it. Raises KafkaError."""
    beginnings, ends = await log.beginnings(PARTITIONS), await log.ends(PARTITIONS)
    same = is_same_log(manifest, log.cluster, ends)
    versions: dict[str, dict[str, int]] = {topic: {} for topic in DIRECTORY}
    erased: list[Erasure] = []
    forgotten: list[Forgotten] = []
    cut = manifest.ends
    spans = {
        partition: (max(beginnings[partition], 0 if partition.topic in COMPACTED else cut.get(partition, 0)), end)
        for partition, end in ends.items()
        if partition.topic in COMPACTED or same
    }
    async for record in log.read(spans):
        headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
        if record.topic not in COMPACTED:
            forgotten.append(
                Forgotten(
                    headers.get("ce_type", "?"),
                    headers.get("ce_subject", "?"),
                    headers.get("ce_time", "?"),
                    (record.value or b"").decode(errors="replace"),
                )
            )
        elif (sequence := headers.get("ce_sequence", "")).isdigit() and record.key is not None:
            key = record.key.decode(errors="replace")
            of_topic = versions[record.topic]
            of_topic[key] = max(of_topic.get(key, 0), int(sequence))
            if same and _ends_a_person(record, manifest):
                erased.append(Erasure(UUID(key), int(sequence), datetime.fromisoformat(headers["ce_time"])))
    return LogFound(same, ends, Known(*(versions[topic] for topic in DIRECTORY)), erased, forgotten)


def _ends_a_person(record: Record, manifest: Manifest) -> bool:
    return (
        record.topic == DIRECTORY_PEOPLE.name
        and record.value is None
        and record.offset >= manifest.ends[Partition(record.topic, record.partition)]
    )
