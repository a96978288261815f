"""All SQL about addresses that change."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from emon_contracts.directory import AddressChangeRecord, PersonRecord
from emon_contracts.values import email_key
from emon_notifications.deliveries.rules import Kind
from emon_notifications.planning.rules import TRIED_FOR, TYPES
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import Transaction


async def keep_changes(tx: Transaction, records: Sequence[StateRecord], hold_before: datetime | None) -> None:
    """Takes over what the directory says of these people's addresses, and plans the mails about it, each once."""
    changes = [
        (record.payload.person_id, change)
        for record in records
        if isinstance(record.payload, PersonRecord)
        for change in record.payload.address_changes
    ]
    await tx.execute("DELETE FROM address_changes WHERE person_id = ANY($1::uuid[])", [UUID(record.key) for record in records])
    if not changes:
        return
    await tx.execute(
        """
        INSERT INTO address_changes (
            change_id, confirmed, person_id, email, email_key, revision, by_themself, proposed_at, expires_at
        )
        SELECT *
        FROM unnest(
            $1::uuid[], $2::boolean[], $3::uuid[], $4::text[], $5::text[], $6::integer[], $7::boolean[], $8::timestamptz[],
            $9::timestamptz[]
        )
        """,
        [change.change_id for _, change in changes],
        [change.confirmed for _, change in changes],
        [person_id for person_id, _ in changes],
        [change.email for _, change in changes],
        [email_key(change.email) for _, change in changes],
        [change.revision for _, change in changes],
        [change.by_themself for _, change in changes],
        [change.proposed_at for _, change in changes],
        [change.expires_at for _, change in changes],
    )
    for kind in (Kind.ADDRESS_CONFIRMATION, Kind.ADDRESS_CHANGED):
        await _plan(tx, kind, [pair for pair in changes if _kind_of(pair[1]) is kind], hold_before)


def _kind_of(change: AddressChangeRecord) -> Kind:
    return Kind.ADDRESS_CHANGED if change.confirmed else Kind.ADDRESS_CONFIRMATION


async def _plan(
    tx: Transaction, kind: Kind, changes: Sequence[tuple[UUID, AddressChangeRecord]], hold_before: datetime | None
) -> None:
    # No event tells of it: the state of the directory is the cause, and the change itself stands for the event.
    await tx.execute(
        """
        INSERT INTO deliveries (
            event_id, person_id, kind, category, priority, subject_id, ags, status, reason, occurred_at, expires_at
        )
        SELECT
            change.event_id, change.person_id, $1, $2, $3, change.change_id, place.ags, prospect.word[1], prospect.word[2],
            change.proposed_at, coalesce(change.expires_at, now() + $4::interval)
        FROM unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::timestamptz[], $10::timestamptz[])
            AS change (event_id, person_id, change_id, proposed_at, expires_at)
        CROSS JOIN LATERAL (
            SELECT coalesce(
                (SELECT min(ags) FROM directory_memberships AS membership WHERE membership.person_id = change.person_id),
                (SELECT min(ags) FROM directory_grants AS held WHERE held.person_id = change.person_id)
            ) AS ags
        ) AS place
        CROSS JOIN LATERAL (
            SELECT
                CASE
                    WHEN change.proposed_at < greatest($5::timestamptz, (SELECT max(restored_at) FROM restores))
                        THEN ARRAY['held', 'from-before-the-restore']
                    ELSE ARRAY['queued', NULL]
                END AS word
        ) AS prospect
        ON CONFLICT (event_id, person_id, channel) DO NOTHING
        """,
        kind.value,
        TYPES[kind].category.value,
        TYPES[kind].priority,
        TRIED_FOR,
        hold_before,
        [uuid5(change.change_id, kind.value) for _, change in changes],
        [person_id for person_id, _ in changes],
        [change.change_id for _, change in changes],
        [change.proposed_at for _, change in changes],
        [change.expires_at if kind is Kind.ADDRESS_CONFIRMATION else None for _, change in changes],
    )


async def changes_about(tx: Transaction, change_ids: Sequence[UUID]) -> list[Any]:
    """Those of these changes that are not over, each with whether its address was refused for good."""
    return await tx.fetch(
        """
        SELECT change.change_id, change.confirmed, change.email, change.email_key, change.revision, change.by_themself,
               change.expires_at,
               EXISTS (
                   SELECT FROM suppressed_addresses AS suppressed WHERE suppressed.email_key = change.email_key
               ) AS is_suppressed
        FROM address_changes AS change
        WHERE change.change_id = ANY($1::uuid[])
        """,
        change_ids,
    )
