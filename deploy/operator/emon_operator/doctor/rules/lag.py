"""Whether what happened goes on to where it is heard of: outbox, consumers, mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from emon_operator.doctor.findings import Finding, or_ok, problem, warning

SUBJECT = "lag"
NOTICED_AFTER = timedelta(minutes=1)
HARMFUL_AFTER = timedelta(minutes=15)
OVERDUE_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Position:
    """A partition: where a consumer goes on in a log from `beginning` to `end`, and its first offsets from so long ago on."""

    topic: str
    partition: int
    stored: int
    beginning: int
    end: int
    since_noticed: int
    since_harmful: int


@dataclass(frozen=True, slots=True)
class Mails:
    """How many deliveries stand where, and since when the longest overdue one is due."""

    uncertain: int
    held: int
    bounced_today: int
    overdue: int
    longest_overdue: timedelta


def judge_outbox(service: str, waiting: int, oldest: timedelta | None) -> list[Finding]:
    """Events that are committed and not yet in Kafka."""
    where = f"outbox of {service}"
    if oldest is None or oldest <= NOTICED_AFTER:
        return or_ok([], SUBJECT, where, f"{waiting} events wait" if waiting else "is empty")
    what = f"{waiting} events wait, the oldest for {_words(oldest)}"
    mend = f"See whether a worker of {service} runs and reaches the broker; its log says what it waits for."
    return [(warning if oldest <= HARMFUL_AFTER else problem)(SUBJECT, where, what, mend)]


def judge_positions(service: str, positions: Sequence[Position]) -> list[Finding]:
    """Where a consumer stands in each partition."""
    found: list[Finding] = []
    behind = [item for item in positions if item.stored < item.since_noticed]
    for item in positions:
        where = f"{service} in {item.topic}/{item.partition}"
        if not item.beginning <= item.stored <= item.end:
            what = f"its offset {item.stored} lies outside the log ({item.beginning} to {item.end}): the partition stands still"
            mend = "The broker lost or expired records. Do not move the offset: restore both from one backup, or ask for help."
            found.append(problem(SUBJECT, where, what, mend))
        elif item.stored < item.since_harmful:
            what = f"{item.end - item.stored} records behind, for more than {_words(HARMFUL_AFTER)}"
            mend = f"See the health and the log of the worker of {service}: it stands still, or does not keep up."
            found.append(problem(SUBJECT, where, what, mend))
        elif item in behind:
            what = f"{item.end - item.stored} records behind, for more than {_words(NOTICED_AFTER)}"
            found.append(warning(SUBJECT, where, what, f"Look again; if it stays, see the log of the worker of {service}."))
    return or_ok(found, SUBJECT, f"consumer {service}", f"keeps up in {len(positions)} partitions")


def judge_dead_letters(service: str, count: int) -> list[Finding]:
    """Records that could not be handled."""
    mend = f"emon dead-letters list {service}: then retry what can be handled now, and drop the rest within 35 days."
    found = [warning(SUBJECT, f"dead letters of {service}", f"{count} records could not be handled", mend)] if count else []
    return or_ok(found, SUBJECT, f"dead letters of {service}", "there are none")


def judge_mails(mails: Mails) -> list[Finding]:
    """What notifications still owes, and what waits for somebody."""
    where = "mails"
    found: list[Finding] = []
    if mails.overdue:
        what = f"{mails.overdue} mails are due and not sent, the longest for {_words(mails.longest_overdue)}"
        mend = "See whether the worker of notifications runs and what the mail server answers it."
        found.append((problem if mails.longest_overdue > HARMFUL_AFTER else warning)(SUBJECT, where, what, mend))
    if mails.uncertain:
        what = f"{mails.uncertain} mails may have arrived or not: the mail server did not say"
        found.append(warning(SUBJECT, where, what, "Decide on the dashboard, under deliveries: sent, or send again."))
    if mails.held:
        what = f"{mails.held} mails are held, as after a restore"
        found.append(warning(SUBJECT, where, what, "Release or cancel them on the dashboard, under deliveries."))
    return or_ok(found, SUBJECT, where, f"nothing is overdue; {mails.bounced_today} bounced within a day")


def judge_health(service: str, troubles: Sequence[str], remarks: Sequence[str]) -> list[Finding]:
    """What a service says of itself."""
    where = f"health of {service}"
    mend = f"See the log of {service}; a partition that stopped goes on after a fix and a restart."
    found = [problem(SUBJECT, where, trouble, mend) for trouble in troubles]
    found += [warning(SUBJECT, where, remark, "Release what is held on the dashboard, under deliveries.") for remark in remarks]
    return or_ok(found, SUBJECT, where, "ready")


def _words(duration: timedelta) -> str:
    minutes = int(duration.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min" if minutes else f"{duration.total_seconds():.0f} s"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
