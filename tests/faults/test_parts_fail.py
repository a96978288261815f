"""Kafka hangs, PostgreSQL restarts, has no connection or no disk left, lets us deadlock: commands are done or refused with 503,
never half, and once it is over everything goes on: nothing is lost, nothing comes twice.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.faults.postgresql_faults import deadlocks, take_every_connection, until_somebody_waits
from tests.faults.service_process import until_ready
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
        meetings.extend([await services.scheduled(circle, title=f"Treffen {number}") for number in range(12)])

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


async def test_a_deadlock_ends_a_command_with_503_and_it_can_be_sent_again(services: TwoServices) -> None:
    circle = await services.circle(2)
    meeting = await services.scheduled(circle)
    await services.all_invited_once(circle, [meeting])
    path = f"/v1/meetings/{meeting}/cancellation"
    before = await deadlocks(services, "meetings")
    async with services.database("meetings", "others") as others:
        # Ours has locked the meeting and waits for the outbox; then we ask for the meeting, in no hurry to call it a deadlock.
        await others.execute("SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE outbox IN SHARE MODE")
        command = asyncio.create_task(services.ask("POST", path, {"reason": None}))
        await until_somebody_waits(services, "meetings")
        await others.execute(f"SELECT FROM meetings WHERE id = '{meeting}' FOR UPDATE")
        answer = await command
        await others.execute("ROLLBACK")
    await eventually(lambda: deadlocks(services, "meetings"), lambda count: count > before)
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
    meetings: list[str] = []
    before = await deadlocks(services, "notifications")
    async with services.database("notifications", "others") as others:
        await others.execute("SET deadlock_timeout = '1min'")
        # On a busy machine the worker's transaction may time out before both wait for each other: then they meet once more.
        while await deadlocks(services, "notifications") == before:
            await others.execute(f"BEGIN; LOCK TABLE {table} IN SHARE MODE")
            meetings.append(await services.scheduled(circle))
            await until_somebody_waits(services, "notifications")
            await others.execute(then)
            await others.execute("ROLLBACK")
    await services.all_invited_once(circle, meetings)


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


@pytest.mark.timeout(240)
async def test_workers_join_and_leave_while_a_batch_runs_and_each_effect_is_there_once(services: TwoServices) -> None:
    circle = await services.circle(4)
    await services.ready()
    dynamic = ""  # without a name of its own a worker leaves its group when it stops
    meetings: list[str] = []
    async with services.database("notifications", "others") as others:
        await others.execute("BEGIN; LOCK TABLE deliveries IN SHARE MODE")
        meetings += [await services.scheduled(circle) for _ in range(4)]
        await until_somebody_waits(services, "notifications")
        async with services.another("notifications", dynamic) as planner, services.another("meetings", dynamic) as scheduler:
            # They join while batches of the first ones wait within their transactions.
            for process in (planner, scheduler):
                await until_ready(process)
            await others.execute("ROLLBACK")
            await services.all_invited_once(circle, meetings)

            # Two whole workers at once, and the relay whose turn it is loses its connection.
            async with services.database("meetings", "others") as superuser:
                relays = await superuser.fetchval(
                    """
                    SELECT count(pg_terminate_backend(pid))
                    FROM pg_locks
                    WHERE locktype = 'advisory'
                      AND granted
                      AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = 'meetings relay')
                    """
                )
            assert relays == 1, "one relay is active, the other one stands by"
            meetings += [await services.scheduled(circle) for _ in range(4)]
            await services.all_invited_once(circle, meetings)

            # They leave while a batch runs.
            await others.execute("BEGIN; LOCK TABLE deliveries IN SHARE MODE")
            meetings += [await services.scheduled(circle) for _ in range(4)]
            await until_somebody_waits(services, "notifications")
            for process in (planner, scheduler):
                process.process.terminate()
        await others.execute("ROLLBACK")
    await services.all_invited_once(circle, meetings)
    await services.ready()
