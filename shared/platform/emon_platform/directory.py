"""The local copy of the directory: who there is, as contacts published it on its compacted topics.

It goes by version: what is older than the copy is ignored, and a tombstone keeps its version, so that nobody comes back by
an old record. Reads follow row-level security like everything else.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from emon_contracts.directory import MunicipalityRecord, OrganisationRecord, PersonRecord
from emon_contracts.topics import DIRECTORY_MUNICIPALITIES, DIRECTORY_ORGANISATIONS, DIRECTORY_PEOPLE
from emon_contracts.values import email_key
from emon_platform.consumer import dead_letters
from emon_platform.consumer.subscriptions import StateRecord, States, purpose
from emon_platform.database import Transaction

LOOK_AGAIN_FOR_S = 2.0
LOOK_AGAIN_INTERVAL_S = 0.05

Key = TypeVar("Key")
AfterPeople = Callable[[Transaction, Sequence[UUID]], Awaitable[None]]
KeepMore = Callable[[Transaction, Sequence[StateRecord]], Awaitable[None]]


async def _nothing(_tx: Transaction, _people: Sequence[UUID] | Sequence[StateRecord]) -> None:
    return


def subscriptions(after_people: AfterPeople = _nothing, *, keep_more: KeepMore = _nothing) -> tuple[States, ...]:
    """What keeps the copy current. `after_people` is called with the people that changed, in the same transaction.

    Before it, `keep_more` gets their records, for what one service alone keeps of them.
    """

    async def people(tx: Transaction, records: Sequence[StateRecord]) -> None:
        changed = await save_people(tx, records)
        if changed:
            fresh = set(changed)
            await keep_more(tx, [record for record in records if UUID(record.key) in fresh])
        erased = [record.key for record in records if record.payload is None]
        if erased:
            await dead_letters.drop_records_of(tx, DIRECTORY_PEOPLE.name, erased)
        if changed:
            await after_people(tx, changed)

    people.__doc__ = f"Keeps the local copy of people. {purpose(after_people)}".rstrip()
    return (
        States(DIRECTORY_PEOPLE, PersonRecord, people),
        States(DIRECTORY_ORGANISATIONS, OrganisationRecord, save_organisations),
        States(DIRECTORY_MUNICIPALITIES, MunicipalityRecord, save_municipalities),
    )


async def save_people(tx: Transaction, records: Sequence[StateRecord]) -> list[UUID]:
    """Takes what is newer than the copy; answers whom it changed."""
    rows = [_person_row(record) for record in records]
    changed = await tx.fetch(
        """
        INSERT INTO directory_people (
            person_id, version, display_name, email, email_key, locale, entered_by, working_days, erased
        )
        SELECT *
        FROM unnest(
            $1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::boolean[]
        )
        ON CONFLICT (person_id) DO UPDATE
        SET version = excluded.version,
            address_version = CASE
                WHEN directory_people.email_key IS DISTINCT FROM excluded.email_key THEN excluded.version
                ELSE directory_people.address_version
            END,
            display_name = excluded.display_name,
            email = excluded.email,
            email_key = excluded.email_key,
            locale = excluded.locale,
            entered_by = excluded.entered_by,
            working_days = excluded.working_days,
            erased = excluded.erased
        WHERE directory_people.version < excluded.version
        RETURNING person_id
        """,
        *zip(*rows, strict=True),
    )
    ids = [row["person_id"] for row in changed]
    if not ids:
        return []
    fresh = set(ids)
    people = [
        record.payload for record in records if isinstance(record.payload, PersonRecord) and record.payload.person_id in fresh
    ]
    memberships = [
        {"person_id": str(person.person_id), **membership.model_dump(mode="json")}
        for person in people
        for membership in person.memberships
    ]
    grants = [
        {"person_id": str(person.person_id), **grant.model_dump(mode="json")} for person in people for grant in person.grants
    ]
    absences = [
        {"person_id": str(person.person_id), **absence.model_dump(mode="json")}
        for person in people
        for absence in person.absences
    ]
    await tx.execute("DELETE FROM directory_memberships WHERE person_id = ANY($1::uuid[])", ids)
    await tx.execute("DELETE FROM directory_grants WHERE person_id = ANY($1::uuid[])", ids)
    await tx.execute("DELETE FROM directory_absences WHERE person_id = ANY($1::uuid[])", ids)
    await tx.execute(
        """
        INSERT INTO directory_memberships (person_id, organisation_id, ags, engagement)
        SELECT person_id, organisation_id, ags, engagement
        FROM jsonb_to_recordset($1::jsonb) AS row (person_id uuid, organisation_id uuid, ags text, engagement text)
        ON CONFLICT DO NOTHING
        """,
        json.dumps(memberships),
    )
    await tx.execute(
        """
        INSERT INTO directory_grants (person_id, role, ags, organisation_id)
        SELECT person_id, role, ags, organisation_id
        FROM jsonb_to_recordset($1::jsonb) AS row (person_id uuid, role text, ags text, organisation_id uuid)
        ON CONFLICT DO NOTHING
        """,
        json.dumps(grants),
    )
    if absences:
        await tx.execute(
            """
            INSERT INTO directory_absences (person_id, first_day, last_day)
            SELECT person_id, first_day, last_day
            FROM jsonb_to_recordset($1::jsonb) AS row (person_id uuid, first_day date, last_day date)
            ON CONFLICT DO NOTHING
            """,
            json.dumps(absences),
        )
    return ids


_PersonRow = tuple[UUID, int, str | None, str | None, str | None, str | None, UUID | None, str | None, bool]


def _person_row(record: StateRecord) -> _PersonRow:
    person = record.payload
    if not isinstance(person, PersonRecord):
        return UUID(record.key), record.version, None, None, None, None, None, None, True
    return (
        person.person_id,
        record.version,
        person.display_name,
        person.email,
        None if person.email is None else email_key(person.email),
        person.locale.value,
        person.entered_by,
        None if person.working_days is None else "".join(str(day.value) for day in sorted(person.working_days)),
        False,
    )


async def save_organisations(tx: Transaction, records: Sequence[StateRecord]) -> None:
    """Keeps the local copy of organisations."""
    rows: list[dict[str, object]] = []
    for record in records:
        organisation = record.payload if isinstance(record.payload, OrganisationRecord) else None
        rows.append(
            {
                "organisation_id": record.key,
                "version": record.version,
                "name": organisation.name if organisation else None,
                "kind": organisation.kind if organisation else None,
                "municipalities": list(organisation.municipalities) if organisation else [],
            }
        )
    await tx.execute(
        """
        INSERT INTO directory_organisations (organisation_id, version, name, kind, municipalities)
        SELECT organisation_id, version, name, kind, municipalities
        FROM jsonb_to_recordset($1::jsonb)
            AS row (organisation_id uuid, version bigint, name text, kind text, municipalities text[])
        ON CONFLICT (organisation_id) DO UPDATE
        SET version = excluded.version,
            name = excluded.name,
            kind = excluded.kind,
            municipalities = excluded.municipalities
        WHERE directory_organisations.version < excluded.version
        """,
        json.dumps(rows),
    )


async def save_municipalities(tx: Transaction, records: Sequence[StateRecord]) -> None:
    """Keeps the local copy of municipalities."""
    rows: list[dict[str, object]] = []
    for record in records:
        municipality = record.payload if isinstance(record.payload, MunicipalityRecord) else None
        rows.append(
            {
                "ags": record.key,
                "version": record.version,
                "name": municipality.name if municipality else None,
                "closed": municipality.closed if municipality else True,
                "successor": municipality.successor if municipality else None,
            }
        )
    await tx.execute(
        """
        INSERT INTO directory_municipalities (ags, version, name, closed, successor)
        SELECT ags, version, name, closed, successor
        FROM jsonb_to_recordset($1::jsonb) AS row (ags text, version bigint, name text, closed boolean, successor text)
        ON CONFLICT (ags) DO UPDATE
        SET version = excluded.version,
            name = excluded.name,
            closed = excluded.closed,
            successor = excluded.successor
        WHERE directory_municipalities.version < excluded.version
        """,
        json.dumps(rows),
    )


async def visible_people(tx: Transaction, person_ids: Collection[UUID]) -> set[UUID]:
    """Which of these people exist for the caller."""
    rows = await tx.fetch(
        "SELECT person_id FROM directory_people WHERE person_id = ANY($1::uuid[]) AND NOT erased", list(person_ids)
    )
    return {row["person_id"] for row in rows}


async def organisations_active_in(tx: Transaction, ags: str, organisation_ids: Collection[UUID]) -> set[UUID]:
    """Which of these organisations exist for the caller and are active in the municipality."""
    rows = await tx.fetch(
        """
        SELECT organisation_id
        FROM directory_organisations
        WHERE organisation_id = ANY ($1::uuid[])
          AND $2 = ANY (municipalities)
        """,
        list(organisation_ids),
        ags,
    )
    return {row["organisation_id"] for row in rows}


async def has_open_municipality(tx: Transaction, ags: str) -> bool:
    """Whether the register knows the municipality and it was not merged into another."""
    return bool(await tx.fetchval("SELECT NOT closed FROM directory_municipalities WHERE ags = $1", ags))


async def look_again(look: Callable[[], Awaitable[Iterable[Key]]], wanted: Collection[Key]) -> set[Key]:
    """Looks until everything wanted is there, for LOOK_AGAIN_FOR_S at most; answers what is missing.

    For a command that names what another service made a moment ago: Kafka may not have brought it yet.
    """
    deadline = asyncio.get_running_loop().time() + LOOK_AGAIN_FOR_S
    while True:
        missing = set(wanted) - set(await look())
        if not missing or asyncio.get_running_loop().time() >= deadline:
            return missing
        await asyncio.sleep(LOOK_AGAIN_INTERVAL_S)
