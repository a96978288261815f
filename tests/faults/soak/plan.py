"""The plan of a soak: who does what, and what breaks, when. Made from the seed alone, before anything runs; pure.

People, circles and meetings bear numbers, and every number of a plan is used the same way each time, so that a failure can be
played again from its seed. How far the platform has come when a fault strikes is not the plan's to say.
"""

import random
from dataclasses import dataclass, field
from enum import StrEnum

CIRCLES = 4
LANES = 3
PEOPLE_AT_FIRST = 24
SHARES_A_MAILBOX = 0.12
HAS_NO_ADDRESS = 0.08

MEAN_PAUSE_S = 1.6
"""Between two operations of one lane."""
AT_ONCE = 0.35
"""So many operations follow the one before them without a pause: what is under way is overtaken."""

FAULT_PAUSES_S = (2.5, 6.0)
FIRST_FAULT_AT_S = 1.5
NO_FAULT_IN_THE_LAST_S = 2.0
EVERYTHING_KILLED_FROM_S = 90.0
"""Only where a soak is long enough for a whole restart to leave time for other faults."""


class Deed(StrEnum):
    """What somebody does through the API."""

    ENTER = "enter"  # somebody new joins a circle
    JOIN = "join"  # somebody who is known joins another circle
    SCHEDULE = "schedule"
    RESCHEDULE = "reschedule"
    RETITLE = "retitle"
    CANCEL = "cancel"
    SIGN_IN = "sign_in"


class Mischief(StrEnum):
    """What breaks."""

    KILL_CONTACTS = "kill contacts"
    KILL_MEETINGS = "kill meetings"
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
class Guest:
    """Somebody in the story; `mailbox` is the number of the person whose address they have, None: they have none."""

    person: int
    circle: int
    mailbox: int | None


@dataclass(frozen=True, slots=True)
class Operation:
    """Not before `at_s`, and after every earlier one of its lane. `value` makes times and titles differ."""

    at_s: float
    lane: int
    deed: Deed
    circle: int = 0
    meeting: int = 0
    guest: Guest | None = None
    value: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """`lasts_s` for what is over by itself, `mails` and `step` for what the mail server does."""

    at_s: float
    mischief: Mischief
    lasts_s: float
    mails: int
    step: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a soak does."""

    seed: int
    seconds: float
    guests: tuple[Guest, ...]
    operations: tuple[Operation, ...]
    faults: tuple[Fault, ...]


def plan_of(seed: int, seconds: float) -> Plan:
    """The same for the same seed and time."""
    # A generator for each part, so that a new kind of fault does not change what people do.
    people, deeds, faults = (random.Random(f"{seed}/{part}") for part in ("people", "deeds", "faults"))
    story = _Story(people)
    guests = tuple(story.newcomer(number % CIRCLES) for number in range(PEOPLE_AT_FIRST))
    operations = [operation for lane in range(LANES) for operation in story.lane(lane, deeds, seconds)]
    operations.sort(key=lambda operation: operation.at_s)
    return Plan(seed, seconds, guests, tuple(operations), tuple(_faults(faults, seconds)))


@dataclass
class _Story:
    """What the plan knows of its people and meetings while it is made."""

    people: random.Random
    guests: list[Guest] = field(default_factory=list[Guest])
    meetings: int = 0

    def newcomer(self, circle: int) -> Guest:
        number = len(self.guests)
        mailbox: int | None = number
        chance = self.people.random()
        if chance < HAS_NO_ADDRESS:
            mailbox = None
        elif chance < HAS_NO_ADDRESS + SHARES_A_MAILBOX and self.guests:
            mailbox = self.guests[-1].mailbox
        self.guests.append(Guest(number, circle, mailbox))
        return self.guests[-1]

    def lane(self, lane: int, deeds: random.Random, seconds: float) -> list[Operation]:
        """Operations of one who does one thing after the other, so that what happens to a meeting has an order."""
        operations: list[Operation] = []
        standing: list[int] = []
        at_s = deeds.uniform(0, MEAN_PAUSE_S)
        while at_s < seconds:
            operations.append(self._operation(round(at_s, 3), lane, deeds, standing))
            at_s += 0 if deeds.random() < AT_ONCE else deeds.expovariate(1 / MEAN_PAUSE_S)
        return operations

    def _operation(self, at_s: float, lane: int, deeds: random.Random, standing: list[int]) -> Operation:
        value = deeds.randrange(10**6)
        circle = deeds.randrange(CIRCLES)
        [deed] = deeds.choices(list(_DEEDS), list(_DEEDS.values()))
        if deed in (Deed.RESCHEDULE, Deed.RETITLE, Deed.CANCEL) and not standing:
            deed = Deed.SCHEDULE
        match deed:
            case Deed.SCHEDULE:
                self.meetings += 1
                standing.append(self.meetings)
                return Operation(at_s, lane, deed, circle, self.meetings, value=value)
            case Deed.RESCHEDULE | Deed.RETITLE:
                return Operation(at_s, lane, deed, meeting=deeds.choice(standing[-3:]), value=value)
            case Deed.CANCEL:
                return Operation(at_s, lane, deed, meeting=standing.pop(deeds.randrange(len(standing))))
            case Deed.ENTER:
                return Operation(at_s, lane, deed, circle, guest=self.newcomer(circle))
            case Deed.JOIN | Deed.SIGN_IN:
                return Operation(at_s, lane, deed, circle, guest=self.guests[deeds.randrange(PEOPLE_AT_FIRST)])


_DEEDS = {
    Deed.SCHEDULE: 5,
    Deed.RESCHEDULE: 6,
    Deed.RETITLE: 2,
    Deed.CANCEL: 3,
    Deed.ENTER: 3,
    Deed.JOIN: 2,
    Deed.SIGN_IN: 3,
}


def _faults(faults: random.Random, seconds: float) -> list[Fault]:
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
