"""What needs somebody, as JSON."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field
from pydantic_core import to_json

from emon_contracts.values import ZonedDateTime
from emon_gateway.today.rules import ITEMS_MAX, Action, Found, Item, ItemKind


class TodayItem(BaseModel):
    """Something that waits for the caller. Which fields are set depends on its kind."""

    kind: ItemKind
    id: UUID = Field(description="Of the feedback, the meeting, the invitation, or the delivery; of several, the newest")
    subject_id: UUID = Field(description="What it is about, such as the meeting of an invitation or of deliveries")
    ags: str | None
    action: Action = Field(description="The one action that settles it")
    about: str | None = Field(
        description="The kind of the feedback, or of the delivery; null where several deliveries differ in it",
        examples=["problem", "invitation"],
    )
    status: str | None = Field(
        description="What feedback waits for, or as what a delivery failed", examples=["acknowledgement", "bounced"]
    )
    reason: str | None = Field(description="Why a delivery failed", examples=["rcpt-550"])
    person_id: UUID | None = Field(description="Whom a delivery is for, where it is one")
    display_name: str | None
    title: str | None = Field(description="Of the meeting that it is about")
    place: str | None
    start: ZonedDateTime | None
    starts_at: datetime | None
    due_by: date | None = Field(description="The last day on which feedback can be acted on in time")
    days_left: int | None = Field(
        description="For feedback the caller's own working days, for a meeting days on the calendar; 0: today is the last of them"
    )
    overdue: bool = Field(description="Whether the author of the feedback waits longer than promised")
    count: int | None = Field(description="Replies that are missing, or deliveries")
    of: int | None = Field(description="Invitations in all")

    @classmethod
    def of_item(cls, item: Item) -> Self:
        """The body of an item."""
        found = item.found
        shown = {name: getattr(found, name) for name in Found.__slots__ if name in cls.model_fields}
        return cls.model_construct(**shown, action=item.action, days_left=item.days_left, overdue=item.overdue)


class TodayCounts(BaseModel):
    """How many items of each kind wait; 200 stands for 200 or more."""

    feedback: int
    meeting: int
    invitation: int
    delivery: int
    by_hand: int

    @classmethod
    def of(cls, found: Iterable[Found]) -> Self:
        """The counts of what was found."""
        counted = Counter(each.kind for each in found)
        return cls.model_validate({kind.value: counted[kind] for kind in ItemKind})


class Today(BaseModel):
    """What needs the caller, the most urgent first, at most 200 items; `counts` are those of all."""

    counts: TodayCounts
    items: list[TodayItem]


@dataclass(frozen=True, slots=True)
class Seen:
    """What needs somebody at this moment: as JSON, with the counts alone, and a tag that changes with any of it."""

    content: bytes
    counts: bytes
    tag: str

    @classmethod
    def of(cls, found: Sequence[Found], items: Sequence[Item]) -> Self:
        """What was found, and the items that are shown of it."""
        counts = TodayCounts.of(found)
        content = to_json(Today.model_construct(counts=counts, items=[TodayItem.of_item(item) for item in items]))
        return cls(content, to_json(counts), hashlib.sha256(content).hexdigest()[:20])


assert ITEMS_MAX == 200  # as the docstrings say, which the documents show
