"""What the pages about deliveries read from the gateway."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel

from emon_dashboard.gateway import Query
from emon_dashboard.visits import SignedInVisit

NEED_SOMEBODY = ("held", "uncertain", "bounced", "suppressed", "by_hand")
# The list in groups, as the gateway is asked for each: what a reader wants to know first. Every state is in one, and those that
# need somebody in another once somebody saw to it.
GROUPS: Mapping[str, Query] = {
    "needs_you": {"status": NEED_SOMEBODY, "settled": False},
    "under_way": {"status": ("waiting", "queued", "sending", "deferred")},
    "arrived": {"status": ("accepted",)},
    "not_sent": {"status": ("superseded", "skipped", "expired", "erased", "cancelled")},
    "settled": {"settled": True},
}


class Action(StrEnum):
    """What staff can do. The value is the last part of the route."""

    RELEASE = "release"
    RETRY = "retry"
    SETTLEMENT = "settlement"
    CANCELLATION = "cancellation"


# As the gateway decides; what it decides otherwise meanwhile, it says.
ACTIONS: Mapping[str, Sequence[Action]] = {
    "held": (Action.RELEASE, Action.CANCELLATION),
    "uncertain": (Action.RELEASE, Action.CANCELLATION),
    "waiting": (Action.CANCELLATION,),
    "queued": (Action.CANCELLATION,),
    "deferred": (Action.CANCELLATION,),
    "bounced": (Action.RETRY, Action.SETTLEMENT),
    "suppressed": (Action.RETRY, Action.SETTLEMENT),
    "by_hand": (Action.SETTLEMENT,),
}


class Delivery(BaseModel):
    """What is owed to one person. `settlement`: why nobody has to look any more at what did not arrive."""

    id: UUID
    subject_id: UUID
    subject_title: str | None = None
    person_id: UUID
    display_name: str | None
    kind: str
    status: str
    reason: str | None
    settlement: str | None = None
    not_before: datetime | None
    expires_at: datetime
    attempts: int
    created_at: datetime
    updated_at: datetime

    @property
    def subject(self) -> str | None:
        """The page of what it is about."""
        match self.kind.partition("_")[0]:
            case "invitation" | "change" | "cancellation":
                return f"/meetings/{self.subject_id}"
            case "feedback":
                return f"/feedback/{self.subject_id}"
            case _:
                return None

    @property
    def needs_somebody(self) -> bool:
        """Whether it waits for staff."""
        return self.status in NEED_SOMEBODY and self.settlement is None

    @property
    def actions(self) -> Sequence[Action]:
        """What staff can do with it, the nearest first."""
        offered = ACTIONS.get(self.status, ())
        return [action for action in offered if action is not Action.SETTLEMENT or self.settlement is None]


class Deliveries(BaseModel):
    """A page of the list."""

    items: list[Delivery]
    next_cursor: str | None


class Attempt(BaseModel):
    """One try. `outcome` is None while it is under way."""

    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    stage: str | None
    code: int | None
    reply: str | None


class DeliveryWithAttempts(Delivery):
    """A delivery with each try of its mail."""

    tries: list[Attempt]


async def page_of_deliveries(visit: SignedInVisit, query: Query) -> Deliveries:
    """Deliveries in reach, the newest first."""
    return (await visit.get("/v1/deliveries", query)).read(Deliveries)


async def one_delivery(visit: SignedInVisit, delivery_id: UUID) -> DeliveryWithAttempts:
    """A delivery with each try."""
    return (await visit.get(f"/v1/deliveries/{delivery_id}")).read(DeliveryWithAttempts)
