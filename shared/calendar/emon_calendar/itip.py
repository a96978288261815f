"""Calendar parts of mails: iTIP (RFC 5546) REQUEST and CANCEL, in the form that iMIP (RFC 6047) carries.

A part is made once for an event; the attendee's line is spliced in for each guest, so that no guest sees another.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vDatetime

from emon_calendar.icalendar_edge import add_property, decoded_property, only_event, property_of
from emon_calendar.vtimezone import vtimezone
from emon_calendar.zones import end_instant
from emon_contracts.values import ZonedDateTime

Method = Literal["REQUEST", "CANCEL"]

PRODUCT = "-//EmON//Notifications//DE"
_LINE_OCTETS_MAX = 75  # RFC 5545 section 3.1
_END_OF_EVENT = b"END:VEVENT\r\n"
# RFC 6868: how a parameter value carries a caret and a quotation mark.
_PARAMETER_ESCAPES = str.maketrans({"^": "^^", '"': "^'", "\n": "^n"})
_GUEST_PARAMETERS = {
    "REQUEST": "CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE",
    "CANCEL": "CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT",
}
# What RFC 6068 lets stand in a mailto address; the rest of what a local part may hold is percent-encoded.
_MAILTO_SAFE = "@!$'*+-._~"


class UnfaithfulCalendar(RuntimeError):
    """What was written is not what is read back: a mistake of ours, or a text that no calendar can carry."""


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """What all guests see. `revision` is SEQUENCE, `uid` stays the same for the life of a meeting."""

    uid: str
    revision: int
    title: str
    start: ZonedDateTime
    duration_minutes: int
    place: str | None
    link: str | None
    organiser_name: str
    organiser_address: str


@dataclass(frozen=True, slots=True)
class CalendarPart:
    """A VCALENDAR with a gap for one attendee: `before` + attendee line + `after`, UTF-8 with CRLF."""

    method: Method
    before: bytes
    after: bytes

    def attendee(self, name: str | None, address: str) -> bytes:
        """The folded ATTENDEE line of a guest, with its end of line."""
        common_name = f'CN="{name.translate(_PARAMETER_ESCAPES)}";' if name else ""
        return _folded(f"ATTENDEE;{common_name}{_GUEST_PARAMETERS[self.method]}:mailto:{quote(address, _MAILTO_SAFE)}".encode())

    def fill(self, name: str | None, address: str) -> bytes:
        """The whole calendar for one guest."""
        return self.before + self.attendee(name, address) + self.after


def meeting_request(event: CalendarEvent, now: datetime) -> CalendarPart:
    """Invites to a meeting, or says its new time or place (RFC 5546 section 3.2.2)."""
    return _part("REQUEST", "CONFIRMED", event, now)


def meeting_cancel(event: CalendarEvent, now: datetime) -> CalendarPart:
    """Takes a meeting out of the guests' calendars (RFC 5546 section 3.2.5)."""
    return _part("CANCEL", "CANCELLED", event, now)


def _part(method: Method, status: str, event: CalendarEvent, now: datetime) -> CalendarPart:
    calendar = Calendar()
    add_property(calendar, "prodid", PRODUCT)
    add_property(calendar, "version", "2.0")
    add_property(calendar, "calscale", "GREGORIAN")
    add_property(calendar, "method", method)
    calendar.add_component(vtimezone(event.start.time_zone, event.start.local.year))
    calendar.add_component(_vevent(status, event, now))
    before, _, after = calendar.to_ical().partition(_END_OF_EVENT)
    part = CalendarPart(method, before, _END_OF_EVENT + after)
    _demand_faithful(part, event)
    return part


def _vevent(status: str, event: CalendarEvent, now: datetime) -> Event:
    zone = ZoneInfo(event.start.time_zone)
    end = end_instant(event.start, event.duration_minutes)
    local_end = end.astimezone(zone)
    # A wall-clock time that comes twice means the first one (RFC 5545 section 3.3.5); the second can only be said in UTC.
    comes_twice = local_end.replace(fold=0).utcoffset() != local_end.replace(fold=1).utcoffset()
    vevent = Event()
    add_property(vevent, "uid", event.uid)
    add_property(vevent, "sequence", event.revision)
    add_property(vevent, "dtstamp", now)
    add_property(vevent, "dtstart", event.start.local.replace(tzinfo=zone))
    add_property(vevent, "dtend", vDatetime(end if comes_twice else local_end))
    add_property(vevent, "summary", event.title)
    add_property(vevent, "status", status)
    if event.place:
        add_property(vevent, "location", event.place)
    if event.link:
        add_property(vevent, "url", event.link)
        add_property(vevent, "description", event.link)  # where programs that do not show URL let people click
    organiser = vCalAddress(f"mailto:{event.organiser_address}")
    organiser.params["CN"] = event.organiser_name
    add_property(vevent, "organizer", organiser)
    return vevent


def _folded(line: bytes) -> bytes:
    """Folds a content line so that no line exceeds 75 octets and no character is cut (RFC 5545 section 3.1)."""
    lines: list[bytes] = []
    room = _LINE_OCTETS_MAX
    while len(line) > room:
        cut = room
        while line[cut] & 0xC0 == 0x80:  # a continuation octet of UTF-8
            cut -= 1
        lines.append(line[:cut])
        line = line[cut:]
        room = _LINE_OCTETS_MAX - 1  # less the space that marks a continuation
    lines.append(line)
    return b"\r\n ".join(lines) + b"\r\n"


def _demand_faithful(part: CalendarPart, event: CalendarEvent) -> None:
    """Reads the part back with a guest whose name has everything that has to be escaped."""
    guest = 'Zoë "Zo" Beispiel; M.A., 100 ^ % = ' + "ä" * 60
    vevent = only_event(part.fill(guest, "zoe%beispiel@example.org"))
    attendee: vCalAddress = property_of(vevent, "attendee")
    read = (
        str(property_of(vevent, "uid")),
        int(property_of(vevent, "sequence")),
        str(property_of(vevent, "summary")),
        str(property_of(vevent, "location", "")),
        str(property_of(vevent, "url", "")),
        decoded_property(vevent, "dtstart").replace(tzinfo=None),
        decoded_property(vevent, "dtend"),
        str(attendee),
        str(attendee.params["CN"]),
    )
    meant = (
        event.uid,
        event.revision,
        event.title,
        event.place or "",
        event.link or "",
        event.start.local,
        end_instant(event.start, event.duration_minutes),
        "mailto:zoe%25beispiel@example.org",
        guest,
    )
    if read != meant:
        raise UnfaithfulCalendar(f"the calendar part of {event.uid} reads back differently")
