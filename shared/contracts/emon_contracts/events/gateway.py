"""Events of the gateway."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from emon_contracts.envelope import Payload
from emon_contracts.topics import GATEWAY_EVENTS, Topic


class SignInRequested(Payload):
    """Somebody who can read the mailbox of these people asked for a sign-in link. Several people can share a mailbox."""

    TYPE: ClassVar[str] = "de.emon.gateway.sign-in-requested.v1"
    TOPIC: ClassVar[Topic] = GATEWAY_EVENTS
    KEY: ClassVar[str] = "request_id"

    request_id: UUID
    person_ids: tuple[UUID, ...]
    expires_at: datetime
