"""What a working week may be."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from emon_contracts.directory import Weekday
from emon_contracts.refusals import Refusal

ABSENCES_MAX = 50
ABSENCE_DAYS_MAX = 366


@dataclass(frozen=True, slots=True, order=True)
class Absence:
    """Days on which somebody is not there, both ends included."""

    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class WorkingWeek:
    """`working_days` None: Monday to Friday, as nobody said otherwise."""

    working_days: tuple[Weekday, ...] | None = None
    absences: tuple[Absence, ...] = ()


def check_absences(absences: Sequence[Absence]) -> list[Refusal]:
    """What stands against these, by their place in the list."""
    refusals: list[Refusal] = []
    for index, absence in enumerate(absences):
        if absence.last_day < absence.first_day:
            refusals.append(
                Refusal("ends-before-it-begins", "The last day is not before the first.", f"/absences/{index}/last_day")
            )
        elif (absence.last_day - absence.first_day).days >= ABSENCE_DAYS_MAX:
            detail = f"At most {ABSENCE_DAYS_MAX} days; say a longer absence in parts."
            refusals.append(Refusal("absence-too-long", detail, f"/absences/{index}/last_day"))
    return refusals


def plan(working_days: Collection[Weekday] | None, absences: Collection[Absence], today: date) -> WorkingWeek:
    """In order, each once, and without absences that are over: they are nobody's business any more."""
    return WorkingWeek(
        working_days=None if working_days is None else tuple(sorted(set(working_days))),
        absences=tuple(sorted({absence for absence in absences if absence.last_day >= today})),
    )
