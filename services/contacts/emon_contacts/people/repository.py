"""All SQL about people, as they are written."""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from emon_contacts.names import identity_key, search_key
from emon_contacts.people.rules import Entry
from emon_contracts.actors import Grant
from emon_contracts.directory import AbsenceRecord, AddressChangeRecord, MembershipRecord, PersonRecord, Weekday
from emon_contracts.values import Ags, email_key
from emon_platform.database import Transaction

# The class of advisory locks on the members of an organisation who have no address: "mbrs".
MEMBERS_LOCK = 0x6D627273

AddressedName = tuple[str, str]  # keys of address and name


async def add_people(tx: Transaction, people: Sequence[tuple[UUID, Entry]], entered_by: UUID | None) -> None:
    """New rows, except where somebody of this address and name is there; waits for a twin under way.

    In one order for everybody, so that two imports of the same people cannot block each other for good.
    """
    await tx.execute(
        """
        INSERT INTO people (id, display_name, name_key, search_key, email, email_key, locale, entered_by)
        SELECT entered.*, $8::uuid
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
            AS entered (id, display_name, name_key, search_key, email, email_key, locale)
        ORDER BY email_key, name_key
        ON CONFLICT DO NOTHING
        """,
        [identifier for identifier, _ in people],
        [entry.display_name for _, entry in people],
        [identity_key(entry.display_name) for _, entry in people],
        [search_key(entry.display_name) for _, entry in people],
        [entry.email for _, entry in people],
        [None if entry.email is None else email_key(entry.email) for _, entry in people],
        [entry.locale.value for _, entry in people],
        entered_by,
    )


async def known_people(tx: Transaction, wanted: Collection[AddressedName]) -> dict[AddressedName, UUID]:
    """Who these are, wherever they are active."""
    rows = await tx.fetch(
        "SELECT email_key, name_key, person_id FROM known_people($1::text[], $2::text[])",
        [key for key, _ in wanted],
        [key for _, key in wanted],
    )
    return {(row["email_key"], row["name_key"]): row["person_id"] for row in rows}


async def people_in_reach(tx: Transaction, wanted: Collection[AddressedName]) -> dict[AddressedName, UUID]:
    """Who of these is known where the caller may look; of anybody else it says nothing."""
    rows = await tx.fetch(
        """
        SELECT person.email_key, person.name_key, person.id
        FROM unnest($1::text[], $2::text[]) AS wanted (email_key, name_key)
        JOIN people AS person ON person.email_key = wanted.email_key AND person.name_key = wanted.name_key
        """,
        [key for key, _ in wanted],
        [key for _, key in wanted],
    )
    return {(row["email_key"], row["name_key"]): row["id"] for row in rows}


async def memberships_in_reach(tx: Transaction, person_ids: Collection[UUID]) -> dict[UUID, set[MembershipRecord]]:
    """The memberships of these people, as far as the caller may look."""
    rows = await tx.fetch(
        """
        SELECT person_id, organisation_id, ags, engagement
        FROM memberships
        WHERE person_id = ANY ($1::uuid[])
        """,
        list(person_ids),
    )
    found: dict[UUID, set[MembershipRecord]] = {}
    for row in rows:
        membership = MembershipRecord(organisation_id=row["organisation_id"], ags=row["ags"], engagement=row["engagement"])
        found.setdefault(row["person_id"], set()).add(membership)
    return found


async def hold_people(tx: Transaction, person_ids: Collection[UUID]) -> set[UUID]:
    """Keeps these people from being erased until the commit; waits for an erasure under way, and answers who is still there."""
    rows = await tx.fetch("SELECT person_id FROM hold_people($1::uuid[]) AS person_id", list(person_ids))
    return {row["person_id"] for row in rows}


async def lock_members(tx: Transaction, organisations: Collection[tuple[UUID, Ags]]) -> None:
    """Makes whoever enters people without address into these organisations wait for one another, without deadlock."""
    await tx.execute(
        """
        SELECT pg_advisory_xact_lock($1, wanted.lock)
        FROM (
            SELECT DISTINCT hashtext(organisation_id::text || ags) AS lock
            FROM unnest($2::uuid[], $3::text[]) AS organisation (organisation_id, ags)
            ORDER BY 1
        ) AS wanted
        """,
        MEMBERS_LOCK,
        [organisation_id for organisation_id, _ in organisations],
        [ags for _, ags in organisations],
    )


async def members_without_address(
    tx: Transaction, wanted: Collection[tuple[str, UUID, Ags]]
) -> dict[tuple[str, UUID, Ags], UUID]:
    """Who is a member under this name key, without an e-mail address, of this organisation in this municipality."""
    rows = await tx.fetch(
        """
        SELECT DISTINCT ON (wanted.name_key, wanted.organisation_id, wanted.ags)
               wanted.name_key, wanted.organisation_id, wanted.ags, person.id
        FROM unnest($1::text[], $2::uuid[], $3::text[]) AS wanted (name_key, organisation_id, ags)
        JOIN memberships AS membership
            ON membership.organisation_id = wanted.organisation_id AND membership.ags = wanted.ags
        JOIN people AS person
            ON person.id = membership.person_id AND person.name_key = wanted.name_key AND person.email_key IS NULL
        ORDER BY wanted.name_key, wanted.organisation_id, wanted.ags, person.id
        """,
        [name for name, _, _ in wanted],
        [organisation_id for _, organisation_id, _ in wanted],
        [ags for _, _, ags in wanted],
    )
    return {(row["name_key"], row["organisation_id"], row["ags"]): row["id"] for row in rows}


async def add_memberships(tx: Transaction, memberships: Collection[tuple[UUID, MembershipRecord]]) -> set[UUID]:
    """Those that are missing; answers whose they are."""
    rows = await tx.fetch(
        """
        INSERT INTO memberships (person_id, organisation_id, ags, engagement)
        SELECT *
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS wanted (person_id, organisation_id, ags, engagement)
        ORDER BY person_id, organisation_id, ags, engagement
        ON CONFLICT DO NOTHING
        RETURNING person_id
        """,
        [person_id for person_id, _ in memberships],
        [membership.organisation_id for _, membership in memberships],
        [membership.ags for _, membership in memberships],
        [membership.engagement.value for _, membership in memberships],
    )
    return {row["person_id"] for row in rows}


async def add_grants(tx: Transaction, grants: Collection[tuple[UUID, Grant]]) -> set[UUID]:
    """Those that are missing; answers whose they are."""
    rows = await tx.fetch(
        """
        INSERT INTO grants (person_id, role, ags, organisation_id)
        SELECT *
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) AS wanted (person_id, role, ags, organisation_id)
        ORDER BY person_id, role, ags, organisation_id
        ON CONFLICT DO NOTHING
        RETURNING person_id
        """,
        [person_id for person_id, _ in grants],
        [grant.role.value for _, grant in grants],
        [grant.ags for _, grant in grants],
        [grant.organisation_id for _, grant in grants],
    )
    return {row["person_id"] for row in rows}


async def raise_versions(tx: Transaction, person_ids: Collection[UUID]) -> None:
    """A new version of each, locked in one order."""
    await tx.execute(
        """
        WITH locked AS (
            SELECT id FROM people WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE people SET version = version + 1 FROM locked WHERE people.id = locked.id
        """,
        list(person_ids),
    )


async def changed(tx: Transaction, person_ids: Collection[UUID]) -> list[tuple[PersonRecord, int]]:
    """The whole state of people whom this transaction changed, and their versions; also what the caller cannot see."""
    rows = await tx.fetch("SELECT * FROM changed_people($1::uuid[])", list(person_ids))
    return [(_record(row), row["version"]) for row in rows]


def _record(row: Any) -> PersonRecord:
    return PersonRecord(
        person_id=row["id"],
        display_name=row["display_name"],
        email=row["email"],
        locale=row["locale"],
        memberships=tuple(MembershipRecord.model_validate(item) for item in json.loads(row["memberships"])),
        grants=tuple(Grant.model_validate(item) for item in json.loads(row["grants"])),
        entered_by=row["entered_by"],
        working_days=None if row["working_days"] is None else tuple(Weekday(int(digit)) for digit in row["working_days"]),
        absences=tuple(AbsenceRecord.model_validate(item) for item in json.loads(row["absences"])),
        address_changes=tuple(AddressChangeRecord.model_validate(item) for item in json.loads(row["address_changes"])),
    )


async def lock(tx: Transaction, person_id: UUID) -> Any:
    """Locks the row; answers version and entity tag seed, or None where the caller cannot change it."""
    return await tx.fetchrow("SELECT version, etag_seed FROM people WHERE id = $1 FOR NO KEY UPDATE", person_id)


async def save(tx: Transaction, person_id: UUID, display_name: str, locale: str) -> None:
    """A new version with this name and language. Raises UniqueViolationError where the address has the name already."""
    await tx.execute(
        """
        UPDATE people
        SET display_name = $2, name_key = $3, search_key = $4, locale = $5, version = version + 1
        WHERE id = $1
        """,
        person_id,
        display_name,
        identity_key(display_name),
        search_key(display_name),
        locale,
    )


async def end_membership(tx: Transaction, person_id: UUID, membership: MembershipRecord) -> bool:
    """False where there is no such membership in the caller's municipalities."""
    tag = await tx.execute(
        "DELETE FROM memberships WHERE person_id = $1 AND organisation_id = $2 AND ags = $3 AND engagement = $4",
        person_id,
        membership.organisation_id,
        membership.ags,
        membership.engagement.value,
    )
    return tag == "DELETE 1"


async def end_grant(tx: Transaction, person_id: UUID, grant: Grant) -> bool:
    """False where there is no such grant in the caller's municipalities."""
    tag = await tx.execute(
        """
        DELETE FROM grants
        WHERE person_id = $1
          AND role = $2
          AND ags IS NOT DISTINCT FROM $3
          AND organisation_id IS NOT DISTINCT FROM $4
        """,
        person_id,
        grant.role.value,
        grant.ags,
        grant.organisation_id,
    )
    return tag == "DELETE 1"


async def has_network_admin(tx: Transaction, address_key: str) -> bool:
    """Whether somebody with this mailbox administers the platform."""
    return await tx.fetchval(
        """
        SELECT EXISTS (
            SELECT
            FROM people AS person
            JOIN grants AS held ON held.person_id = person.id AND held.role = 'network_admin'
            WHERE person.email_key = $1
        )
        """,
        address_key,
    )
