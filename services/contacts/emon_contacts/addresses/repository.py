"""All SQL of addresses that change."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from emon_contacts.addresses.rules import AddressChange
from emon_contracts.values import email_key
from emon_platform.database import Transaction

FORGOTTEN_AT_ONCE = 1000


async def changes_of(tx: Transaction, person_id: UUID) -> list[AddressChange]:
    """The proposals for somebody in the caller's reach that are still known, the newest last."""
    rows = await tx.fetch(
        """
        SELECT id, revision, email, proposed_by, proposed_at, expires_at, confirmed_at
        FROM address_changes
        WHERE person_id = $1
        ORDER BY revision
        """,
        person_id,
    )
    return [AddressChange(*row) for row in rows]


async def former_addresses_of(tx: Transaction, person_id: UUID) -> list[str]:
    """Those that were somebody's until lately."""
    rows = await tx.fetch(
        "SELECT former_email FROM address_changes WHERE person_id = $1 AND former_email IS NOT NULL ORDER BY revision", person_id
    )
    return [row["former_email"] for row in rows]


async def add(tx: Transaction, person_id: UUID, change: AddressChange) -> None:
    """Notes a proposal, by the caller, for somebody who is locked."""
    await tx.execute(
        """
        INSERT INTO address_changes (id, person_id, revision, email, proposed_by, proposed_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        change.id,
        person_id,
        change.revision,
        change.email,
        change.proposed_by,
        change.proposed_at,
        change.expires_at,
    )


async def confirm(tx: Transaction, person_id: UUID, change: AddressChange) -> None:
    """Makes a proposed address that of somebody who is locked, in a new version.

    Raises UniqueViolationError where somebody else has both address and name.
    """
    await tx.execute(
        """
        UPDATE address_changes
        SET confirmed_at = now(), former_email = (SELECT person.email FROM people AS person WHERE person.id = $1)
        WHERE person_id = $1 AND revision = $2
        """,
        person_id,
        change.revision,
    )
    await tx.execute(
        "UPDATE people SET email = $2, email_key = $3, version = version + 1 WHERE id = $1",
        person_id,
        change.email,
        email_key(change.email),
    )


# What is over: proposals that can no longer be confirmed, and former addresses that nobody has to be written to at any more.
_IS_OVER = """(
    (change.confirmed_at IS NULL AND change.expires_at <= now())
    OR change.confirmed_at <= now() - $1::interval
)"""


async def lock_people_with_past_changes(tx: Transaction, kept: timedelta) -> list[UUID]:
    """Some, in the order in which people are locked; those who are being changed are passed over."""
    rows: list[Any] = await tx.fetch(
        f"""
        SELECT person.id
        FROM people AS person
        WHERE EXISTS (SELECT FROM address_changes AS change WHERE change.person_id = person.id AND {_IS_OVER})
        ORDER BY person.id
        LIMIT $2
        FOR NO KEY UPDATE OF person SKIP LOCKED
        """,
        kept,
        FORGOTTEN_AT_ONCE,
    )
    return [row["id"] for row in rows]


async def delete_past_changes(tx: Transaction, person_ids: list[UUID], kept: timedelta) -> None:
    """Forgets what is over for these people."""
    await tx.execute(
        f"DELETE FROM address_changes AS change WHERE change.person_id = ANY ($2::uuid[]) AND {_IS_OVER}", kept, person_ids
    )
