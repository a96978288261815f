"""All SQL of what did not arrive by itself."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from emon_contracts.envelope import NewEvent
from emon_contracts.events.notifications import FailedAs
from emon_notifications.deliveries.rules import OPEN, Status
from emon_notifications.undelivered.rules import STAYING, UNDELIVERED, Settlement, Standing, event_of
from emon_platform import outbox
from emon_platform.database import Transaction

UNDELIVERED_WORDS = [status.value for status in sorted(UNDELIVERED)]
_STAYING = [status.value for status in sorted(STAYING)]
_OVERTAKING = [status.value for status in sorted(OPEN | {Status.BY_HAND})]
TOLD_AT_ONCE_MAX = 1000


async def tell(tx: Transaction, delivery_ids: Sequence[UUID]) -> None:
    """Publishes what others do not know yet of these deliveries: that they failed, in another way, or that they are settled.

    To be called in the transaction that changes the status of a delivery to or from one of UNDELIVERED, with those it changed;
    what they are told already is not told again.
    """
    if not delivery_ids:
        return
    rows = await tx.fetch(
        """
        UPDATE deliveries AS delivery
        SET told_as = standing.told_as, version = delivery.version + 1
        FROM (
            SELECT id, CASE WHEN status = ANY($2::text[]) AND settlement IS NULL THEN status END AS told_as
            FROM deliveries
            WHERE id = ANY($1::uuid[])
            ORDER BY position
            FOR UPDATE
        ) AS standing
        WHERE delivery.id = standing.id
          AND delivery.told_as IS DISTINCT FROM standing.told_as
        RETURNING
            delivery.id, delivery.version, delivery.told_as, delivery.status, delivery.person_id, delivery.subject_id,
            delivery.ags, delivery.kind, delivery.category, coalesce(delivery.settlement, delivery.reason) AS reason
        """,
        delivery_ids,
        UNDELIVERED_WORDS,
    )
    await outbox.append(tx, "notifications", [_event(row) for row in rows])


async def settle(tx: Transaction, delivery_ids: Sequence[UUID], settlement: Settlement) -> None:
    """Nobody has to look any more at those of these deliveries that stay as they are."""
    await tx.execute(
        """
        UPDATE deliveries
        SET settlement = $2, updated_at = now()
        WHERE id = ANY($1::uuid[]) AND status = ANY($3::text[]) AND settlement IS NULL
        """,
        delivery_ids,
        settlement.value,
        _STAYING,
    )
    await tell(tx, delivery_ids)


async def settle_overtaken(tx: Transaction, delivery_ids: Sequence[UUID]) -> None:
    """Tells of these deliveries; those of them that stay as they are are settled where something newer is under way."""
    overtaken = await tx.fetch(
        """
        SELECT older.id
        FROM deliveries AS older
        WHERE older.id = ANY($1::uuid[])
          AND older.status = ANY($2::text[])
          AND EXISTS (
              SELECT FROM deliveries AS newer
              WHERE newer.person_id = older.person_id
                AND newer.subject_id = older.subject_id
                AND newer.position > older.position
                AND newer.status = ANY($3::text[])
          )
        """,
        delivery_ids,
        _STAYING,
        _OVERTAKING,
    )
    if overtaken:
        await settle(tx, [row["id"] for row in overtaken], Settlement.NEWER_PLANNED)
    await tell(tx, delivery_ids)


async def settle_for_people(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """The directory changed: what did not reach an address that is no longer theirs, or somebody who was erased, is settled."""
    rows = await tx.fetch(
        """
        SELECT delivery.id, person.erased
        FROM deliveries AS delivery
        JOIN directory_people AS person ON person.person_id = delivery.person_id
        WHERE delivery.person_id = ANY($1::uuid[])
          AND delivery.told_as = ANY($2::text[])
          AND (person.erased OR person.address_version = person.version)
        ORDER BY delivery.position
        FOR UPDATE OF delivery
        """,
        person_ids,
        _STAYING,
    )
    for settlement, erased in ((Settlement.PERSON_ERASED, True), (Settlement.ADDRESS_CHANGED, False)):
        ids = [row["id"] for row in rows if row["erased"] is erased]
        if ids:
            await settle(tx, ids, settlement)


async def tell_forgotten(tx: Transaction) -> None:
    """Tells what should have been told and was not: what the ledger held before anybody was told anything."""
    rows = await tx.fetch(
        """
        SELECT id
        FROM deliveries
        WHERE told_as IS NULL
          AND settlement IS NULL
          AND status IN ('bounced', 'suppressed', 'uncertain', 'held', 'by_hand')
        ORDER BY id
        LIMIT $1
        """,
        TOLD_AT_ONCE_MAX,
    )
    await tell(tx, [row["id"] for row in rows])


def _event(row: Any) -> NewEvent:
    standing = Standing(
        delivery_id=row["id"],
        version=row["version"],
        told_as=None if row["told_as"] is None else FailedAs(row["told_as"]),
        status=Status(row["status"]),
        person_id=row["person_id"],
        subject_id=row["subject_id"],
        ags=row["ags"],
        kind=row["kind"],
        category=row["category"],
        reason=row["reason"],
    )
    return NewEvent(event_of(standing), subject=str(standing.delivery_id), sequence=standing.version, tenant=standing.ags)
