"""Kafka hangs, PostgreSQL restarts, has no connection or no disk left, lets us deadlock: commands are done or refused with 503,
never half, and once it is over everything goes on: nothing is lost, nothing comes twice.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from tests.faults.two_services import TwoServices, two_services
from tests.polling import eventually

# Past the 10 s after which the relay gives a request up and the broker a member of a group; 30 in EMON_TEST_KAFKA_PAUSE_S is what
# operators see when a broker is moved.
KAFKA_PAUSE_S = float(os.environ.get("EMON_TEST_KAFKA_PAUSE_S", "11"))


@pytest.fixture(scope="module")
async def services(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[TwoServices]:
    async with two_services(tmp_path_factory.mktemp("parts")) as running:
        yield running


def refused_cleanly(answer: httpx.Response) -> bool:
    """503 as the documentation of the API has it."""
    return (
        answer.status_code == 503
        and int(answer.headers["Retry-After"]) > 0
        and answer.headers["Content-Type"] == "application/problem+json"
        and answer.json()["type"].endswith("#temporarily-unavailable")
    )


@pytest.mark.timeout(240)
async def test_while_kafka_hangs_commands_are_taken_and_afterwards_each_mail_goes_out_once(services: TwoServices) -> None:
    circle = await services.circle(3)
    await services.ready()
    meetings = [await services.scheduled(circle)]
    os.kill(services.kafka.part.pid, signal.SIGSTOP)
    try:
        over = asyncio.get_running_loop().time() + KAFKA_PAUSE_S
        while asyncio.get_running_loop().time() < over:
            answer = await services.schedule(circle)
            assert answer.status_code == 201, "no command needs the broker"
            meetings.append(answer.json()["id"])
            await asyncio.sleep(KAFKA_PAUSE_S / 5)
    finally:
        os.kill(services.kafka.part.pid, signal.SIGCONT)
    await services.all_invited_once(circle, meetings)
    await services.ready()


@pytest.mark.timeout(240)
async def test_kafka_and_postgresql_are_restarted_in_the_middle(services: TwoServices) -> None:
    circle = await services.circle(5)
    await services.ready()
    meetings: list[str] = []

    async def coordinator() -> None:
        for number in range(12):
            meetings.append(await services.scheduled(circle, title=f"Treffen {number}"))

    async def postgresql_restarts() -> None:
        await services.postgresql.part.stop()
        await services.postgresql.part.start()

    async def kafka_restarts() -> None:
        await services.kafka.part.stop()
        await services.kafka.part.start()

    await asyncio.gather(coordinator(), postgresql_restarts(), kafka_restarts())
    await services.all_invited_once(circle, meetings)
    await services.ready()


@pytest.mark.timeout(240)
async def test_without_a_connection_left_commands_are_refused_and_workers_go_on_afterwards(services: TwoServices) -> None:
    circle = await services.circle(3)
    await services.ready()
    before = await services.scheduled(circle)
    key = uuid4().hex
    taken: list[Any] = []
    try:
        await take_every_connection(services, taken)
        answer = await services.schedule(circle, key)
        assert refused_cleanly(answer), answer.text
        health = await services.ask("GET", "/health/ready")
        assert health.status_code == 503
        assert "TooManyConnectionsError" in health.text
    finally:
        for connection in taken:
            connection.terminate()
    meetings = [before, await services.scheduled(circle, key)]
    await services.all_invited_once(circle, meetings)
    await services.ready()


async def take_every_connection(services: TwoServices, taken: list[Any]) -> None:
    """Others take what there is, until nobody of ours has one."""
    while True:
        try:
            while True:
                settings = {"application_name": "others"}
                taken.append(await asyncpg.connect(services.postgresql.superuser_url, ssl=False, server_settings=settings))
        except asyncpg.TooManyConnectionsError:
            ended = await taken[0].fetch(
                """
                SELECT pg_terminate_backend(pid, 1000)
                FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND application_name <> 'others'
                """
            )
            if not ended:
                return


async def test_a_deadlock_ends_a_command_with_503_and_it_can_be_sent_again(services: TwoServices) -> None:
    circle = await services.circle(2)
    meeting = await services.scheduled(circle)
    await services.all_invited_once(circle, [meeting])
    path = f"/v1/meetings/{meeting}/cancellation"
    async with services.database("meetings", "others") as others:
        # Ours has locked the meeting and waits for the outbox; then we ask for the meeting, in no hurry to call it a deadlock.
        await others.execute("SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE outbox IN SHARE MODE")
        command = asyncio.create_task(services.ask("POST", path, {"reason": None}))
        await until_somebody_waits(services, "meetings")
        await others.execute(f"SELECT FROM meetings WHERE id = '{meeting}' FOR UPDATE")
        answer = await command
        await others.execute("ROLLBACK")
    assert refused_cleanly(answer), answer.text
    unchanged = await services.ask("GET", f"/v1/meetings/{meeting}")
    assert unchanged.json()["status"] != "cancelled"
    assert (await services.ask("POST", path, {"reason": None})).status_code == 200

    async def cancellations() -> list[str]:
        async with services.database("notifications") as connection:
            rows = await connection.fetch(
                "SELECT status FROM deliveries WHERE subject_id = $1 AND kind = 'cancellation'", UUID(meeting)
            )
        return [row["status"] for row in rows]

    await eventually(cancellations, lambda found: found == ["accepted"] * 2, within_s=60)


@pytest.mark.parametrize(
    ("table", "then"),
    [
        ("deliveries", "SELECT FROM consumer_offsets FOR UPDATE"),  # the consumer's batch
        ("attempts", "SELECT FROM deliveries WHERE status = 'queued' FOR UPDATE"),  # the mailer's group
    ],
    ids=["of the consumer", "of the mailer"],
)
async def test_a_deadlock_of_a_worker_is_tried_again_by_itself(services: TwoServices, table: str, then: str) -> None:
    circle = await services.circle(4)
    await services.ready()
    async with services.database("notifications", "others") as others:
        await others.execute(f"SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE {table} IN SHARE MODE")
        meeting = await services.scheduled(circle)
        await until_somebody_waits(services, "notifications")
        before = await deadlocks(services)
        await others.execute(then)
        assert await eventually(lambda: deadlocks(services), lambda count: count > before) > before
        await others.execute("ROLLBACK")
    await services.all_invited_once(circle, [meeting])


async def until_somebody_waits(services: TwoServices, service: str) -> None:
    async with services.database(service, "looking") as connection:

        async def waiting() -> int:
            return await connection.fetchval(
                """
                SELECT count(*)
                FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name NOT IN ('others', 'looking')
                """
            )

        await eventually(waiting, bool, within_s=60)


async def deadlocks(services: TwoServices) -> int:
    async with services.database("notifications", "looking") as connection:
        return await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


@pytest.mark.timeout(240)
async def test_with_a_full_disk_commands_are_refused_and_afterwards_all_goes_on(services: TwoServices) -> None:
    if not (services.postgresql_disk.is_small and services.kafka_disk.is_small):
        pytest.skip("only who may mount a file system has a small disk to fill")
    circle = await services.circle(40)
    await services.ready()
    meetings = [await services.scheduled(circle)]

    # Kafka's: the broker gives up, commands go on.
    services.kafka_disk.fill()
    for _ in range(3):
        answer = await services.schedule(circle)
        assert answer.status_code == 201
        meetings.append(answer.json()["id"])
    # PostgreSQL's as well.
    services.postgresql_disk.fill()
    try:
        refused = uuid4().hex
        while (answer := await services.schedule(circle, refused)).status_code == 201:
            meetings.append(answer.json()["id"])
            refused = uuid4().hex
        assert refused_cleanly(answer), answer.text
    finally:
        services.postgresql_disk.free()
        services.kafka_disk.free()
    # What an operator's supervisor does with a broker that ended; one that did not end has no use for its disk any more.
    await services.kafka.part.restart_after_kill()
    meetings.append(await services.scheduled(circle, refused))
    await services.all_invited_once(circle, meetings)
    await services.ready()
