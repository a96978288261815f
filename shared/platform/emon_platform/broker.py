"""The broker's topics, as the contracts describe them."""

from datetime import timedelta

from emon_contracts.topics import COMPACTION_LAG_MAX, EVENT_RETENTION, TOPICS, Topic
from emon_platform.kafka_access import KafkaAccess
from emon_platform.kafka_edge import create_topics


def _ms(duration: timedelta) -> str:
    return str(int(duration.total_seconds() * 1000))


def settings_of(topic: Topic, replication_factor: int) -> dict[str, str]:
    """The topic's settings in Kafka's own words; `emon doctor` compares those that a broker has with them."""
    common = {
        "max.message.bytes": str(1024 * 1024),
        "min.insync.replicas": str(min_insync_replicas(replication_factor)),
        "unclean.leader.election.enable": "false",
    }
    if topic.compacted:
        # A segment is only compacted once it is closed: it must roll within the lag, or an erased name would stay.
        return common | {
            "cleanup.policy": "compact",
            "max.compaction.lag.ms": _ms(COMPACTION_LAG_MAX),
            "segment.ms": _ms(COMPACTION_LAG_MAX),
            "delete.retention.ms": _ms(EVENT_RETENTION),
        }
    return common | {"cleanup.policy": "delete", "retention.ms": _ms(EVENT_RETENTION)}


def min_insync_replicas(replication_factor: int) -> int:
    """How many must have an event before it counts as sent: two, where one more can then fail and everything goes on."""
    return 2 if replication_factor >= 3 else 1


async def ensure_topics(kafka: KafkaAccess, *, replication_factor: int = 1) -> None:
    """Creates the platform's topics where they are missing; those that exist stay as they are."""
    await create_topics(
        kafka,
        [(topic.name, topic.partitions, settings_of(topic, replication_factor)) for topic in TOPICS],
        replication_factor,
    )
