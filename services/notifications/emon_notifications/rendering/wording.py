"""Dates, durations and paragraphs as people write them, in German and English.

The names of days and months are written out here: two short tables against a library with the locales of the world.
"""

import textwrap
from datetime import date, datetime
from zoneinfo import ZoneInfo

from emon_contracts.actors import ROLES_OF_ORGANISATIONS, Role
from emon_contracts.events.feedback import FeedbackKind
from emon_contracts.events.meetings import MeetingKind
from emon_contracts.values import Locale, ZonedDateTime

PLATFORM_TIME_ZONE = "Europe/Berlin"
TEXT_COLUMNS = 72
_LABEL_COLUMNS = 8

_WEEKDAYS = {
    Locale.DE: ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    Locale.EN: ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    Locale.DE: (
        *("Januar", "Februar", "März", "April", "Mai", "Juni"),
        *("Juli", "August", "September", "Oktober", "November", "Dezember"),
    ),
    Locale.EN: (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
_UNITS = {
    Locale.DE: (("Tag", "Tage"), ("Stunde", "Stunden"), ("Minute", "Minuten")),
    Locale.EN: (("day", "days"), ("hour", "hours"), ("minute", "minutes")),
}
_MEETING_KINDS = {
    Locale.DE: {MeetingKind.ROUND_TABLE: "Runder Tisch", MeetingKind.EXCHANGE: "Austausch"},
    Locale.EN: {MeetingKind.ROUND_TABLE: "Round table", MeetingKind.EXCHANGE: "Exchange"},
}
_FEEDBACK_KINDS = {
    Locale.DE: {FeedbackKind.PRAISE: "Lob", FeedbackKind.PROBLEM: "Problem", FeedbackKind.IDEA: "Idee"},
    Locale.EN: {FeedbackKind.PRAISE: "Praise", FeedbackKind.PROBLEM: "Problem", FeedbackKind.IDEA: "Idea"},
}
_ROLES = {
    Locale.DE: {
        Role.NETWORK_ADMIN: "Verwaltung der Plattform",
        Role.COORDINATOR: "Koordination",
        Role.STAFF: "hauptamtlich",
        Role.CIRCLE_SPEAKER: "Sprecher:in",
        Role.VOLUNTEER: "ehrenamtlich",
    },
    Locale.EN: {
        Role.NETWORK_ADMIN: "administration of the platform",
        Role.COORDINATOR: "coordination",
        Role.STAFF: "paid staff",
        Role.CIRCLE_SPEAKER: "speaker",
        Role.VOLUNTEER: "volunteer",
    },
}


def written_language(locale: Locale) -> Locale:
    """The language that there are texts in: German in plain words is written in German until it has its own."""
    return Locale.DE if locale is Locale.DE_SIMPLE else locale


def moment_in_words(moment: ZonedDateTime, locale: Locale) -> str:
    """ "Donnerstag, 18. März 2027, 18:00 Uhr (Europe/Berlin)", "Thursday, 18 March 2027, 18:00 (Europe/Berlin)"."""
    clock = f"{moment.local:%H:%M} Uhr" if locale is Locale.DE else f"{moment.local:%H:%M}"
    return f"{day_in_words(moment.local, locale)}, {clock} ({moment.time_zone})"


def day_in_words(day: date, locale: Locale) -> str:
    """ "Donnerstag, 18. März 2027", "Thursday, 18 March 2027"."""
    weekday, month = _WEEKDAYS[locale][day.weekday()], _MONTHS[locale][day.month - 1]
    return f"{weekday}, {day.day}{'.' if locale is Locale.DE else ''} {month} {day.year}"


def instant_in_words(instant: datetime, locale: Locale) -> str:
    """An instant as the clocks of the platform's time zone show it, to the minute before."""
    local = instant.astimezone(ZoneInfo(PLATFORM_TIME_ZONE)).replace(tzinfo=None, fold=0, second=0, microsecond=0)
    return moment_in_words(ZonedDateTime(local=local, time_zone=PLATFORM_TIME_ZONE), locale)


def duration_in_words(minutes: int, locale: Locale) -> str:
    """ "1 Stunde 30 Minuten", "2 days"."""
    days, rest = divmod(minutes, 24 * 60)
    counts = (days, *divmod(rest, 60))
    words = [f"{count} {one if count == 1 else many}" for count, (one, many) in zip(counts, _UNITS[locale], strict=True) if count]
    return " ".join(words) or f"0 {_UNITS[locale][2][1]}"


def meeting_kind_in_words(kind: MeetingKind, locale: Locale) -> str:
    """What such a meeting is called, at the beginning of a line."""
    return _MEETING_KINDS[locale][kind]


def feedback_kind_in_words(kind: FeedbackKind, locale: Locale) -> str:
    """What such feedback is called, at the beginning of a line."""
    return _FEEDBACK_KINDS[locale][kind]


def part_in_words(role: Role, organisation: str | None, municipality: str | None, locale: Locale) -> str:
    """As what somebody takes part: "Helferkreis Nord in Musterstadt (ehrenamtlich)", "Koordination in Musterstadt"."""
    in_organisation = role in ROLES_OF_ORGANISATIONS
    nameless = "eine Organisation" if locale is Locale.DE else "an organisation"
    what = (organisation or nameless) if in_organisation else _ROLES[locale][role]
    where = "" if municipality is None else f" in {municipality}"
    return f"{what}{where} ({_ROLES[locale][role]})" if in_organisation else what + where


def paragraph(text: str) -> str:
    """Wrapped for plain text. Addresses are never broken."""
    return _wrapped(" ".join(text.split()), "", "")


def row(value: str, label: str = "") -> str:
    """A line of the table of facts in plain text: the label, then the value, which may take several lines."""
    return _wrapped(value, "  " + label.ljust(_LABEL_COLUMNS), " " * (_LABEL_COLUMNS + 2))


def indented(value: str) -> str:
    """Set off from the text around it."""
    return _wrapped(value, "  ", "  ")


def _wrapped(text: str, first: str, later: str) -> str:
    return textwrap.fill(
        text, TEXT_COLUMNS, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )
