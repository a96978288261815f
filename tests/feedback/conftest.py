"""The service feedback with its own database, asked over HTTP as the gateway asks it."""

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from emon_calendar.working_days import day_of
from emon_contracts.actors import Actor, Engagement, Grant, LinkCapability, LinkPurpose, Role
from emon_contracts.directory import (
    AbsenceRecord,
    MembershipRecord,
    MunicipalityRecord,
    OrganisationRecord,
    PersonRecord,
    Weekday,
    effective_grants,
)
from emon_contracts.values import Locale
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningPostgreSQL
from emon_feedback.app import SERVICE
from emon_feedback.escalation.commands import look_after_due
from emon_feedback.keeping.commands import forget_erased_people
from emon_feedback.schema import migrations
from emon_platform import directory
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import Database
from emon_platform.migrations import migrate

from tests.service_api import ServiceApi, serving

HERE, ELSEWHERE = "08115003", "08999001"
TOWN_HALL = UUID("00000000-0000-4000-8000-00000000a0a0")
CIRCLE = UUID("00000000-0000-4000-8000-00000000c1c1")
EVERYWHERE = UUID("00000000-0000-4000-8000-00000000e0e0")  # active in both municipalities
MEDIATOR = "mediation@example.org"


@pytest.fixture(scope="session")
async def shared(postgresql: RunningPostgreSQL) -> ServiceDatabase:
    """One database for all tests of this folder that only need it empty."""
    database = await postgresql.fresh_database("feedback")
    await migrate(database.owner_url, database.api_url, database.worker_url, migrations())
    return database


@pytest.fixture(scope="session")
async def shared_api(shared: ServiceDatabase) -> AsyncGenerator[ServiceApi]:
    async with serving(SERVICE, shared, mediator_email=MEDIATOR) as (transport, key):
        yield ServiceApi(SERVICE.name, transport, key)


@pytest.fixture(scope="session")
async def shared_worker(shared: ServiceDatabase) -> AsyncGenerator[Database]:
    database = await Database.connect(shared.worker_url, name="test worker")
    yield database
    await database.close()


@pytest.fixture
async def emptied(shared: ServiceDatabase) -> None:
    """Nothing is left of the test before."""
    connection: Any = await asyncpg.connect(shared.owner_url)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    names = ", ".join(row["tablename"] for row in tables if row["tablename"] != "schema_migrations")
    await connection.execute(f"TRUNCATE {names}")
    await connection.close()


@pytest.fixture
async def worker(shared_worker: Database, emptied: None) -> Database:
    return shared_worker


@pytest.fixture
async def api(shared_api: ServiceApi, emptied: None) -> ServiceApi:
    return shared_api


class Town:
    """The directory as feedback knows it: two municipalities, three organisations, and whoever is added."""

    def __init__(self, worker: Database) -> None:
        self._worker = worker
        self._versions: dict[UUID, int] = {}

    async def found(self) -> None:
        async with self._worker.unscoped() as tx:
            municipalities = [
                MunicipalityRecord(ags=ags, name=name) for ags, name in ((HERE, "Musterstadt"), (ELSEWHERE, "Weit"))
            ]
            await directory.save_municipalities(tx, [StateRecord(item.key(), 1, item) for item in municipalities])
            organisations = [
                OrganisationRecord(organisation_id=TOWN_HALL, name="Rathaus", kind="municipality", municipalities=(HERE,)),
                OrganisationRecord(organisation_id=CIRCLE, name="Kreis", kind="helper_circle", municipalities=(HERE,)),
                OrganisationRecord(organisation_id=EVERYWHERE, name="Träger", kind="other", municipalities=(HERE, ELSEWHERE)),
            ]
            await directory.save_organisations(tx, [StateRecord(item.key(), 1, item) for item in organisations])

    async def add(
        self,
        *engagements: tuple[UUID, str, Engagement],
        name: str = "Kim Muster",
        role: Role | None = None,
        ags: str = HERE,
        email: str | None = None,
        person_id: UUID | None = None,
        working_days: Sequence[int] | None = None,
        absences: Sequence[tuple[date, date]] = (),
    ) -> Actor:
        """Somebody with these memberships, as the directory's subscriber learns it."""
        person_id = person_id or uuid4()
        memberships = tuple(MembershipRecord(organisation_id=org, ags=where, engagement=side) for org, where, side in engagements)
        grants = (Grant(role=role, ags=None if role is Role.NETWORK_ADMIN else ags),) if role else ()
        record = PersonRecord(
            person_id=person_id,
            display_name=name,
            email=email,
            locale=Locale.DE,
            memberships=memberships,
            grants=grants,
            working_days=None if working_days is None else tuple(Weekday(day) for day in working_days),
            absences=tuple(AbsenceRecord(first_day=first, last_day=last) for first, last in absences),
        )
        await self._save(person_id, record)
        return Actor(person_id, effective_grants(memberships, grants))

    async def erase(self, person: Actor) -> None:
        """Contacts published a tombstone."""
        await self._save(person.person_id, None)

    async def volunteer(self, **more: Any) -> Actor:
        return await self.add((CIRCLE, HERE, Engagement.VOLUNTEER), **more)

    async def staff(self, organisation_id: UUID = TOWN_HALL, **more: Any) -> Actor:
        return await self.add((organisation_id, HERE, Engagement.STAFF), **more)

    async def coordinator(self, ags: str = HERE, **more: Any) -> Actor:
        return await self.add(role=Role.COORDINATOR, ags=ags, **more)

    async def mediator(self) -> Actor:
        return await self.add((EVERYWHERE, ELSEWHERE, Engagement.STAFF), email=MEDIATOR.upper())

    async def _save(self, person_id: UUID, record: PersonRecord | None) -> None:
        self._versions[person_id] = self._versions.get(person_id, 0) + 1
        async with self._worker.unscoped() as tx:
            changed = await directory.save_people(tx, [StateRecord(str(person_id), self._versions[person_id], record)])
            await forget_erased_people(tx, changed)


@pytest.fixture
async def town(worker: Database) -> Town:
    town = Town(worker)
    await town.found()
    return town


def wanted(**changes: Any) -> dict[str, Any]:
    return {"kind": "problem", "text": "Die Sprechzeiten passen nicht.", "about": {"organisation_id": str(TOWN_HALL)}, **changes}


@dataclass
class Submitted:
    """Feedback as its author got it, and where it is."""

    body: dict[str, Any]

    @property
    def id(self) -> UUID:
        return UUID(self.body["id"])

    @property
    def path(self) -> str:
        return f"/v1/feedback/{self.body['id']}"

    def link_of(self, person: Actor) -> Actor:
        """The same person, by the link in a mail."""
        return Actor(person.person_id, link=LinkCapability(LinkPurpose.FEEDBACK, self.id, 0))


async def submit(api: ServiceApi, author: Actor, **changes: Any) -> Submitted:
    answer = await api.as_(author).post("/v1/feedback", json=wanted(**changes))
    assert answer.status_code == 201, answer.text
    return Submitted(answer.json())


async def events(worker: Database) -> list[tuple[str, dict[str, Any]]]:
    """Type (as in feedback-submitted) and content of every event so far, in their order."""
    async with worker.unscoped() as tx:
        rows = await tx.fetch("SELECT headers, convert_from(value, 'UTF8') AS body FROM outbox ORDER BY position")
    types = [dict(json.loads(row["headers"]))["ce_type"].removeprefix("de.emon.feedback.").removesuffix(".v1") for row in rows]
    return [(type_, json.loads(row["body"])) for type_, row in zip(types, rows, strict=True)]


async def last_event(worker: Database) -> tuple[str, dict[str, Any]]:
    return (await events(worker))[-1]


async def time_passes(worker: Database) -> None:
    """Whatever waits for a deadline has missed it, and the timer looks."""
    async with worker.unscoped() as tx:
        await tx.execute("UPDATE feedback SET look_at = now() - interval '1 second' WHERE look_at IS NOT NULL")
    async with worker.unscoped() as tx:
        await look_after_due(tx, datetime.now(UTC), MEDIATOR)


def in_days(days: int) -> str:
    """A day so many days from today, by the clocks of the state."""
    return (day_of(datetime.now(UTC)) + timedelta(days=days)).isoformat()
