"""Deadlines in working days: of one person, in Baden-Württemberg.

The day on which a period begins does not count (BGB § 187 I), and it ends with the end of its last day (BGB § 188 I), by the
clocks of Europe/Berlin. Public holidays are those of the state (FTG Baden-Württemberg § 1), from the library `holidays`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from holidays import country_holidays

ZONE = ZoneInfo("Europe/Berlin")
MONDAY_TO_FRIDAY = frozenset({1, 2, 3, 4, 5})
# Whoever has no working day for so long has none: nobody is waited for beyond it.
DAYS_WITHOUT_WORK_MAX = 366

_HOLIDAYS = country_holidays("DE", subdiv="BW")


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """When a person works: weekdays as in ISO 8601 (Monday is 1), and absences, first and last day included."""

    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    absences: tuple[tuple[date, date], ...] = ()


USUAL = WorkingTime()


def is_holiday(day: date) -> bool:
    """Whether it is a public holiday everywhere in Baden-Württemberg."""
    return day in _HOLIDAYS


def is_working_day(day: date, working: WorkingTime = USUAL) -> bool:
    """Whether the person works on this day."""
    return (
        day.isoweekday() in working.weekdays
        and not any(first <= day <= last for first, last in working.absences)
        and not is_holiday(day)
    )


def after_working_days(start: date, count: int, working: WorkingTime = USUAL) -> date | None:
    """The last day of a period of `count` working days that begins on `start`; the start itself where `count` is 0.

    None where the person has no working day for more than DAYS_WITHOUT_WORK_MAX. Raises ValueError for a negative count.
    """
    if count < 0:
        raise ValueError("a period has no negative length")
    day = start
    for _ in range(count):
        found = next((later for later in _days_after(day) if is_working_day(later, working)), None)
        if found is None:
            return None
        day = found
    return day


def working_days_until(today: date, day: date, working: WorkingTime = USUAL) -> int:
    """How many working days are left for something that is due on `day`: those after today, the day itself included.

    0 on the last of them; once the day is over, the working days that passed since, as a negative number.
    """
    first, last = sorted((today, day))
    between = ((first + timedelta(days=number)) for number in range(1, (last - first).days + 1))
    count = sum(is_working_day(each, working) for each in between)
    return count if day >= today else -count


def end_of_day(day: date) -> datetime:
    """The moment (UTC) at which a day is over in Baden-Württemberg."""
    return datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC)


def day_of(moment: datetime) -> date:
    """The day that it is in Baden-Württemberg."""
    return moment.astimezone(ZONE).date()


def _days_after(day: date) -> Iterator[date]:
    return (day + timedelta(days=number) for number in range(1, DAYS_WITHOUT_WORK_MAX + 1))
