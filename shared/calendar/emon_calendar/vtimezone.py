"""VTIMEZONE components (RFC 5545 section 3.6.5) from the IANA database.

Made here, since `icalendar` writes every change of the clocks since 1970 as an RDATE, which Outlook does not read, and
ends in 2037. Two observances with a yearly rule are what calendar programs expect.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

from emon_calendar.icalendar_edge import add_property
from emon_calendar.zones import transition_between

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class _Transition:
    onset: datetime  # wall clock, read with the offset before the change
    offset_before: timedelta
    offset_after: timedelta
    name: str
    daylight: bool


def vtimezone(time_zone: str, year: int) -> Timezone:
    """The zone, as it holds for times in `year` and those right before and after it."""
    zone = ZoneInfo(time_zone)
    component = Timezone()
    add_property(component, "tzid", time_zone)
    years = [_transitions(time_zone, each) for each in (year - 1, year, year + 1)]
    rules = _yearly_rules(years)
    if rules:
        for transition, rule in rules:
            _add_observance(component, transition, rule)
        return component
    _add_observance(component, _constant(zone, datetime(year - 1, 1, 1, tzinfo=UTC)), None)
    for transition in (transition for transitions in years for transition in transitions):
        _add_observance(component, transition, None)
    return component


@lru_cache(maxsize=1024)
def _transitions(time_zone: str, year: int) -> tuple[_Transition, ...]:
    """Changes of the offset from UTC within a year, in order."""
    zone = ZoneInfo(time_zone)
    found: list[_Transition] = []
    day = datetime(year, 1, 1, tzinfo=UTC)
    while day.year == year:
        next_day = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != next_day.astimezone(zone).utcoffset():
            change = transition_between(zone, day, next_day)
            before, after = (change - timedelta(seconds=1)).astimezone(zone), change.astimezone(zone)
            onset = (change + _offset(before)).replace(tzinfo=None)
            found.append(_Transition(onset, _offset(before), _offset(after), after.tzname() or time_zone, bool(after.dst())))
        day = next_day
    return tuple(found)


def _yearly_rules(years: Sequence[tuple[_Transition, ...]]) -> list[tuple[_Transition, vRecur]]:
    """Each transition of the first year with the rule that gives it in all of them; empty where no rule does."""
    if not years[0] or len({len(transitions) for transitions in years}) != 1:
        return []
    rules: list[tuple[_Transition, vRecur]] = []
    for same in zip(*years, strict=True):
        if len({(t.onset.month, t.onset.weekday(), t.onset.time(), t.offset_before, t.offset_after) for t in same}) != 1:
            return []
        if all(t.onset.day > calendar.monthrange(t.onset.year, t.onset.month)[1] - 7 for t in same):
            week = -1
        elif len({(t.onset.day - 1) // 7 for t in same}) == 1:
            week = (same[0].onset.day - 1) // 7 + 1
        else:
            return []
        onset = same[0].onset
        rules.append((same[0], vRecur(FREQ="YEARLY", BYMONTH=onset.month, BYDAY=f"{week}{_WEEKDAYS[onset.weekday()]}")))
    return rules


def _constant(zone: ZoneInfo, instant: datetime) -> _Transition:
    """The offset that holds at an instant, as if it had begun then."""
    local = instant.astimezone(zone)
    offset = _offset(local)
    return _Transition(local.replace(tzinfo=None), offset, offset, local.tzname() or "UTC", bool(local.dst()))


def _add_observance(component: Timezone, transition: _Transition, rule: vRecur | None) -> None:
    observance = TimezoneDaylight() if transition.daylight else TimezoneStandard()
    add_property(observance, "dtstart", transition.onset)
    add_property(observance, "tzoffsetfrom", transition.offset_before)
    add_property(observance, "tzoffsetto", transition.offset_after)
    add_property(observance, "tzname", transition.name)
    if rule is not None:
        add_property(observance, "rrule", rule)
    component.add_component(observance)


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()
