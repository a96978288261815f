"""Meetings is killed at the moments that hurt, and starts again: nothing is lost, nothing has two effects."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from emon_contracts.actors import Actor, Engagement, Grant, Role
from emon_contracts.directory import MembershipRecord, MunicipalityRecord, OrganisationRecord, PersonRecord
from emon_contracts.envelope import NewEvent
from emon_contracts.topics import MEETINGS_EVENTS
from emon_contracts.values import Locale
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka
from emon_meetings.schema import migrations
from emon_platform import directory, outbox
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import Database
from emon_platform.identity import sign_actor

from tests.conftest import FreshDatabase
from tests.faults.killing_proxy import KillPoint, killing_proxy
from tests.faults.service_process import Keys, service_process, until_ready
from tests.platform import kafka_peer
from tests.polling import eventually

HERE = "08115003"


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> ServiceDatabase:
    return await fresh_database("meetings", migrations)


@pytest.fixture
async def worker(database: ServiceDatabase) -> AsyncGenerator[Database]:
    connected = await Database.connect(database.worker_url, name="test")
    yield connected
    await connected.close()


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
async def circle(worker: Database) -> UUID:
    """A circle of three, in the directory of meetings."""
    organisation_id = uuid4()
    membership = MembershipRecord(organisation_id=organisation_id, ags=HERE, engagement=Engagement.VOLUNTEER)
    people = [
        PersonRecord(person_id=uuid4(), display_name="Kim", email=None, locale=Locale.DE, memberships=(membership,), grants=())
        for _ in range(3)
    ]
    organisation = OrganisationRecord(organisation_id=organisation_id, name="Kreis", kind="helper_circle", municipalities=(HERE,))
    municipality = MunicipalityRecord(ags=HERE, name="Musterstadt")
    async with worker.unscoped() as tx:
        await directory.save_municipalities(tx, [StateRecord(HERE, 10**6, municipality)])
        await directory.save_organisations(tx, [StateRecord(organisation.key(), 1, organisation)])
        await directory.save_people(tx, [StateRecord(person.key(), 1, person) for person in people])
    return organisation_id


def wanted(circle: UUID) -> dict[str, Any]:
    return {
        "kind": "round_table",
        "title": "Runder Tisch",
        "ags": HERE,
        "start": {"local": "2027-03-27T18:00", "time_zone": "Europe/Berlin"},
        "duration_minutes": 90,
        "place": "Rathaus",
        "participants": [{"organisation_id": str(circle)}],
    }


def headers(keys: Keys, **more: str) -> dict[str, str]:
    coordinator = Actor(UUID(int=7), (Grant(role=Role.COORDINATOR, ags=HERE),))
    return {"Authorization": f"Bearer {sign_actor(coordinator, 'meetings', keys.actor, datetime.now(UTC))}", **more}


async def counts(worker: Database) -> dict[str, int]:
    async with worker.unscoped() as tx:
        row = await tx.fetchrow(
            """
            SELECT (SELECT count(*) FROM meetings) AS meetings,
                   (SELECT count(*) FROM invitations) AS invitations,
                   (SELECT count(*) FROM outbox) AS outbox
            """
        )
    return dict(row)


async def test_a_command_killed_before_its_commit_leaves_nothing_and_can_be_sent_again(
    database: ServiceDatabase, worker: Database, kafka: RunningKafka, keys: Keys, circle: UUID
) -> None:
    starts = await kafka_peer.ends(kafka.bootstrap_servers, MEETINGS_EVENTS.name)
    point = KillPoint((b"INSERT INTO invitations", b"COMMIT"), after=False)
    again = headers(keys, **{"Idempotency-Key": "march"})
    async with killing_proxy(database.api_url, point) as url:
        broken = {"EMON_DATABASE_API_URL": url}
        async with service_process("meetings", database, kafka.bootstrap_servers, keys, broken) as service:
            point.pid = service.pid
            await until_ready(service)
            async with httpx.AsyncClient(base_url=service.url) as client:
                with pytest.raises(httpx.TransportError):
                    await client.post("/v1/meetings", json=wanted(circle), headers=again)
    assert await counts(worker) == {"meetings": 0, "invitations": 0, "outbox": 0}
    async with service_process("meetings", database, kafka.bootstrap_servers, keys) as service:
        await until_ready(service)
        async with httpx.AsyncClient(base_url=service.url) as client:
            first = await client.post("/v1/meetings", json=wanted(circle), headers=again)
            second = await client.post("/v1/meetings", json=wanted(circle), headers=again)
        assert first.json()["id"] == second.json()["id"]
        await eventually(lambda: counts(worker), lambda found: found == {"meetings": 1, "invitations": 3, "outbox": 0})
    records = await kafka_peer.read_from(kafka.bootstrap_servers, MEETINGS_EVENTS.name, starts, 2)
    assert len(records) == 2


async def test_a_command_killed_after_its_commit_is_done_and_answers_the_same_again(
    database: ServiceDatabase, worker: Database, kafka: RunningKafka, keys: Keys, circle: UUID
) -> None:
    point = KillPoint((b"INSERT INTO invitations", b"COMMIT"), after=True)
    again = headers(keys, **{"Idempotency-Key": "april"})
    async with killing_proxy(database.api_url, point) as url:
        broken = {"EMON_DATABASE_API_URL": url}
        async with service_process("meetings", database, kafka.bootstrap_servers, keys, broken) as service:
            point.pid = service.pid
            await until_ready(service)
            async with httpx.AsyncClient(base_url=service.url) as client:
                with pytest.raises(httpx.TransportError):
                    await client.post("/v1/meetings", json=wanted(circle), headers=again)
    async with service_process("meetings", database, kafka.bootstrap_servers, keys) as service:
        await until_ready(service)
        async with httpx.AsyncClient(base_url=service.url) as client:
            answer = await client.post("/v1/meetings", json=wanted(circle), headers=again)
        assert answer.status_code == 201
        await eventually(lambda: counts(worker), lambda found: found == {"meetings": 1, "invitations": 3, "outbox": 0})


async def test_a_relay_killed_between_sending_and_deleting_sends_again_and_consumers_can_tell(
    database: ServiceDatabase, worker: Database, kafka: RunningKafka, keys: Keys, circle: UUID
) -> None:
    starts = await kafka_peer.ends(kafka.bootstrap_servers, MEETINGS_EVENTS.name)
    point = KillPoint((b"DELETE FROM outbox",), after=False)
    async with killing_proxy(database.worker_url, point) as url:
        broken = {"EMON_DATABASE_WORKER_URL": url}
        async with service_process("meetings", database, kafka.bootstrap_servers, keys, broken) as service:
            point.pid = service.pid
            await until_ready(service)
            async with httpx.AsyncClient(base_url=service.url) as client:
                await client.post("/v1/meetings", json=wanted(circle), headers=headers(keys))
            await asyncio.wait_for(point.reached.wait(), 40)
    assert (await counts(worker))["outbox"] == 2
    async with service_process("meetings", database, kafka.bootstrap_servers, keys) as service:
        await until_ready(service)
        await eventually(lambda: counts(worker), lambda found: found["outbox"] == 0)
    records = await kafka_peer.read_from(kafka.bootstrap_servers, MEETINGS_EVENTS.name, starts, 4)
    ids = [dict(record.headers)["ce_id"] for record in records]
    assert len(ids) == 4
    assert len(set(ids)) == 2, "both were sent twice, under the same id, for the inbox to tell"
    assert ids[:2] == ids[2:], "and in the same order"


@pytest.mark.parametrize("after", [False, True], ids=["before its commit", "after its commit"])
async def test_a_consumer_killed_around_its_commit_invites_everybody_once(
    database: ServiceDatabase, worker: Database, kafka: RunningKafka, keys: Keys, circle: UUID, after: bool
) -> None:
    async with service_process("meetings", database, kafka.bootstrap_servers, keys) as service:
        await until_ready(service)
        async with httpx.AsyncClient(base_url=service.url) as client:
            await client.post("/v1/meetings", json=wanted(circle), headers=headers(keys))
    membership = MembershipRecord(organisation_id=circle, ags=HERE, engagement=Engagement.VOLUNTEER)
    late = PersonRecord(person_id=uuid4(), display_name="Ada", email=None, locale=Locale.DE, memberships=(membership,), grants=())
    # Her id goes by in the transaction that saves and invites her, and in no other.
    point = KillPoint((late.person_id.bytes, b"COMMIT"), after=after)
    async with killing_proxy(database.worker_url, point) as url:
        broken = {"EMON_DATABASE_WORKER_URL": url}
        async with service_process("meetings", database, kafka.bootstrap_servers, keys, broken) as service:
            point.pid = service.pid
            await until_ready(service)
            async with worker.unscoped() as tx:
                await outbox.append(tx, "contacts", [NewEvent(late, subject=late.key(), sequence=1)])
            worker.wake_relay()
            await asyncio.wait_for(point.reached.wait(), 40)
    assert (await counts(worker))["invitations"] == (4 if after else 3)
    async with service_process("meetings", database, kafka.bootstrap_servers, keys) as service:
        await until_ready(service)
        await eventually(lambda: counts(worker), lambda found: found == {"meetings": 1, "invitations": 4, "outbox": 0})
