"""What staff can decide about a delivery."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound, Refusal, Refused
from emon_notifications.deliveries import repository
from emon_notifications.deliveries.repository import DeliveryDetails
from emon_notifications.deliveries.rules import Cause, Status, refusal_of, retry
from emon_notifications.mailing.due import clock
from emon_notifications.planning.rules import TRIED_FOR
from emon_notifications.undelivered import repository as undelivered
from emon_notifications.undelivered.rules import Settlement, settlement_refusal
from emon_platform.database import Database, Transaction


async def release_delivery(database: Database, actor: Actor, delivery_id: UUID) -> DeliveryDetails:
    """Sends what was held, or once more what is uncertain. Raises NotFound, and Refused (409) in any other state."""
    return await _decide(database, actor, delivery_id, Cause.STAFF_RELEASED, "released-by-staff")


async def cancel_delivery(database: Database, actor: Actor, delivery_id: UUID) -> DeliveryDetails:
    """Sends it not, or not once more. Raises NotFound, and Refused (409) once it is on its way or done."""
    return await _decide(database, actor, delivery_id, Cause.STAFF_CANCELLED, "cancelled-by-staff")


async def settle_delivery(database: Database, actor: Actor, delivery_id: UUID) -> DeliveryDetails:
    """Staff saw to it otherwise: they phoned, or the address is mended. Raises NotFound, and Refused (409) in any other state."""
    async with database.transaction(actor, Permission.DELIVERY_DECIDE) as tx:
        await _lock(tx, delivery_id, settlement_refusal)
        await undelivered.settle(tx, [delivery_id], Settlement.SETTLED_BY_STAFF)
        return await _found(tx, delivery_id)


async def retry_delivery(database: Database, actor: Actor, delivery_id: UUID) -> DeliveryDetails:
    """Sends once more what was refused, now that the address is another or is taken again.

    Raises NotFound, and Refused (409) in any other state, while the address is one that was refused for good, without any, and
    once what it tells is over.
    """
    async with database.transaction(actor, Permission.DELIVERY_DECIDE) as tx:
        await _lock(tx, delivery_id, partial(refusal_of, Cause.STAFF_RETRIED))
        until = retry(await repository.undelivered(tx, delivery_id), await clock(tx), TRIED_FOR)
        if isinstance(until, Refusal):
            raise Refused(until)
        return await _apply(tx, delivery_id, Cause.STAFF_RETRIED, "retried-by-staff", until)


async def _decide(database: Database, actor: Actor, delivery_id: UUID, cause: Cause, reason: str) -> DeliveryDetails:
    async with database.transaction(actor, Permission.DELIVERY_DECIDE) as tx:
        await _lock(tx, delivery_id, partial(refusal_of, cause))
        return await _apply(tx, delivery_id, cause, reason)


async def _lock(tx: Transaction, delivery_id: UUID, refusal_in: Callable[[Status], Refusal | None]) -> None:
    """Holds the delivery. Raises NotFound, and Refused by what its status allows."""
    status = await repository.lock_delivery(tx, delivery_id)
    if status is None:
        raise NotFound("delivery", delivery_id)
    refusal = refusal_in(status)
    if refusal is not None:
        raise Refused(refusal)


async def _apply(
    tx: Transaction, delivery_id: UUID, cause: Cause, reason: str, expires_at: datetime | None = None
) -> DeliveryDetails:
    await repository.apply(tx, delivery_id, cause, reason, expires_at)
    await undelivered.tell(tx, [delivery_id])
    return await _found(tx, delivery_id)


async def _found(tx: Transaction, delivery_id: UUID) -> DeliveryDetails:
    details = await repository.find_delivery(tx, delivery_id)
    if details is None:
        raise NotFound("delivery", delivery_id)
    return details
