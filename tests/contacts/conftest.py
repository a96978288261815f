"""The service contacts with its own database, asked over HTTP as the gateway asks it."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import Response
from joserfc.jwk import OKPKey

from emon_contacts.app import SERVICE
from emon_contacts.municipalities import repository as municipalities
from emon_contacts.municipalities.rules import Municipality
from emon_contacts.schema import migrations
from emon_contacts.settings import ContactsSettings
from emon_contracts.actors import OPERATOR, Actor, Grant, LinkCapability, LinkPurpose, Role
from emon_contracts.permissions import Permission
from emon_embedded.service_databases import ServiceDatabase
from emon_platform.database import Database

from tests.conftest import FreshDatabase
from tests.service_api import ServiceApi, serving, settings_for

HERE, NEARBY, ELSEWHERE, CLOSED = "08115003", "08115004", "08999001", "08999002"


@pytest.fixture
async def urls(fresh_database: FreshDatabase) -> ServiceDatabase:
    return await fresh_database("contacts", migrations)


@pytest.fixture
async def database(urls: ServiceDatabase) -> AsyncGenerator[Database]:
    """As the api role, with four municipalities in the register."""
    database = await Database.connect(urls.api_url, name="test api")
    async with database.transaction(OPERATOR, Permission.MUNICIPALITY_WRITE) as tx:
        as_of = date(2026, 1, 31)
        await municipalities.save(
            tx,
            [
                Municipality(HERE, "Musterstadt", "61", 9000, 4000, "71000", as_of),
                Municipality(NEARBY, "Nachbarlingen", "64", 3000, 2000, "71001", as_of),
                Municipality(ELSEWHERE, "Anderswo", "64", 5000, 3000, "79999", as_of),
                Municipality(CLOSED, "Vergangen", "64", 500, 300, None, as_of, closed_on=as_of),
            ],
        )
    yield database
    await database.close()


@pytest.fixture
async def worker(urls: ServiceDatabase, database: Database) -> AsyncGenerator[Database]:
    worker = await Database.connect(urls.worker_url, name="test worker")
    yield worker
    await worker.close()


def coordinator_of(*ags: str) -> Actor:
    return Actor(uuid4(), tuple(Grant(role=Role.COORDINATOR, ags=item) for item in ags))


def member(role: Role, organisation_id: str | UUID, ags: str = HERE, person_id: str | None = None) -> Actor:
    grant = Grant(role=role, ags=ags, organisation_id=UUID(str(organisation_id)))
    return Actor(uuid4() if person_id is None else UUID(person_id), (grant,))


def holder(person_id: str, purpose: LinkPurpose) -> Actor:
    """Somebody who holds a link about themselves."""
    return Actor(UUID(person_id), link=LinkCapability(purpose, UUID(person_id), 0))


@pytest.fixture
def coordinator() -> Actor:
    return coordinator_of(HERE)


@pytest.fixture
def stranger() -> Actor:
    return coordinator_of(ELSEWHERE)


@pytest.fixture
def administrator() -> Actor:
    return Actor(uuid4(), (Grant(role=Role.NETWORK_ADMIN),))


class Api(ServiceApi):
    """Contacts, with what most tests begin with."""

    async def organisation(
        self, actor: Actor, name: str = "Helferkreis Asyl", ags: str = HERE, kind: str = "helper_circle"
    ) -> dict[str, Any]:
        answer = await self.as_(actor).post("/v1/organisations", json={"name": name, "kind": kind, "ags": ags})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def person(
        self, actor: Actor, name: str, organisation: dict[str, Any] | None = None, engagement: str = "volunteer", **more: Any
    ) -> Response:
        memberships = [{"organisation_id": organisation["id"], "engagement": engagement}] if organisation else []
        body = {"display_name": name, "email": None, "locale": "de", "memberships": memberships, "grants": [], **more}
        return await self.as_(actor).post("/v1/people", json=body)


@pytest.fixture
def settings(urls: ServiceDatabase, tmp_path: Path) -> ContactsSettings:
    return settings_for(SERVICE, urls, tmp_path, OKPKey.generate_key("Ed25519"))


@pytest.fixture
async def api(urls: ServiceDatabase, database: Database) -> AsyncGenerator[Api]:
    """Served on a database whose register is filled."""
    assert database
    async with serving(SERVICE, urls) as (transport, key):
        yield Api(SERVICE.name, transport, key)


@dataclass(frozen=True)
class Published:
    """An event in the outbox."""

    topic: str
    type: str
    subject: str
    sequence: int
    body: dict[str, Any]
    is_tombstone: bool = False


class Outbox:
    """What was published and not yet carried away."""

    def __init__(self, worker: Database) -> None:
        self._worker = worker

    async def events(self, topic: str = "") -> list[Published]:
        """In order; all, or those whose topic contains this."""
        async with self._worker.unscoped() as tx:
            rows = await tx.fetch("SELECT topic, headers, value FROM outbox ORDER BY position")
        found = [(row["topic"], dict(json.loads(row["headers"])), row["value"]) for row in rows]
        return [
            Published(
                name,
                headers["ce_type"],
                headers["ce_subject"],
                int(headers["ce_sequence"]),
                {} if value is None else json.loads(value),
                value is None,
            )
            for name, headers, value in found
            if topic in name
        ]

    async def clear(self) -> None:
        async with self._worker.unscoped() as tx:
            await tx.execute("DELETE FROM outbox")


@pytest.fixture
def outbox(worker: Database) -> Outbox:
    return Outbox(worker)
