"""What breaks in a soak, and when: by a generator of its own, so that what people do stays as it is."""

import random
from dataclasses import dataclass
from enum import StrEnum

FAULT_PAUSES_S = (2.5, 6.0)
FIRST_FAULT_AT_S = 1.5
NO_FAULT_IN_THE_LAST_S = 2.0
EVERYTHING_KILLED_FROM_S = 90.0
"""Only where a soak is long enough for a whole restart to leave time for other faults."""


class Mischief(StrEnum):
    """What breaks."""

    KILL_CONTACTS = "kill contacts"
    KILL_MEETINGS = "kill meetings"
    KILL_FEEDBACK = "kill feedback"
    KILL_NOTIFICATIONS = "kill notifications"
    KILL_GATEWAY = "kill gateway"
    KILL_MAILER_AT_RCPT = "kill notifications at RCPT"
    KILL_MAILER_AT_DATA = "kill notifications at DATA"
    KILL_MAILER_WITHIN_CONTENT = "kill notifications within the content"
    KILL_MAILER_AFTER_DOT = "kill notifications after the final dot"
    KILL_KAFKA = "kill Kafka"
    PAUSE_KAFKA = "pause Kafka"
    KILL_POSTGRESQL = "kill PostgreSQL"
    CRASH_POSTGRESQL = "kill a backend of PostgreSQL"
    PAUSE_POSTGRESQL = "pause PostgreSQL"
    PAUSE_MEETINGS = "pause meetings"
    PAUSE_FEEDBACK = "pause feedback"
    PAUSE_NOTIFICATIONS = "pause notifications"
    MAIL_PUTS_OFF = "mail server answers 4xx"
    MAIL_REFUSES = "mail server answers 5xx"
    MAIL_DROPS = "mail server drops the connection"
    MAIL_KEEPS_SILENT = "mail server takes a mail and says nothing"
    MAIL_FORGETS_SILENT = "mail server takes no mail and says nothing"
    MAIL_IS_DOWN = "mail server is down"
    KILL_EVERYTHING = "kill everything"


WEIGHTS = {
    Mischief.KILL_CONTACTS: 1.0,
    Mischief.KILL_MEETINGS: 2.0,
    Mischief.KILL_FEEDBACK: 2.0,
    Mischief.KILL_NOTIFICATIONS: 3.0,
    Mischief.KILL_GATEWAY: 1.0,
    Mischief.KILL_MAILER_AT_RCPT: 1.0,
    Mischief.KILL_MAILER_AT_DATA: 1.5,
    Mischief.KILL_MAILER_WITHIN_CONTENT: 1.5,
    Mischief.KILL_MAILER_AFTER_DOT: 2.0,
    Mischief.KILL_KAFKA: 1.5,
    Mischief.PAUSE_KAFKA: 1.0,
    Mischief.KILL_POSTGRESQL: 1.5,
    Mischief.CRASH_POSTGRESQL: 1.5,
    Mischief.PAUSE_POSTGRESQL: 1.0,
    Mischief.PAUSE_MEETINGS: 1.0,
    Mischief.PAUSE_FEEDBACK: 1.0,
    Mischief.PAUSE_NOTIFICATIONS: 1.5,
    Mischief.MAIL_PUTS_OFF: 2.0,
    Mischief.MAIL_REFUSES: 1.0,
    Mischief.MAIL_DROPS: 2.0,
    Mischief.MAIL_KEEPS_SILENT: 2.0,
    Mischief.MAIL_FORGETS_SILENT: 1.0,
    Mischief.MAIL_IS_DOWN: 1.0,
}
STEPS = ("MAIL", "RCPT", "DATA", "CONTENT")


@dataclass(frozen=True, slots=True)
class Fault:
    """`lasts_s` for what is over by itself, `mails` and `step` for what the mail server does."""

    at_s: float
    mischief: Mischief
    lasts_s: float
    mails: int
    step: str


def faults_of(faults: random.Random, seconds: float) -> list[Fault]:
    """As many as the time has room for, in order."""
    found: list[Fault] = []
    at_s = FIRST_FAULT_AT_S
    while at_s < seconds - NO_FAULT_IN_THE_LAST_S:
        [mischief] = faults.choices(list(WEIGHTS), list(WEIGHTS.values()))
        lasts_s, mails, step = faults.uniform(0.5, 4.0), faults.randint(1, 4), faults.choice(STEPS)
        found.append(Fault(round(at_s, 3), mischief, round(lasts_s, 3), mails, step))
        at_s += faults.uniform(*FAULT_PAUSES_S)
    if seconds >= EVERYTHING_KILLED_FROM_S:
        place = faults.randrange(len(found) // 4, len(found) // 2)
        found[place] = Fault(found[place].at_s, Mischief.KILL_EVERYTHING, 0, 0, "")
    return found
