"""The story of a soak, while it is made: its cast, and the lanes in which things happen one after the other."""

import random
from dataclasses import dataclass, field, replace

from tests.faults.soak.deeds import ABOUT_FEEDBACK, Deed, Guest, Operation, Part

CIRCLES = 4
PEOPLE_AT_FIRST = 24
SHARES_A_MAILBOX = 0.12
HAS_NO_ADDRESS = 0.08

AUTHORS_OF_A_LANE = 3
STAFF_OF_A_LANE = 2
COORDINATORS = 2
SAYS_NO_NAME = 0.3

MEAN_PAUSE_S = 1.6
"""Between two operations of one lane."""
AT_ONCE = 0.35
"""So many operations follow the one before them without a pause: what is under way is overtaken."""

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


@dataclass
class Cast:
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
class Lane:
    """One who does one thing after the other, so that what happens to a meeting or to feedback has an order."""

    number: int
    cast: Cast
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
