"""Dates, durations and paragraphs as people write them, in German and English.

The names of days and months are written out here: two short tables against a library with the locales of the world.
"""

import textwrap
from datetime import datetime
from zoneinfo import ZoneInfo

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


def written_language(locale: Locale) -> Locale:
    """The language that there are texts in: German in plain words is written in German until it has its own."""
    return Locale.DE if locale is Locale.DE_SIMPLE else locale


def moment_in_words(moment: ZonedDateTime, locale: Locale) -> str:
    """ "Donnerstag, 18. März 2027, 18:00 Uhr (Europe/Berlin)", "Thursday, 18 March 2027, 18:00 (Europe/Berlin)"."""
    local = moment.local
    weekday, month = _WEEKDAYS[locale][local.weekday()], _MONTHS[locale][local.month - 1]
    if locale is Locale.DE:
        return f"{weekday}, {local.day}. {month} {local.year}, {local:%H:%M} Uhr ({moment.time_zone})"
    return f"{weekday}, {local.day} {month} {local.year}, {local:%H:%M} ({moment.time_zone})"


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
