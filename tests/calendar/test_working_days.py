"""Working days of one person in Baden-Württemberg."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from emon_calendar.working_days import (
    USUAL,
    WorkingTime,
    after_working_days,
    day_of,
    end_of_day,
    is_holiday,
    is_working_day,
    working_days_until,
)

DAYS = st.dates(date(2020, 1, 1), date(2060, 12, 31))
COUNTS = st.integers(0, 30)


@st.composite
def working_times(draw: st.DrawFn) -> WorkingTime:
    weekdays = draw(st.frozensets(st.integers(1, 7), min_size=1))
    firsts = draw(st.lists(DAYS, max_size=3))
    return WorkingTime(weekdays, tuple((first, first + timedelta(days=draw(st.integers(0, 40)))) for first in firsts))


@pytest.mark.parametrize(
    "day",
    ["2026-01-01", "2026-01-06", "2026-04-03", "2026-04-06", "2026-05-01", "2026-05-14", "2026-05-25", "2026-06-04",
     "2026-10-03", "2026-11-01", "2026-12-25", "2026-12-26"],
)  # fmt: skip
def test_the_twelve_holidays_of_the_state(day: str) -> None:
    assert is_holiday(date.fromisoformat(day))


def test_a_year_has_no_other_holidays() -> None:
    assert sum(is_holiday(date(2026, 1, 1) + timedelta(days=number)) for number in range(365)) == 12


def test_the_day_of_submission_does_not_count() -> None:
    monday = date(2026, 9, 7)
    assert after_working_days(monday, 5) == date(2026, 9, 14)


def test_epiphany_and_weekends_are_passed_over() -> None:
    assert after_working_days(date(2027, 1, 5), 1) == date(2027, 1, 7)
    assert after_working_days(date(2027, 1, 7), 2) == date(2027, 1, 11)


def test_part_time_and_absence_move_a_deadline() -> None:
    tuesdays = WorkingTime(frozenset({2}))
    assert after_working_days(date(2026, 9, 7), 5, tuesdays) == date(2026, 10, 6)
    away = WorkingTime(absences=((date(2026, 9, 8), date(2026, 9, 18)),))
    assert after_working_days(date(2026, 9, 7), 5, away) == date(2026, 9, 25)


def test_whoever_never_works_has_no_deadline() -> None:
    assert after_working_days(date(2026, 9, 7), 1, WorkingTime(frozenset())) is None
    assert after_working_days(date(2026, 9, 7), 1, WorkingTime(absences=((date.min, date.max),))) is None


def test_a_period_cannot_be_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        after_working_days(date(2026, 9, 7), -1)


def test_a_day_ends_by_the_clocks_of_the_state() -> None:
    assert end_of_day(date(2026, 3, 28)) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert end_of_day(date(2026, 3, 29)) == datetime(2026, 3, 29, 22, tzinfo=UTC)  # the day on which clocks go forward
    assert day_of(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == date(2026, 7, 2)


@given(DAYS, COUNTS, COUNTS, working_times())
def test_two_periods_one_after_the_other_are_one(start: date, first: int, second: int, working: WorkingTime) -> None:
    middle = after_working_days(start, first, working)
    assert middle is not None
    assert after_working_days(middle, second, working) == after_working_days(start, first + second, working)


@given(DAYS, st.integers(1, 30), working_times())
def test_a_period_ends_on_a_working_day_after_exactly_so_many(start: date, count: int, working: WorkingTime) -> None:
    end = after_working_days(start, count, working)
    assert end is not None
    assert is_working_day(end, working)
    assert not is_holiday(end)
    assert end.isoweekday() in working.weekdays
    assert not any(first <= end <= last for first, last in working.absences)
    passed = [start + timedelta(days=number) for number in range(1, (end - start).days + 1)]
    assert sum(is_working_day(day, working) for day in passed) == count


@given(DAYS, st.integers(0, 10), COUNTS)
def test_who_begins_later_ends_no_earlier(start: date, later: int, count: int) -> None:
    first, second = after_working_days(start, count), after_working_days(start + timedelta(days=later), count)
    assert first is not None
    assert second is not None
    assert first <= second


@given(DAYS, COUNTS, working_times())
def test_working_less_never_ends_earlier(start: date, count: int, working: WorkingTime) -> None:
    fewer = WorkingTime(working.weekdays & USUAL.weekdays, working.absences)
    shorter, longer = after_working_days(start, count, USUAL), after_working_days(start, count, fewer)
    assert shorter is not None
    assert longer is None or longer >= shorter


@given(DAYS, COUNTS, working_times())
def test_so_many_working_days_are_left_until_the_end_of_a_period(start: date, count: int, working: WorkingTime) -> None:
    end = after_working_days(start, count, working)
    assert end is not None
    assert working_days_until(start, end, working) == count
    assert working_days_until(end, start, working) <= 0


def test_what_is_over_is_over_for_so_many_working_days() -> None:
    friday, monday = date(2027, 2, 26), date(2027, 3, 1)
    assert [working_days_until(day, friday) for day in (friday, monday)] == [0, -1]
