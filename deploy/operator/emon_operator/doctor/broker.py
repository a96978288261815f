"""Asks the broker for its topics, and compares them with those that the platform would make."""

from collections.abc import Sequence
from functools import partial

from emon_contracts.topics import TOPICS, Topic
from emon_operator.doctor.examination import Check
from emon_operator.doctor.findings import Finding, problem
from emon_operator.doctor.installation import Installation
from emon_operator.doctor.rules import broker as rules
from emon_platform.broker import settings_of
from emon_platform.kafka_access import KafkaAccess
from emon_platform.kafka_edge import KafkaError, TopicState, describe_cluster

REACHED_MEND = "See whether Kafka runs, and whether EMON_KAFKA_BOOTSTRAP and what brokers advertise can be reached from here."


def checks(installation: Installation) -> list[Check]:
    """One for each address that services are told, as the first of them comes there."""
    brokers: dict[str, KafkaAccess] = {}
    for access in installation.kafka().values():
        brokers.setdefault(access.bootstrap, access)
    return [Check(rules.SUBJECT, bootstrap, partial(examine_broker, access)) for bootstrap, access in brokers.items()]


async def examine_broker(kafka: KafkaAccess, topics: Sequence[Topic] = TOPICS) -> Sequence[Finding]:
    """The brokers and each of these topics."""
    try:
        cluster = await describe_cluster(kafka, [topic.name for topic in topics])
    except (KafkaError, OSError, ValueError) as error:
        return [problem(rules.SUBJECT, kafka.bootstrap, f"no broker answers ({type(error).__name__})", REACHED_MEND)]
    findings = rules.judge_brokers(kafka.bootstrap, cluster.brokers, cluster.settings)
    for topic in topics:
        state = cluster.topics.get(topic.name)
        found = None if state is None else _found(state)
        wanted = rules.TopicWanted(topic.partitions, settings_of(topic, found.replicas if found else 1))
        findings += rules.judge_topic(topic.name, wanted, found, cluster.brokers)
    return findings


def _found(state: TopicState) -> rules.TopicFound:
    return rules.TopicFound(
        partitions=len(state.partitions),
        replicas=min(partition.replicas for partition in state.partitions),
        in_sync=min(partition.in_sync for partition in state.partitions),
        without_leader=[partition.number for partition in state.partitions if not partition.has_leader],
        settings=state.settings,
    )
