"""What people do in a soak, and who they are."""

from dataclasses import dataclass
from enum import StrEnum


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


ABOUT_FEEDBACK = {
    *(Deed.SUBMIT, Deed.ACKNOWLEDGE, Deed.PUT_OFF, Deed.ANSWER),
    *(Deed.RATE, Deed.WRITE_BACK, Deed.LET_PASS),
}


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
