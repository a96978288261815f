"""Events of notifications, keyed by the delivery. They tell of those that did not arrive by themselves, and of no others."""

from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from emon_contracts.envelope import Payload
from emon_contracts.topics import NOTIFICATIONS_EVENTS, Topic
from emon_contracts.values import Ags


class FailedAs(StrEnum):
    """Why somebody has to look at a delivery."""

    BOUNCED = "bounced"  # the mail server refused it for good
    SUPPRESSED = "suppressed"  # an earlier mail to this address was refused for good
    UNCERTAIN = "uncertain"  # it may have arrived
    HELD = "held"  # it is sent once staff release it
    BY_HAND = "by_hand"  # the person has no address


class _DeliveryFacts(Payload):
    """What every event about a delivery says. `ags` is None where no municipality's staff see it."""

    TOPIC: ClassVar[Topic] = NOTIFICATIONS_EVENTS
    KEY: ClassVar[str] = "delivery_id"

    delivery_id: UUID
    person_id: UUID
    subject_id: UUID
    ags: Ags | None
    kind: Annotated[str, Field(examples=["invitation"])]
    category: Annotated[str, Field(examples=["meetings"])]
    reason: Annotated[str | None, Field(examples=["rcpt-550"])]


class DeliveryFailed(_DeliveryFacts):
    """Something that is owed to a person did not reach them by itself, or may not have; somebody has to look at it."""

    TYPE: ClassVar[str] = "de.emon.notifications.delivery-failed.v1"

    status: FailedAs


class DeliverySettled(_DeliveryFacts):
    """Nobody has to look at it any more: it was released, cancelled, overtaken by something newer, or arrived after all."""

    TYPE: ClassVar[str] = "de.emon.notifications.delivery-settled.v1"

    status: Annotated[str, Field(examples=["accepted"])]
