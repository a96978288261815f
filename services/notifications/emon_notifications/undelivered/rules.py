"""Which deliveries somebody has to look at, and what others are told of them. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from emon_contracts.events.notifications import DeliveryFailed, DeliverySettled, FailedAs
from emon_contracts.refusals import Refusal
from emon_notifications.deliveries.rules import Status

UNDELIVERED = frozenset(Status(status.value) for status in FailedAs)
"""Somebody has to look at it."""

STAYING = UNDELIVERED - {Status.UNCERTAIN, Status.HELD}
"""Of these, what stays as it is in the ledger, and so needs a settlement."""


class Settlement(StrEnum):
    """Why nobody has to look any more at a delivery that did not arrive and never will."""

    ADDRESS_CHANGED = "address-changed"
    NEWER_PLANNED = "newer-planned"
    PERSON_ERASED = "person-erased"
    SETTLED_BY_STAFF = "settled-by-staff"  # they phoned, or saw to the address


@dataclass(frozen=True, slots=True)
class Standing:
    """How a delivery stands, as others are told. `version` counts the events about it; `told_as` None: it is settled."""

    delivery_id: UUID
    version: int
    told_as: FailedAs | None
    status: Status
    person_id: UUID
    subject_id: UUID
    ags: str | None
    kind: str
    category: str
    reason: str | None


def event_of(standing: Standing) -> DeliveryFailed | DeliverySettled:
    """What tells of it."""
    facts: dict[str, Any] = {
        "delivery_id": standing.delivery_id,
        "person_id": standing.person_id,
        "subject_id": standing.subject_id,
        "ags": standing.ags,
        "kind": standing.kind,
        "category": standing.category,
        "reason": standing.reason,
    }
    if standing.told_as is None:
        return DeliverySettled(**facts, status=standing.status.value)
    return DeliveryFailed(**facts, status=standing.told_as)


def settlement_refusal(status: Status) -> Refusal | None:
    """Why staff cannot settle a delivery in this state: what can still be sent is released or cancelled instead."""
    if status in STAYING:
        return None
    wanted = ", ".join(sorted(STAYING))
    return Refusal("delivery-status", f"The delivery is {status.value}; this is for one that is {wanted}.", conflict=True)
