"""Calendar parts as RFC 5545, 5546 and 6047 want them, and as calendar programs read them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings, strategies as st
from icalendar import Calendar

from emon_calendar.itip import CalendarEvent, CalendarPart, meeting_cancel, meeting_request
from emon_calendar.vtimezone import vtimezone
from emon_contracts.values import ZonedDateTime

NOW = datetime(2027, 1, 4, 9, 30, 15, tzinfo=UTC)


def event(local: str = "2027-03-28T18:00", time_zone: str = "Europe/Berlin", **changes: Any) -> CalendarEvent:
    values: dict[str, Any] = {
        "uid": "0192@emon.example",
        "revision": 3,
        "title": "Runder Tisch: Wohnen, Sprache; Öffnung",
        "start": ZonedDateTime(local=datetime.fromisoformat(local), time_zone=time_zone),
        "duration_minutes": 90,
        "place": "Rathaus, Saal 2",
        "link": "https://meet.example.org/a?b=1,2",
        "organiser_name": "EmON",
        "organiser_address": "antwort@emon.example",
    }
    return CalendarEvent(**(values | changes))


def read(part: CalendarPart, name: str | None = "Erika Beispiel", address: str = "erika@example.org") -> Any:
    return Calendar.from_ical(part.fill(name, address))


def vevent(part: CalendarPart, **guest: Any) -> Any:
    (found,) = read(part, **guest).walk("VEVENT")
    return found


def test_a_request_says_all_that_itip_demands() -> None:
    part = meeting_request(event(), NOW)
    calendar, found = read(part), vevent(part)
    assert (part.method, calendar["method"], calendar["version"]) == ("REQUEST", "REQUEST", "2.0")
    assert calendar["prodid"]
    assert found["uid"] == "0192@emon.example"
    assert found["sequence"] == 3
    assert found["status"] == "CONFIRMED"
    assert found["summary"] == "Runder Tisch: Wohnen, Sprache; Öffnung"
    assert found["location"] == "Rathaus, Saal 2"
    assert found["url"] == found["description"] == "https://meet.example.org/a?b=1,2"
    assert found["organizer"] == "mailto:antwort@emon.example"
    assert found.decoded("dtstamp") == NOW
    assert found["dtstart"].params["TZID"] == found["dtend"].params["TZID"] == "Europe/Berlin"
    assert found.decoded("dtstart").replace(tzinfo=None) == datetime(2027, 3, 28, 18, 0)


def test_there_is_one_guest_and_no_other() -> None:
    found = vevent(meeting_request(event(), NOW))
    attendee: Any = found["attendee"]
    assert str(attendee) == "mailto:erika@example.org"
    assert dict(attendee.params) == {
        "CN": "Erika Beispiel",
        "CUTYPE": "INDIVIDUAL",
        "ROLE": "REQ-PARTICIPANT",
        "PARTSTAT": "NEEDS-ACTION",
        "RSVP": "TRUE",
    }


def test_a_cancellation_has_the_same_uid_and_asks_for_no_reply() -> None:
    part = meeting_cancel(event(revision=4), NOW)
    found = vevent(part)
    assert (part.method, found["status"], found["sequence"], found["uid"]) == ("CANCEL", "CANCELLED", 4, "0192@emon.example")
    assert "RSVP" not in found["attendee"].params


def test_what_is_not_known_is_left_out() -> None:
    found = vevent(meeting_request(event(place=None, link=None), NOW), name=None)
    assert {"LOCATION", "URL", "DESCRIPTION"}.isdisjoint(found)
    assert "CN" not in found["attendee"].params


def test_an_end_within_the_hour_that_comes_twice_is_said_in_utc() -> None:
    found = vevent(meeting_request(event("2027-10-31T01:30", duration_minutes=105), NOW))
    assert found.decoded("dtend") == datetime(2027, 10, 31, 1, 15, tzinfo=UTC)
    assert b"DTEND:20271031T011500Z" in meeting_request(event("2027-10-31T01:30", duration_minutes=105), NOW).before


@settings(max_examples=40, deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"), min_size=1, max_size=200),
    local_part=st.text("abcXYZ019.!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=64),
)
def test_any_guest_reads_back_and_no_line_is_too_long(name: str, local_part: str) -> None:
    part = meeting_request(event(), NOW)
    address = f"{local_part}@example.org"
    attendee = vevent(part, name=name, address=address)["attendee"]
    assert attendee.params["CN"] == name
    assert attendee.email == address or "%" in attendee
    for line in part.fill(name, address).split(b"\r\n"):
        assert len(line) <= 75
        line.decode()  # no character is cut
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", part.fill(name, address))


@pytest.mark.parametrize(
    "time_zone",
    ["Europe/Berlin", "Europe/Dublin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "UTC", "Africa/Casablanca"],
)
@pytest.mark.parametrize("year", [2027, 2045])
def test_a_zone_says_the_same_as_the_time_zone_database(time_zone: str, year: int) -> None:
    calendar = Calendar()
    calendar.add_component(vtimezone(time_zone, year))
    observances = [cast("Any", part) for part in calendar.subcomponents[0].subcomponents]
    zone = ZoneInfo(time_zone)
    moment = datetime(year, 1, 1, 12, 0)
    while moment.year == year:
        onsets = {_last_onset(observance, moment): observance for observance in observances}
        latest = onsets[max(onset for onset in onsets if onset is not None)]
        assert latest.decoded("tzoffsetto") == moment.replace(tzinfo=zone).utcoffset(), moment
        moment += timedelta(days=1)


def _last_onset(observance: Any, moment: datetime) -> datetime | None:
    """When this observance set in for the last time before a moment, as a calendar program finds it."""
    start = observance.decoded("dtstart")
    if "rrule" in observance:
        return rrulestr(observance["rrule"].to_ical().decode(), dtstart=start).before(moment, inc=True)
    return start if start <= moment else None
