"""Which events tell people something: in which category, how urgently, and for how long it is worth telling."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from emon_notifications.deliveries.rules import Kind

PLANNED_WITHIN = timedelta(hours=48)
"""An event that is read later than this is not told to anybody: a service that was down for days must not flood mailboxes."""

TRIED_FOR = timedelta(days=5)
"""How long a mail server may put a mail off (RFC 5321 section 4.5.4.1: at least 4 to 5 days)."""

WAITS_FOR = timedelta(hours=24)
"""How long a delivery waits for a person or a meeting that nobody told of yet."""


class Category(StrEnum):
    """What a person chooses for."""

    SIGN_IN = "sign_in"
    MEETINGS = "meetings"
    FEEDBACK = "feedback"
    LEGAL = "legal"  # cannot be switched off


@dataclass(frozen=True, slots=True)
class NotificationType:
    """`priority`: lower goes first.

    Sign-in and cancellations go before all else, what is for a few people before the invitations of many, an introduction that
    any other mail can take along behind them.
    """

    category: Category
    priority: int


TYPES: Mapping[Kind, NotificationType] = {
    Kind.SIGN_IN: NotificationType(Category.SIGN_IN, 0),
    Kind.ADDRESS_CONFIRMATION: NotificationType(Category.LEGAL, 5),
    Kind.ADDRESS_CHANGED: NotificationType(Category.LEGAL, 5),
    Kind.CANCELLATION: NotificationType(Category.MEETINGS, 10),
    Kind.CHANGE: NotificationType(Category.MEETINGS, 20),
    Kind.FEEDBACK_REMINDER: NotificationType(Category.FEEDBACK, 22),
    Kind.FEEDBACK_ESCALATION: NotificationType(Category.FEEDBACK, 22),
    Kind.FEEDBACK_ASKED: NotificationType(Category.FEEDBACK, 24),
    Kind.FEEDBACK_CONTINUED: NotificationType(Category.FEEDBACK, 26),
    Kind.FEEDBACK_ACKNOWLEDGED: NotificationType(Category.FEEDBACK, 26),
    Kind.FEEDBACK_PUT_OFF: NotificationType(Category.FEEDBACK, 26),
    Kind.FEEDBACK_ANSWERED: NotificationType(Category.FEEDBACK, 26),
    Kind.INVITATION: NotificationType(Category.MEETINGS, 30),
    Kind.INTRODUCTION: NotificationType(Category.LEGAL, 40),
}
