"""Who is asked to answer, by when, and who comes next. Pure: the directory of this moment in, a group of people out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from emon_calendar.working_days import USUAL, WorkingTime, after_working_days

ACKNOWLEDGE_WITHIN_WORKING_DAYS = 5
ANSWER_WITHIN_WORKING_DAYS = 20


class Level(StrEnum):
    """Whom feedback goes to, from the nearest to the last."""

    ORGANISATION = "organisation"  # staff of the organisation it is about
    COORDINATOR = "coordinator"  # coordinators of the municipality
    MEDIATOR = "mediator"  # the network's


LEVELS = tuple(Level)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could be asked at a level, as the directory has it now."""

    person_id: UUID
    level: Level
    working: WorkingTime = USUAL


def first_to_ask(candidates: Sequence[Candidate], never: Collection[UUID]) -> tuple[Candidate, ...]:
    """Everybody of the first level that has somebody, without those who are never asked about this."""
    for level in LEVELS:
        found = _at(level, candidates, never)
        if found:
            return found
    return ()


def next_to_ask(
    candidates: Sequence[Candidate], never: Collection[UUID], asked: Collection[UUID], asked_last: Collection[UUID], level: Level
) -> tuple[Candidate, ...]:
    """Who is asked when those who were asked last, at this level, did not act.

    The next level that has somebody new; beyond the last of them the same people again, as long as they are there; and when they
    are gone, whoever is new anywhere.
    """
    passed_over = {*never, *asked}
    higher = [candidate for candidate in candidates if LEVELS.index(candidate.level) > LEVELS.index(level)]
    again = tuple(item for item in _at(level, candidates, never) if item.person_id in asked_last)
    return first_to_ask(higher, passed_over) or again or first_to_ask(candidates, passed_over)


def deadline(start: date, working_days: int, asked: Sequence[Candidate]) -> date:
    """The earliest of their deadlines. Who has no working day at all does not count; where nobody does, an ordinary week."""
    ends = [after_working_days(start, working_days, candidate.working) for candidate in asked]
    usual = after_working_days(start, working_days, USUAL)
    assert usual is not None  # an ordinary week has working days
    return min((end for end in ends if end is not None), default=usual)


def _at(level: Level, candidates: Sequence[Candidate], never: Collection[UUID]) -> tuple[Candidate, ...]:
    return tuple(item for item in candidates if item.level is level and item.person_id not in never)
