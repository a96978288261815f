"""The worker's part of sign-in: from the request for a link to the event that makes notifications mail it."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import structlog

from emon_contracts.envelope import NewEvent
from emon_contracts.events.gateway import SignInRequested
from emon_gateway.sign_in import repository
from emon_gateway.sign_in.rules import LINK_VALID_FOR, LOOK_AGAIN_AFTER, Outcome, outcome_of_request
from emon_platform import outbox
from emon_platform.database import Database, Transaction
from emon_platform.failures import is_transient

log = structlog.get_logger()

BATCH = 100
POLL_INTERVAL_S = 0.1
PAUSE_S = 1.0
# So that an event stays far below EVENT_BYTES_MAX however many people share a mailbox.
PEOPLE_PER_EVENT_MAX = 500


class SignInDispatch:
    """Looks after requests until cancelled. Several workers share them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._failure: str | None = None

    def trouble(self) -> list[str]:
        """What keeps sign-in requests waiting, in words; empty when all is well."""
        return [] if self._failure is None else [f"sign-in requests: {self._failure}"]

    async def run(self) -> None:
        """Takes requests as they come."""
        while True:
            try:
                async with self._database.unscoped() as tx:
                    taken = await dispatch_due(tx, datetime.now(UTC))
                self._failure = None
            except Exception as error:
                self._failure = type(error).__name__
                if not is_transient(error):
                    raise
                log.warning("sign_in_dispatch_interrupted", reason=self._failure)
                await asyncio.sleep(PAUSE_S)
                continue
            if taken < BATCH:
                await asyncio.sleep(POLL_INTERVAL_S)


async def dispatch_due(tx: Transaction, now: datetime) -> int:
    """Handles the requests that are due; answers how many there were."""
    requests = await repository.claim_due_requests(tx, now, BATCH)
    if not requests:
        return 0
    people = await repository.people_by_mailbox(tx, [request["email_key"] for request in requests])
    waiting: list[UUID] = []
    done: list[UUID] = []
    events: list[NewEvent] = []
    for request in requests:
        known = people.get(request["email_key"], [])
        outcome = outcome_of_request(request["requested_at"], now, mailbox_is_known=bool(known))
        if outcome is Outcome.SEND:
            events += _events(request["id"], known, request["requested_at"] + LINK_VALID_FOR)
        (waiting if outcome is Outcome.LOOK_AGAIN else done).append(request["id"])
    await outbox.append(tx, "gateway", events)
    await repository.look_again_at(tx, waiting, now + LOOK_AGAIN_AFTER)
    await repository.delete_requests(tx, done)
    return len(requests)


def _events(request_id: UUID, person_ids: list[UUID], expires_at: datetime) -> list[NewEvent]:
    parts = [person_ids[start : start + PEOPLE_PER_EVENT_MAX] for start in range(0, len(person_ids), PEOPLE_PER_EVENT_MAX)]
    return [
        NewEvent(
            SignInRequested(request_id=request_id, person_ids=tuple(part), expires_at=expires_at),
            subject=str(request_id),
            sequence=number,
        )
        for number, part in enumerate(parts, start=1)
    ]
