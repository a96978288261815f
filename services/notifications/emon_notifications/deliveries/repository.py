"""All SQL of what staff see and decide. Row-level security keeps a caller to the municipalities in reach."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from emon_contracts.permissions import Permission, scope_of
from emon_notifications.deliveries.rules import Cause, Kind, Status, Undelivered, sources, target
from emon_platform.database import Transaction

_COLUMNS = """
    delivery.id, delivery.event_id, delivery.subject_id, meeting.title AS subject_title, delivery.person_id, person.display_name,
    delivery.ags, delivery.kind, delivery.status, delivery.reason, delivery.mail_id, delivery.not_before, delivery.expires_at,
    delivery.created_at, delivery.updated_at, delivery.settlement,
    (SELECT count(*) FROM attempts WHERE attempts.mail_id = delivery.mail_id) AS attempts
"""


def _in_reach(tx: Transaction, first: int) -> tuple[str, list[object]]:
    """The condition under which the caller sees a delivery, with its arguments, numbered from `first`.

    Who wrote feedback, and who is to answer it, is nobody's business but those who may read it, and the administration's,
    who may do in any municipality what a coordinator may, deliveries included.
    """
    if tx.scope.everywhere:
        return "true", []
    feedback = scope_of(tx.actor, Permission.FEEDBACK_READ)
    readable = frozenset[str]() if feedback is None else feedback.municipalities
    condition = (
        f"delivery.ags = ANY(${first}::text[]) AND (delivery.category <> 'feedback' OR delivery.ags = ANY(${first + 1}::text[]))"
    )
    return condition, [sorted(tx.scope.municipalities), sorted(readable)]


async def page_of_deliveries(
    tx: Transaction,
    filters: Mapping[str, UUID | None],
    statuses: Collection[Status],
    settled: bool | None,
    before: UUID | None,
    limit: int,
) -> list[Any]:
    """Deliveries in reach, newest first. `filters` are columns with the value that they must have; no statuses are all."""
    in_reach, arguments = _in_reach(tx, 1)
    conditions = [in_reach]

    def demand(condition: str, argument: object) -> None:
        arguments.append(argument)
        conditions.append(condition.format(f"${len(arguments)}"))

    for column in ("subject_id", "event_id", "person_id"):
        if filters.get(column) is not None:
            demand(f"delivery.{column} = {{}}", filters[column])
    if statuses:
        # In words, not as a parameter: so the planner can use the partial indexes of some states.
        conditions.append("delivery.status IN (" + ", ".join(f"'{status.value}'" for status in sorted(set(statuses))) + ")")
    if settled is not None:
        conditions.append(f"delivery.settlement IS {'NOT NULL' if settled else 'NULL'}")
    if before is not None:
        demand("delivery.id < {}", before)
    arguments.append(limit)
    return await tx.fetch(
        f"""
        SELECT {_COLUMNS}
        FROM deliveries AS delivery
        LEFT JOIN directory_people AS person ON person.person_id = delivery.person_id
        LEFT JOIN meetings AS meeting ON meeting.meeting_id = delivery.subject_id
        WHERE {" AND ".join(conditions)}
        ORDER BY delivery.id DESC
        LIMIT ${len(arguments)}
        """,
        *arguments,
    )


@dataclass(frozen=True, slots=True)
class DeliveryDetails:
    """A delivery with what its mail says, and each try of it, oldest first."""

    delivery: Any
    attempts: list[Any]


async def find_delivery(tx: Transaction, delivery_id: UUID) -> DeliveryDetails | None:
    """The delivery, or None where it is not in reach."""
    in_reach, arguments = _in_reach(tx, 2)
    delivery = await tx.fetchrow(
        f"""
        SELECT
            {_COLUMNS},
            mail.kind AS mail_kind, mail.revision AS mail_revision, mail.introduces IS NOT NULL AS mail_introduces
        FROM deliveries AS delivery
        LEFT JOIN directory_people AS person ON person.person_id = delivery.person_id
        LEFT JOIN meetings AS meeting ON meeting.meeting_id = delivery.subject_id
        LEFT JOIN mails AS mail ON mail.id = delivery.mail_id
        WHERE delivery.id = $1 AND {in_reach}
        """,
        delivery_id,
        *arguments,
    )
    if delivery is None:
        return None
    attempts = await tx.fetch(
        """
        SELECT started_at, finished_at, outcome, stage, code, reply
        FROM attempts
        WHERE mail_id = $1
        ORDER BY started_at, id
        """,
        delivery["mail_id"],
    )
    return DeliveryDetails(delivery, attempts)


async def lock_delivery(tx: Transaction, delivery_id: UUID) -> Status | None:
    """The status of a delivery in reach, which stays as it is until the transaction ends."""
    in_reach, arguments = _in_reach(tx, 2)
    status = await tx.fetchval(
        f"SELECT status FROM deliveries AS delivery WHERE id = $1 AND {in_reach} FOR UPDATE",
        delivery_id,
        *arguments,
    )
    return None if status is None else Status(status)


async def undelivered(tx: Transaction, delivery_id: UUID) -> Undelivered:
    """What decides whether a locked delivery is tried once more."""
    row = await tx.fetchrow(
        """
        SELECT delivery.kind, delivery.expires_at, meeting.starts_at AS meeting_starts_at,
               person.email_key IS NOT NULL AS has_address,
               EXISTS (
                   SELECT FROM suppressed_addresses AS suppressed WHERE suppressed.email_key = person.email_key
               ) AS address_is_suppressed
        FROM deliveries AS delivery
        LEFT JOIN directory_people AS person ON person.person_id = delivery.person_id
        LEFT JOIN meetings AS meeting ON meeting.meeting_id = delivery.subject_id
        WHERE delivery.id = $1
        """,
        delivery_id,
    )
    return Undelivered(
        kind=Kind(row["kind"]),
        expires_at=row["expires_at"],
        meeting_starts_at=row["meeting_starts_at"],
        has_address=row["has_address"],
        address_is_suppressed=row["address_is_suppressed"],
    )


async def apply(tx: Transaction, delivery_id: UUID, cause: Cause, reason: str, expires_at: datetime | None = None) -> None:
    """Gives a locked delivery the state that the cause leads to; None leaves its expiry as it is."""
    await tx.execute(
        """
        UPDATE deliveries
        SET status = $2, reason = $3, not_before = NULL, expires_at = coalesce($5, expires_at), updated_at = now()
        WHERE id = $1 AND status = ANY($4::text[])
        """,
        delivery_id,
        target(cause),
        reason,
        sources(cause),
        expires_at,
    )
