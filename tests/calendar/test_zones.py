"""Local times that do not exist, or exist twice."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from emon_calendar.zones import end_instant, end_of, local_time_refusal
from emon_contracts.values import ZonedDateTime

ZONES = ("Europe/Berlin", "Europe/Dublin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "UTC", "Africa/Casablanca")


def wall_clock(local: str, time_zone: str = "Europe/Berlin") -> ZonedDateTime:
    return ZonedDateTime(local=datetime.fromisoformat(local), time_zone=time_zone)


@pytest.mark.parametrize("local", ["2027-03-28T02:00", "2027-03-28T02:30", "2027-03-28T02:59"])
def test_a_time_that_the_clock_skips_is_refused(local: str) -> None:
    refusal = local_time_refusal(wall_clock(local))
    assert refusal is not None
    assert refusal.code == "local-time-skipped"
    assert refusal.pointer == "/start/local"
    assert refusal.detail == (
        f"{local[-5:]} does not exist: on 2027-03-28 clocks in Europe/Berlin go from 02:00 to 03:00; "
        "choose a time before 02:00 or from 03:00 on"
    )


@pytest.mark.parametrize("local", ["2027-10-31T02:00", "2027-10-31T02:30", "2027-10-31T02:59"])
def test_a_time_that_comes_twice_is_refused(local: str) -> None:
    refusal = local_time_refusal(wall_clock(local), "/at")
    assert refusal is not None
    assert refusal.code == "local-time-ambiguous"
    assert refusal.pointer == "/at"
    assert refusal.detail == (
        f"{local[-5:]} comes twice: on 2027-10-31 clocks in Europe/Berlin go from 03:00 to 02:00; "
        "choose a time before 02:00 or from 03:00 on"
    )


@pytest.mark.parametrize(
    "local", ["2027-03-28T01:59", "2027-03-28T03:00", "2027-10-31T01:59", "2027-10-31T03:00", "2027-03-28T18:00"]
)
def test_every_other_time_is_good(local: str) -> None:
    assert local_time_refusal(wall_clock(local)) is None


def test_a_clock_that_moves_by_half_an_hour() -> None:
    refusal = local_time_refusal(wall_clock("2027-10-03T02:10", "Australia/Lord_Howe"))
    assert refusal is not None
    assert "go from 02:00 to 02:30; choose a time before 02:00 or from 02:30 on" in refusal.detail


@given(st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)), st.sampled_from(ZONES))
def test_a_time_is_good_where_exactly_one_instant_shows_it(moment: datetime, time_zone: str) -> None:
    local = moment.replace(second=0, microsecond=0, fold=0)
    zone = ZoneInfo(time_zone)
    # All offsets lie within a day, so that every instant with this wall clock is among these.
    offsets = {(local.replace(tzinfo=UTC) + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in range(-26, 27)}
    instants = {
        instant
        for offset in offsets
        if offset is not None
        and (instant := (local - offset).replace(tzinfo=UTC)).astimezone(zone).replace(tzinfo=None, fold=0) == local
    }
    refusal = local_time_refusal(ZonedDateTime(local=local, time_zone=time_zone))
    assert (refusal.code if refusal else None) == {0: "local-time-skipped", 1: None, 2: "local-time-ambiguous"}[len(instants)]


def test_the_duration_is_time_that_passes() -> None:
    start = wall_clock("2027-03-27T22:00")
    assert end_of(start, 8 * 60) == wall_clock("2027-03-28T07:00")
    assert end_instant(start, 8 * 60) == start.instant() + timedelta(hours=8)


def test_an_end_may_lie_beyond_the_last_year_that_can_be_entered() -> None:
    assert end_of(wall_clock("2199-12-31T23:00"), 120).local == datetime(2200, 1, 1, 1, 0)
