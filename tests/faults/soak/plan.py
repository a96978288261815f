"""The plan of a soak: who does what, and what breaks, when. Made from the seed alone, before anything runs; pure.

People, circles, meetings and feedback bear numbers, and every number of a plan is used the same way each time, so that a failure
can be played again from its seed. How far the platform has come when a fault strikes is not the plan's to say.
"""

import random
from dataclasses import dataclass, field, replace
from enum import StrEnum

CIRCLES = 4
LANES = 3
PEOPLE_AT_FIRST = 24
SHARES_A_MAILBOX = 0.12
HAS_NO_ADDRESS = 0.08

AUTHORS_OF_A_LANE = 3
STAFF_OF_A_LANE = 2
COORDINATORS = 2
SAYS_NO_NAME = 0.3
HAS_A_MEDIATOR = 0.5

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
    REPLY = "reply"
    SIGN_IN = "sign_in"
    SUBMIT = "submit"  # feedback
    ACKNOWLEDGE = "acknowledge"
    PUT_OFF = "put_off"
    ANSWER = "answer"
    RATE = "rate"
    WRITE_BACK = "write_back"
    LET_PASS = "let_pass"  # the day by which somebody was to act on feedback
    ERASE = "erase"  # themselves


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


class Part(StrEnum):
    """What somebody is in the story. All but volunteers and the mediator have a session from the beginning."""

    VOLUNTEER = "volunteer"
    AUTHOR = "author"  # a volunteer who writes feedback by name
    STAFF = "staff"  # of the circle: asked what is about it
    COORDINATOR = "coordinator"  # asked what is about anything else, and may answer everything that is not about them
    MEDIATOR = "mediator"


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody in the story; `mailbox` is the number of the person whose address they have, None: they have none."""

    person: int
    circle: int
    mailbox: int | None
    part: Part = Part.VOLUNTEER


@dataclass(frozen=True, slots=True)
class Operation:
    """Not before `at_s`, and after every earlier one of its lane. `value` makes times and titles differ.

    `guest` does it, or is whom it is done to; None writes without a name. New feedback is about somebody, else about a circle,
    else in general.
    """

    at_s: float
    lane: int
    deed: Deed
    circle: int | None = None
    meeting: int = 0
    guest: Guest | None = None
    value: int = 0
    feedback: int = 0
    about: Guest | None = None


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
    """All that a soak does. Without a mediator, whoever was asked last is reminded when a deadline passes."""

    seed: int
    seconds: float
    has_mediator: bool
    guests: tuple[Guest, ...]
    operations: tuple[Operation, ...]
    faults: tuple[Fault, ...]


def plan_of(seed: int, seconds: float) -> Plan:
    """The same for the same seed and time."""
    # A generator for each part, so that a new kind of fault does not change what people do.
    people, deeds, faults = (random.Random(f"{seed}/{part}") for part in ("people", "deeds", "faults"))
    cast = _Cast(people)
    lanes = [_Lane(number, cast, deeds) for number in range(LANES)]
    guests = tuple(cast.guests)
    operations = [operation for lane in lanes for operation in lane.operations(seconds)]
    operations.sort(key=lambda operation: operation.at_s)
    has_mediator = random.Random(f"{seed}/mediator").random() < HAS_A_MEDIATOR
    return Plan(seed, seconds, has_mediator, guests, tuple(operations), tuple(_faults(faults, seconds)))


@dataclass
class _Cast:
    """Who there is, and the numbers that are given once, while a plan is made."""

    people: random.Random
    guests: list[Guest] = field(default_factory=list[Guest])
    meetings: int = 0
    feedback: int = 0

    def __post_init__(self) -> None:
        for number in range(PEOPLE_AT_FIRST):
            self.newcomer(number % CIRCLES)
        self.coordinators = [self.actor(Part.COORDINATOR, number) for number in range(COORDINATORS)]
        self.actor(Part.MEDIATOR, 0)

    def newcomer(self, circle: int) -> Guest:
        """One more volunteer."""
        number = len(self.guests)
        mailbox: int | None = number
        chance = self.people.random()
        if chance < HAS_NO_ADDRESS:
            mailbox = None
        elif chance < HAS_NO_ADDRESS + SHARES_A_MAILBOX and self.guests:
            mailbox = self.guests[-1].mailbox
        self.guests.append(Guest(number, circle, mailbox))
        return self.guests[-1]

    def actor(self, part: Part, circle: int) -> Guest:
        """Somebody who does things, with a mailbox of their own."""
        number = len(self.guests)
        self.guests.append(Guest(number, circle, number, part))
        return self.guests[-1]

    def at_first(self, deeds: random.Random) -> Guest:
        """Any of the volunteers of the beginning, who stay to the end."""
        return self.guests[deeds.randrange(PEOPLE_AT_FIRST)]


@dataclass
class _Meeting:
    number: int
    circle: int


@dataclass
class _Feedback:
    """How far feedback has come; `author` None: they gave no name, `about` None: it is about a circle, or in general."""

    number: int
    author: Guest | None
    circle: int | None
    about: Guest | None
    done: set[Deed] = field(default_factory=set[Deed])


@dataclass
class _Lane:
    """One who does one thing after the other, so that what happens to a meeting or to feedback has an order."""

    number: int
    cast: _Cast
    deeds: random.Random
    meetings: list[_Meeting] = field(default_factory=list[_Meeting])
    feedback: list[_Feedback] = field(default_factory=list[_Feedback])

    def __post_init__(self) -> None:
        circles = [(self.number + place) % CIRCLES for place in range(AUTHORS_OF_A_LANE + STAFF_OF_A_LANE)]
        self.staff = [self.cast.actor(Part.STAFF, circle) for circle in circles[:STAFF_OF_A_LANE]]
        self.authors = [self.cast.actor(Part.AUTHOR, circle) for circle in circles[STAFF_OF_A_LANE:]]

    def operations(self, seconds: float) -> list[Operation]:
        """All that it does in this time."""
        operations: list[Operation] = []
        at_s = self.deeds.uniform(0, MEAN_PAUSE_S)
        while at_s < seconds:
            operations.append(self._operation(round(at_s, 3)))
            at_s += 0 if self.deeds.random() < AT_ONCE else self.deeds.expovariate(1 / MEAN_PAUSE_S)
        return operations

    def _operation(self, at_s: float) -> Operation:
        """What is wanted, or what has to come before it."""
        deeds = self.deeds
        operation = Operation(at_s, self.number, Deed.SCHEDULE, value=deeds.randrange(10**6))
        [deed] = deeds.choices(list(_DEEDS), list(_DEEDS.values()))
        if deed in ABOUT_FEEDBACK:
            return self._about_feedback(deed, operation)
        if deed is Deed.ERASE and len(self.staff) + len(self.authors) > 2:
            return replace(operation, deed=deed, guest=self._leaver())
        if deed in (Deed.ENTER, Deed.JOIN, Deed.SIGN_IN):
            circle = deeds.randrange(CIRCLES)
            guest = self.cast.newcomer(circle) if deed is Deed.ENTER else self.cast.at_first(deeds)
            return replace(operation, deed=deed, circle=circle, guest=guest)
        return self._about_meeting(deed, operation)

    def _leaver(self) -> Guest:
        """The first author and the first of the staff stay: feedback can be about them, and somebody has to write it."""
        leaving = [*self.staff[1:], *self.authors[1:]]
        leaver = self.deeds.choice(leaving)
        (self.staff if leaver in self.staff else self.authors).remove(leaver)
        return leaver

    def _about_meeting(self, deed: Deed, operation: Operation) -> Operation:
        if deed not in (Deed.RESCHEDULE, Deed.RETITLE, Deed.CANCEL, Deed.REPLY) or not self.meetings:
            self.cast.meetings += 1
            self.meetings.append(_Meeting(self.cast.meetings, self.deeds.randrange(CIRCLES)))
            return replace(operation, circle=self.meetings[-1].circle, meeting=self.meetings[-1].number)
        if deed is Deed.CANCEL:
            meeting = self.meetings.pop(self.deeds.randrange(len(self.meetings)))
            return replace(operation, deed=deed, meeting=meeting.number)
        meeting = self.deeds.choice(self.meetings[-3:])
        members = [guest for guest in self.cast.guests[:PEOPLE_AT_FIRST] if guest.circle == meeting.circle]
        guest = self.deeds.choice(members) if deed is Deed.REPLY else None
        return replace(operation, deed=deed, meeting=meeting.number, guest=guest)

    def _about_feedback(self, deed: Deed, operation: Operation) -> Operation:
        remembered = [] if deed is Deed.SUBMIT else self.feedback[-FEEDBACK_REMEMBERED:]
        ready = [item for item in remembered if self._may(deed, item)]
        if not ready:
            return self._submitted(operation)
        item = self.deeds.choice(ready)
        by = item.author if deed in (Deed.RATE, Deed.WRITE_BACK) else self._somebody_to_answer(item)
        item.done |= {deed, Deed.ACKNOWLEDGE} if deed in (Deed.PUT_OFF, Deed.ANSWER) else {deed}
        return replace(operation, deed=deed, feedback=item.number, guest=by)

    def _may(self, deed: Deed, item: _Feedback) -> bool:
        answered = Deed.ANSWER in item.done
        is_there = item.author is None or item.author in self.authors
        match deed:
            case Deed.RATE:
                return answered and is_there and Deed.RATE not in item.done
            case Deed.WRITE_BACK:
                return is_there
            case Deed.LET_PASS:
                return not answered
            case _:
                return not answered and deed not in item.done

    def _somebody_to_answer(self, item: _Feedback) -> Guest:
        """Staff of the circle that it is about, where they are of this lane and still there; else a coordinator."""
        coordinators = [coordinator for coordinator in self.cast.coordinators if coordinator != item.about]
        staff = [guest for guest in self.staff if item.about is None and guest.circle == item.circle]
        return self.deeds.choice([*staff, *coordinators])

    def _submitted(self, operation: Operation) -> Operation:
        author = None if self.deeds.random() < SAYS_NO_NAME else self.deeds.choice(self.authors)
        circle = self.deeds.choice([None, *range(CIRCLES)])
        people = [self.cast.at_first(self.deeds), *self.cast.coordinators, self.staff[0]]
        about = self.deeds.choice([None, *people])
        self.cast.feedback += 1
        self.feedback.append(_Feedback(self.cast.feedback, author, circle, about))
        return replace(operation, deed=Deed.SUBMIT, circle=circle, guest=author, feedback=self.cast.feedback, about=about)


FEEDBACK_REMEMBERED = 6
"""What lies further back is left alone, so that some feedback is never answered."""

_DEEDS = {
    Deed.SCHEDULE: 5,
    Deed.RESCHEDULE: 6,
    Deed.RETITLE: 2,
    Deed.CANCEL: 3,
    Deed.REPLY: 4,
    Deed.ENTER: 3,
    Deed.JOIN: 2,
    Deed.SIGN_IN: 3,
    Deed.SUBMIT: 4,
    Deed.ACKNOWLEDGE: 2,
    Deed.PUT_OFF: 1,
    Deed.ANSWER: 2,
    Deed.RATE: 2,
    Deed.WRITE_BACK: 3,
    Deed.LET_PASS: 1,
    Deed.ERASE: 0.5,
}
ABOUT_FEEDBACK = {
    *(Deed.SUBMIT, Deed.ACKNOWLEDGE, Deed.PUT_OFF, Deed.ANSWER),
    *(Deed.RATE, Deed.WRITE_BACK, Deed.LET_PASS),
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
