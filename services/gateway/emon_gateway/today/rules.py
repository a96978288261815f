"""How urgent something is, and which one action settles it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from emon_calendar.working_days import WorkingTime, day_of, end_of_day, working_days_until
from emon_contracts.events.feedback import Awaited
from emon_contracts.events.notifications import FailedAs
from emon_contracts.values import ZonedDateTime

MEETINGS_AHEAD = timedelta(days=14)
"""So long before a meeting the replies that are missing are shown to whoever can remind people."""

ITEMS_MAX = 200
"""So many items of each kind are looked at, and so many are shown in all."""


class ItemKind(StrEnum):
    """What waits for somebody."""

    FEEDBACK = "feedback"  # to acknowledge or to answer
    MEETING = "meeting"  # soon, and replies are missing
    INVITATION = "invitation"  # one's own, to reply to
    DELIVERY = "delivery"  # that did not arrive, or may not have
    BY_HAND = "by_hand"  # somebody who can be told something by hand alone


class Action(StrEnum):
    """What settles it."""

    ACKNOWLEDGE = "acknowledge"
    ANSWER = "answer"
    REMIND = "remind"
    REPLY = "reply"
    DECIDE = "decide"
    MEND_ADDRESS = "mend-address"
    PHONE = "phone"


_ACTIONS: Mapping[tuple[ItemKind, str | None], Action] = {
    (ItemKind.FEEDBACK, Awaited.ACKNOWLEDGEMENT.value): Action.ACKNOWLEDGE,
    (ItemKind.FEEDBACK, Awaited.ANSWER.value): Action.ANSWER,
    (ItemKind.MEETING, None): Action.REMIND,
    (ItemKind.INVITATION, None): Action.REPLY,
    (ItemKind.DELIVERY, FailedAs.BOUNCED.value): Action.MEND_ADDRESS,
    (ItemKind.DELIVERY, FailedAs.SUPPRESSED.value): Action.MEND_ADDRESS,
    (ItemKind.DELIVERY, FailedAs.UNCERTAIN.value): Action.DECIDE,
    (ItemKind.DELIVERY, FailedAs.HELD.value): Action.DECIDE,
    (ItemKind.BY_HAND, FailedAs.BY_HAND.value): Action.PHONE,
}


@dataclass(frozen=True, slots=True)
class Found:
    """Something of the read model that waits for the caller. `promised_by`: to the author of feedback."""

    kind: ItemKind
    id: UUID
    subject_id: UUID
    ags: str | None
    status: str | None
    about: str | None = None
    reason: str | None = None
    person_id: UUID | None = None
    display_name: str | None = None
    title: str | None = None
    place: str | None = None
    start: ZonedDateTime | None = None
    starts_at: datetime | None = None
    due_by: date | None = None
    promised_by: date | None = None
    count: int | None = None
    of: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """What waits for the caller, and how long it still can."""

    found: Found
    action: Action
    days_left: int | None
    overdue: bool


def items_of(found: Iterable[Found], working: WorkingTime, now: datetime) -> list[Item]:
    """The most urgent first, as many as are shown. `working`: when the caller works."""
    items = [_item(each, working, now) for each in found]
    return sorted(items, key=lambda item: _urgency(item, now))[:ITEMS_MAX]


def _item(found: Found, working: WorkingTime, now: datetime) -> Item:
    return Item(found, _ACTIONS[found.kind, found.status], _days_left(found, working, now), _is_overdue(found, now))


def _days_left(found: Found, working: WorkingTime, now: datetime) -> int | None:
    """Feedback is due in working days, the caller's own; until a meeting it is so many days on the calendar."""
    if found.due_by is not None:
        return working_days_until(day_of(now), found.due_by, working)
    if found.starts_at is not None:
        return (day_of(found.starts_at) - day_of(now)).days
    return None


def _is_overdue(found: Found, now: datetime) -> bool:
    """As feedback itself has it: its author waits longer than promised, whoever is asked meanwhile."""
    promised = found.promised_by or found.due_by
    return promised is not None and now >= end_of_day(promised)


def _urgency(item: Item, now: datetime) -> tuple[bool, datetime, str, int]:
    """Overdue first, then by the moment until which something can be done. What has no date of its own counts as due today."""
    found = item.found
    if found.due_by is not None:
        moment = end_of_day(found.due_by)
    elif found.starts_at is not None:
        moment = found.starts_at
    else:
        moment = end_of_day(day_of(now))
    return not item.overdue, moment, found.kind.value, found.id.int
