"""Whether a mail introduces, and what its outcome means. Pure.

The law: nobody gets two introducing mails, and no other notice before one, except sign-in mails to several people at once, and
what goes to an address that is not theirs. What may have arrived counts as arrived.
"""

from collections.abc import Collection
from enum import StrEnum

MAY_HAVE_ARRIVED = frozenset({"accepted", "uncertain"})
"""Outcomes of a try after which nobody is introduced once more."""


class Standing(StrEnum):
    """Where a person stands."""

    NEW = "new"  # and held by the mailer that asks
    BEING_INTRODUCED = "being_introduced"  # by a mail under way, or by a mailer that decides at this moment
    INTRODUCED = "introduced"


class Manner(StrEnum):
    """How a mail goes out."""

    INTRODUCING = "introducing"
    PLAIN = "plain"
    NOT_YET = "not_yet"  # it stays in the queue until it is known how the introducing mail ended


def manner_of(standing: Standing, *, readers: int, repeats_introduction: bool, goes_elsewhere: bool = False) -> Manner:
    """How a mail to somebody goes out. `readers`: so many people it is written to.

    `repeats_introduction`: it is word for word the mail that introduced them and of which nobody knows whether it arrived.
    `goes_elsewhere`: to an address that is not theirs, where nobody may read what is stored about them.
    """
    if readers > 1 or goes_elsewhere:
        return Manner.PLAIN
    match standing:
        case Standing.NEW:
            return Manner.INTRODUCING
        case Standing.BEING_INTRODUCED:
            return Manner.NOT_YET
        case Standing.INTRODUCED:
            return Manner.INTRODUCING if repeats_introduction else Manner.PLAIN


def standing_after(outcomes: Collection[str | None]) -> Standing:
    """Where somebody stands whose introducing mail had these outcomes, one for each try; None: under way."""
    if MAY_HAVE_ARRIVED & set(outcomes):
        return Standing.INTRODUCED
    return Standing.BEING_INTRODUCED if None in outcomes else Standing.NEW
