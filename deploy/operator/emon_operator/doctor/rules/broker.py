"""Whether the broker keeps events as the platform wants them kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emon_operator.doctor.findings import Finding, ok, or_ok, problem, warning

SUBJECT = "broker"
SURVIVES_ONE_BROKER = 3
# For so long Kafka remembers where a consumer stood that does not run; without it a restored database goes unnoticed.
OFFSETS_RETENTION_MINUTES_MIN = 7 * 24 * 60

# What goes wrong where a setting differs. Every other setting is a matter of order and worth a warning.
_HARM = {
    "cleanup.policy": "records would be lost, or kept that were erased",
    "max.compaction.lag.ms": "what was erased would stay longer than people are told",
    "segment.ms": "what was erased would stay longer than people are told",
    "min.insync.replicas": "an event could be lost with one disk, or none be taken while one broker is away",
    "unclean.leader.election.enable": "acknowledged events could be lost",
}


@dataclass(frozen=True, slots=True)
class TopicWanted:
    """A topic as the platform makes it."""

    partitions: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicFound:
    """A topic as the brokers have it; the least of what its partitions have."""

    partitions: int
    replicas: int
    in_sync: int
    without_leader: Sequence[int]
    settings: Mapping[str, str]


def judge_brokers(where: str, brokers: int, settings: Mapping[str, str]) -> list[Finding]:
    """The brokers themselves."""
    found: list[Finding] = []
    if settings.get("auto.create.topics.enable") == "true":
        what = "it creates topics by itself: one that is asked for too early gets the wrong number of partitions, for good"
        found.append(warning(SUBJECT, where, what, "Set auto.create.topics.enable=false on every broker."))
    minutes = settings.get("offsets.retention.minutes", "")
    if minutes.isdigit() and int(minutes) < OFFSETS_RETENTION_MINUTES_MIN:
        what = f"it forgets after {minutes} minutes where a consumer stood, and with it that a database was restored"
        mend = f"Set offsets.retention.minutes={OFFSETS_RETENTION_MINUTES_MIN} or more on every broker."
        found.append(warning(SUBJECT, where, what, mend))
    return or_ok(found, SUBJECT, where, f"answers, with {brokers} broker{'s' if brokers > 1 else ''}")


def judge_topic(name: str, wanted: TopicWanted, found: TopicFound | None, brokers: int) -> list[Finding]:
    """One topic, missing if `found` is None."""
    where = f"topic {name}"
    if found is None:
        settings = " ".join(f"--config {key}={value}" for key, value in wanted.settings.items())
        mend = f"kafka-topics.sh --bootstrap-server … --create --topic {name} --partitions {wanted.partitions} {settings}"
        return [problem(SUBJECT, where, "it does not exist", mend)]
    findings: list[Finding] = []
    if found.partitions != wanted.partitions:
        what = (
            f"it has {found.partitions} partitions instead of {wanted.partitions}: consumers and the order of events rely on it"
        )
        mend = "It cannot be mended in place: stop the workers, delete the topic, create it anew, and publish its state again."
        findings.append(problem(SUBJECT, where, what, mend))
    findings += [_judge_setting(where, name, key, value, found.settings.get(key)) for key, value in wanted.settings.items()]
    findings += _judge_replicas(where, found, brokers)
    return or_ok([item for item in findings if item.level], SUBJECT, where, "is as the platform wants it")


def _judge_setting(where: str, topic: str, key: str, wanted: str, found: str | None) -> Finding:
    if found == wanted:
        return ok(SUBJECT, where, f"{key}={wanted}")
    mend = f"kafka-configs.sh --bootstrap-server … --alter --topic {topic} --add-config {key}={wanted}"
    if key in _HARM:
        return problem(SUBJECT, where, f"{key} is {found} instead of {wanted}: {_HARM[key]}", mend)
    return warning(SUBJECT, where, f"{key} is {found} instead of {wanted}", mend)


def _judge_replicas(where: str, found: TopicFound, brokers: int) -> list[Finding]:
    if found.without_leader:
        numbers = ", ".join(map(str, found.without_leader))
        return [problem(SUBJECT, where, f"no broker leads partition {numbers}", "Bring back the brokers that have it.")]
    needed = found.settings.get("min.insync.replicas", "1")
    if needed.isdigit() and found.in_sync < int(needed):
        what = f"only {found.in_sync} replicas are in sync, and {needed} must be: it takes no event"
        return [problem(SUBJECT, where, what, "Bring back the brokers that are away, and see why they fell behind.")]
    if found.in_sync < found.replicas:
        what = f"{found.in_sync} of {found.replicas} replicas are in sync"
        return [warning(SUBJECT, where, what, "Bring back the brokers that are away, and see why they fell behind.")]
    if found.replicas < min(brokers, SURVIVES_ONE_BROKER):
        what = (
            f"it has {found.replicas} replica{'s' if found.replicas > 1 else ''} on {brokers} brokers: a lost disk loses events"
        )
        return [warning(SUBJECT, where, what, "Give it three replicas (kafka-reassign-partitions.sh).")]
    return []
