"""What the doctor finds."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is; the worst of an examination is its exit code."""

    OK = 0
    WARNING = 1  # works now, and will not for ever, or was not looked at
    PROBLEM = 2  # something does not work, or is open to others


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what there is, where, and unless all is well how to mend it. Never holds a secret."""

    level: Level
    subject: str
    where: str
    what: str
    mend: str = ""


def ok(subject: str, where: str, what: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, subject, where, what)


def warning(subject: str, where: str, what: str, mend: str) -> Finding:
    """Somebody should look at it."""
    return Finding(Level.WARNING, subject, where, what, mend)


def problem(subject: str, where: str, what: str, mend: str) -> Finding:
    """Somebody has to mend it."""
    return Finding(Level.PROBLEM, subject, where, what, mend)


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the whole."""
    return max((finding.level for finding in findings), default=Level.OK)


def or_ok(found: list[Finding], subject: str, where: str, what: str) -> list[Finding]:
    """What was found, or where that is nothing, that all is well."""
    return found or [ok(subject, where, what)]
