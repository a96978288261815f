"""Feedback is killed at the moments that hurt, and starts again: nobody is forgotten, and nobody is asked twice."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from emon_contracts.actors import Actor
from emon_contracts.topics import FEEDBACK_EVENTS
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka
from emon_feedback.schema import migrations
from emon_platform.database import Database
from emon_platform.identity import sign_actor

from tests.conftest import FreshDatabase
from tests.faults.killing_proxy import KillPoint, killing_proxy
from tests.faults.service_process import Keys, ServiceProcess, service_process, until_ready
from tests.feedback.conftest import Town, wanted
from tests.platform import kafka_peer
from tests.polling import eventually

SAVED = (b"INSERT INTO asked", b"COMMIT")


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> ServiceDatabase:
    return await fresh_database("feedback", migrations)


async def submitted(service: ServiceProcess, author: Actor, keys: Keys) -> httpx.Response:
    token = sign_actor(author, "feedback", keys.actor, datetime.now(UTC))
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
    async with httpx.AsyncClient(base_url=service.url) as client:
        return await client.post("/v1/feedback", json=wanted(), headers=headers)


async def counts(worker: Database) -> dict[str, int]:
    async with worker.unscoped() as tx:
        row = await tx.fetchrow(
            """
            SELECT (SELECT count(*) FROM feedback) AS feedback,
                   (SELECT count(*) FROM asked) AS asked,
                   (SELECT count(*) FROM outbox) AS outbox
            """
        )
    return dict(row)


async def types_of(kafka: RunningKafka, starts: dict[int, int], count: int) -> list[str]:
    records: list[Any] = await kafka_peer.read_from(kafka.bootstrap_servers, FEEDBACK_EVENTS.name, starts, count)
    return [dict(record.headers)["ce_type"].decode() for record in records]


async def test_a_submission_and_an_escalation_that_are_killed_happen_once(
    database: ServiceDatabase, kafka: RunningKafka, tmp_path: Path
) -> None:
    worker = await Database.connect(database.worker_url, name="test")
    town, keys = Town(worker), Keys(tmp_path)
    await town.found()
    author, _, _ = await town.volunteer(), await town.staff(), await town.coordinator()
    starts = await kafka_peer.ends(kafka.bootstrap_servers, FEEDBACK_EVENTS.name)

    before = KillPoint(SAVED, after=False)
    async with killing_proxy(database.api_url, before) as url:
        broken = {"EMON_DATABASE_API_URL": url}
        async with service_process("feedback", database, kafka.bootstrap_servers, keys, broken) as service:
            before.pid = service.pid
            await until_ready(service)
            with pytest.raises(httpx.TransportError):
                await submitted(service, author, keys)
    assert await counts(worker) == {"feedback": 0, "asked": 0, "outbox": 0}

    async with service_process("feedback", database, kafka.bootstrap_servers, keys) as service:
        await until_ready(service)
        answers = [await submitted(service, author, keys) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert len({answer.json()["id"] for answer in answers}) == 1
        await eventually(lambda: counts(worker), lambda found: found == {"feedback": 1, "asked": 1, "outbox": 0})

    async with worker.unscoped() as tx:
        await tx.execute("UPDATE feedback SET look_at = now()")
    after = KillPoint(SAVED, after=True)
    async with killing_proxy(database.worker_url, after) as url:
        broken = {"EMON_DATABASE_WORKER_URL": url}
        async with service_process("feedback", database, kafka.bootstrap_servers, keys, broken) as service:
            after.pid = service.pid
            async with asyncio.timeout(60):
                await after.reached.wait()
    assert (await counts(worker))["asked"] == 2

    async with service_process("feedback", database, kafka.bootstrap_servers, keys) as service:
        await until_ready(service)
        await eventually(lambda: counts(worker), lambda found: found == {"feedback": 1, "asked": 2, "outbox": 0})
    await worker.close()
    assert await types_of(kafka, starts, 2) == [
        "de.emon.feedback.feedback-submitted.v1",
        "de.emon.feedback.feedback-overdue.v1",
    ]
