"""Asking for a link, from the request to the event in Kafka, on a real broker."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer

from emon_contracts.events.gateway import SignInRequested
from emon_contracts.topics import GATEWAY_EVENTS
from emon_embedded.stack import RunningKafka
from emon_gateway.sign_in import repository
from emon_gateway.sign_in.commands import ask_for_sign_in_link
from emon_gateway.sign_in.dispatch import dispatch_due
from emon_gateway.sign_in.rules import LOOK_UP_AFTER
from emon_gateway.sign_in.subscribers import end_sessions_of_erased
from emon_platform.database import Database

from tests.gateway.conftest import Platform, Running, person
from tests.polling import eventually


@asynccontextmanager
async def published(kafka: RunningKafka) -> AsyncGenerator[Any]:
    """Answers, at any time, the events of the gateway since it was entered."""
    consumer: Any = AIOKafkaConsumer(
        GATEWAY_EVENTS.name, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="latest", group_id=None
    )
    await consumer.start()
    await consumer.seek_to_end()
    for partition in consumer.assignment():
        await consumer.position(partition)
    events: list[SignInRequested] = []

    async def look() -> list[SignInRequested]:
        for records in (await consumer.getmany(timeout_ms=50)).values():
            events.extend(SignInRequested.model_validate_json(record.value) for record in records)
        return list(events)

    try:
        yield look
    finally:
        await consumer.stop()


async def open_requests(platform: Platform) -> int:
    async with platform.worker.unscoped() as tx:
        return await tx.fetchval("SELECT count(*) FROM sign_in_requests")


async def test_two_people_with_one_mailbox_get_one_event(run_platform: Running, kafka: RunningKafka) -> None:
    async with published(kafka) as look:
        platform = await run_platform(with_worker=True, kafka_bootstrap=kafka.bootstrap_servers)
        erika = person("Erika Muster", "Muster@example.org")
        max_ = person("Max Muster", "muster@example.org")
        await platform.know(erika, max_, person("Jemand", "other@example.org"), person("Ohne", None))
        asked_at = datetime.now(UTC)
        answer = await platform.post("/v1/sign-in-links", {"email": "muster@EXAMPLE.org"})
        assert answer.status == 202
        events = await eventually(look, lambda found: len(found) >= 1)
        assert set(events[0].person_ids) == {erika.person_id, max_.person_id}
        assert events[0].expires_at - asked_at <= timedelta(minutes=30, seconds=5)
        assert await open_requests(platform) == 0
        for one in (erika, max_):
            # One mail, one cause: links of both may bear the same identifier, and each is good for its own person.
            assert await platform.sign_in(one)
        assert len(await look()) == 1


async def test_somebody_entered_a_moment_ago_gets_the_link_too(run_platform: Running, kafka: RunningKafka) -> None:
    async with published(kafka) as look:
        platform = await run_platform(with_worker=True, kafka_bootstrap=kafka.bootstrap_servers)
        assert (await platform.post("/v1/sign-in-links", {"email": "new@example.org"})).status == 202
        await eventually(lambda: looked_up_again(platform), bool)
        new = person("Neu", "new@example.org")
        await platform.know(new)
        events = await eventually(look, lambda found: len(found) >= 1)
        assert events[0].person_ids == (new.person_id,)


async def looked_up_again(platform: Platform) -> bool:
    async with platform.worker.unscoped() as tx:
        return bool(await tx.fetchval("SELECT look_at > requested_at + $1 FROM sign_in_requests", LOOK_UP_AFTER))


async def test_an_unknown_mailbox_is_forgotten_without_a_word(api: Database, worker: Database) -> None:
    asked_at = datetime.now(UTC)
    await ask_for_sign_in_link(api, "nobody@example.org", asked_at)
    async with worker.unscoped() as tx:
        assert await dispatch_due(tx, asked_at + timedelta(seconds=9)) == 1
        assert await tx.fetchval("SELECT count(*) FROM sign_in_requests") == 1
        assert await dispatch_due(tx, asked_at + timedelta(seconds=10)) == 1
        assert await tx.fetchval("SELECT count(*) FROM sign_in_requests") == 0
        assert await tx.fetchval("SELECT count(*) FROM outbox") == 0


async def test_known_and_unknown_mailboxes_cannot_be_told_apart(platform: Platform) -> None:
    await platform.know(person(email="known@example.org"))
    seen: dict[str, list[float]] = {"known": [], "unknown": []}
    answers: set[tuple[object, ...]] = set()
    for _ in range(15):
        for who, times in seen.items():
            started = time.perf_counter()
            answer = await platform.post("/v1/sign-in-links", {"email": f"{who}@example.org"})
            body = await answer.read()
            times.append(time.perf_counter() - started)
            headers = {name: value for name, value in answer.headers.items() if name.lower() not in ("date", "x-request-id")}
            answers.add((answer.status, body, tuple(sorted(headers.items()))))
    assert len(answers) == 1
    assert answers.pop()[:2] == (202, b"")
    # The same work is done for both: one row. What each does later is the worker's.
    assert await open_requests(platform) == 30


async def test_more_than_a_few_requests_for_a_mailbox_are_taken_and_not_mailed(run_platform: Running) -> None:
    platform = await run_platform(rate_of_sign_in_per_mailbox="3/hour")
    for spelling in ("a@example.org", "A@example.org", "a@EXAMPLE.org", "a@example.org", "a@example.org"):
        assert (await platform.post("/v1/sign-in-links", {"email": spelling})).status == 202
    assert await open_requests(platform) == 3
    await platform.post("/v1/sign-in-links", {"email": "b@example.org"})
    assert await open_requests(platform) == 4


async def test_what_is_no_address_is_refused(platform: Platform) -> None:
    for email in ("", "x", "a@b@c.de", "a b@example.org", "a@b\r\nBcc: c@d.de", "ä@example.org", "a@" + "b" * 300, None, 1):
        answer = await platform.post("/v1/sign-in-links", {"email": email})
        assert answer.status == 422
        assert (await answer.json())["errors"][0]["pointer"] == "/email"


async def test_several_workers_share_the_requests(platform: Platform, api: Database) -> None:
    people = [person(f"Person {number}", f"p{number}@example.org") for number in range(40)]
    now = datetime.now(UTC)
    await platform.know(*people)
    for one in people:
        await ask_for_sign_in_link(api, one.email or "", now)

    async def dispatch() -> int:
        async with platform.worker.unscoped() as tx:
            return await dispatch_due(tx, now + LOOK_UP_AFTER)

    assert sum(await asyncio.gather(*(dispatch() for _ in range(4)))) == 40
    async with platform.worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(*) FROM outbox") == 40
    assert await open_requests(platform) == 0


async def test_erasure_deletes_the_sessions(platform: Platform) -> None:
    erika, max_ = person(), person()
    await platform.know(erika, max_)
    await platform.sign_in(erika)
    await platform.sign_in(max_)
    await platform.forget(erika.person_id)
    async with platform.worker.unscoped() as tx:
        await end_sessions_of_erased(tx, [erika.person_id, max_.person_id])
        assert [row["person_id"] for row in await tx.fetch("SELECT person_id FROM sessions")] == [max_.person_id]


async def test_the_sweep_forgets_what_is_over(platform: Platform) -> None:
    erika = person()
    await platform.know(erika)
    await platform.sign_in(erika)
    async with platform.worker.unscoped() as tx:
        await repository.sweep(tx, datetime.now(UTC))
        assert await tx.fetchval("SELECT count(*) FROM used_sign_in_links") == 1
        await repository.sweep(tx, datetime.now(UTC) + timedelta(hours=11))
        assert await tx.fetchval("SELECT (SELECT count(*) FROM used_sign_in_links) + (SELECT count(*) FROM sessions)") == 0
