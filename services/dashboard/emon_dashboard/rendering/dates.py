"""Days and times as people write them, with the weekday."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

PLATFORM_ZONE = ZoneInfo("Europe/Berlin")

_DAYS: Mapping[str, tuple[str, ...]] = {
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS: Mapping[str, tuple[str, ...]] = {
    "de": (
        "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip


def day_text(day: date, language: str) -> str:
    """Such as `Montag, 3. Mai 2027`."""
    number = f"{day.day}." if language == "de" else str(day.day)
    return f"{_DAYS[language][day.weekday()]}, {number} {_MONTHS[language][day.month - 1]} {day.year}"


def wall_clock_text(local: datetime, language: str) -> str:
    """Such as `Montag, 3. Mai 2027, 18:00 Uhr`."""
    return f"{day_text(local.date(), language)}, {local.hour}:{local.minute:02}{' Uhr' if language == 'de' else ''}"


def moment_text(moment: datetime, language: str) -> str:
    """A moment on the clocks of Baden-Württemberg."""
    return wall_clock_text(moment.astimezone(PLATFORM_ZONE), language)


def duration_text(minutes: int, language: str) -> str:
    """Such as `1 Std. 30 Min.`"""
    hours, left = divmod(minutes, 60)
    units = ("Std.", "Min.") if language == "de" else ("h", "min")
    return " ".join(f"{number} {unit}" for number, unit in zip((hours, left), units, strict=True) if number)
