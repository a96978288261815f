"""From a commit to its effect elsewhere: the outbox, the relay, Kafka, the consumer, the inbox."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from emon_contracts.envelope import Event, NewEvent
from emon_contracts.events.contacts import PersonChanged
from emon_contracts.events.meetings import InvitationsIssued, IssuedInvitation
from emon_contracts.refusals import Refusal, Refused
from emon_contracts.topics import CONTACTS_EVENTS
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka
from emon_platform import outbox
from emon_platform.consumer import dead_letters, offsets
from emon_platform.consumer.runtime import Consumer
from emon_platform.consumer.subscriptions import Facts
from emon_platform.database import Database, Transaction
from emon_platform.relay import Relay
from emon_platform.tracing import Kind, span

from tests.platform import kafka_peer
from tests.polling import eventually

TOPIC = CONTACTS_EVENTS.name
Handler = Callable[[Transaction, Sequence[Event[Any]]], Any]


async def note(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """An effect that is not idempotent: one row for each time it happens."""
    await tx.executemany(
        "INSERT INTO effects (event_id, subject, sequence) VALUES ($1, $2, $3)",
        [(event.id, event.subject, event.sequence) for event in events],
    )


def changed(person_id: UUID, sequence: int) -> NewEvent:
    return NewEvent(PersonChanged(person_id=person_id, changed_by=None), subject=str(person_id), sequence=sequence)


@asynccontextmanager
async def relaying(urls: ServiceDatabase, kafka: RunningKafka) -> AsyncGenerator[Relay]:
    relay = Relay(urls.worker_url, kafka.access, "test")
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def consuming(name: str, kafka: RunningKafka, worker: Database, handler: Handler = note) -> AsyncGenerator[Consumer]:
    consumer = Consumer(name, kafka.access, worker, [Facts(CONTACTS_EVENTS, {PersonChanged: handler})])
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def consumer_name(kafka: RunningKafka, worker: Database) -> str:
    """A consumer that stands at the end of the topic, whatever other tests left there."""
    name = f"test-{uuid4()}"
    ends = await kafka_peer.ends(kafka.bootstrap_servers, TOPIC)
    async with worker.unscoped() as tx:
        await offsets.begin(tx, name, {offsets.Partition(TOPIC, number): end for number, end in ends.items()})
    return name


async def effects(worker: Database) -> list[Any]:
    async with worker.unscoped() as tx:
        return await tx.fetch("SELECT subject, sequence FROM effects ORDER BY position")


async def waiting_in_outbox(worker: Database) -> int:
    async with worker.unscoped() as tx:
        return await tx.fetchval("SELECT count(*) FROM outbox")


async def append(worker: Database, *events: NewEvent) -> None:
    async with worker.unscoped() as tx:
        await outbox.append(tx, "contacts", events)


async def test_every_event_has_its_effect_once_and_in_order(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    people = [uuid4() for _ in range(20)]
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker):
        for sequence in range(1, 26):
            await append(worker, *(changed(person, sequence) for person in people))
        rows = await eventually(lambda: effects(worker), lambda rows: len(rows) >= 500)
    assert len(rows) == 500
    for person in people:
        assert [row["sequence"] for row in rows if row["subject"] == str(person)] == list(range(1, 26))


async def test_a_consumer_with_nothing_to_do_waits_instead_of_looking_again_and_again(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader: Any = AIOKafkaConsumer
    look, looks = reader.getmany, 0

    async def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal looks
        looks += 1
        return await look(*arguments, **named)

    monkeypatch.setattr(reader, "getmany", counted)
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker) as consumer:
        await append(worker, changed(uuid4(), 1))
        await eventually(lambda: effects(worker), lambda rows: len(rows) == 1)
        before = looks
        await asyncio.sleep(0.5)
        assert looks - before <= 2
        await append(worker, changed(uuid4(), 1))
        await eventually(lambda: effects(worker), lambda rows: len(rows) == 2)
        assert consumer.trouble() == []


async def test_what_is_rolled_back_is_never_sent(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with worker.unscoped() as tx:
            await outbox.append(tx, "contacts", [changed(uuid4(), 1)])
            raise ZeroDivisionError
    kept = uuid4()
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker):
        await append(worker, changed(kept, 1))
        rows = await eventually(lambda: effects(worker), lambda rows: len(rows) >= 1)
    assert [row["subject"] for row in rows] == [str(kept)]


async def test_the_same_record_twice_in_the_topic_has_one_effect(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    starts = await kafka_peer.ends(kafka.bootstrap_servers, TOPIC)
    async with relaying(urls, kafka):
        await append(worker, changed(uuid4(), 1), changed(uuid4(), 1))
        first = await kafka_peer.read_from(kafka.bootstrap_servers, TOPIC, starts, 2)
    copies = [(record.key, list(record.headers), record.value) for record in first]
    await kafka_peer.put(kafka.bootstrap_servers, TOPIC, copies * 2)
    marker = uuid4()
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker):
        await append(worker, *(changed(marker, sequence) for sequence in range(1, 9)))
        rows = await eventually(lambda: effects(worker), lambda rows: len(rows) >= 10)
    assert len(rows) == 10


async def test_a_topic_read_again_from_its_beginning_changes_nothing(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    async with worker.unscoped() as tx:
        start = await offsets.stored(tx, consumer_name)
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker):
        await append(worker, *(changed(uuid4(), 1) for _ in range(50)))
        await eventually(lambda: effects(worker), lambda rows: len(rows) == 50)
    async with worker.unscoped() as tx:
        for partition, offset in start.items():
            await tx.execute("UPDATE consumer_offsets SET next_offset = $2 WHERE topic = $1 AND partition = $3",
                             partition.topic, offset, partition.number)  # fmt: skip
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker):
        await append(worker, changed(uuid4(), 1))
        await eventually(lambda: effects(worker), lambda rows: len(rows) >= 51)

        async def positions() -> bool:
            async with worker.unscoped() as tx:
                ends = await kafka_peer.ends(kafka.bootstrap_servers, TOPIC)
                return {p.number: o for p, o in (await offsets.stored(tx, consumer_name)).items()} == ends

        await eventually(positions, bool)
    assert len(await effects(worker)) == 51


async def test_poison_among_five_hundred_is_kept_and_the_others_are_done(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    mended = False

    async def refuses_one(tx: Transaction, events: Sequence[Event[Any]]) -> None:
        if not mended and any(event.sequence == 77 for event in events):
            raise Refused(Refusal("not-yet", "the rule says no"))
        await note(tx, events)

    person = uuid4()
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker, refuses_one) as consumer:
        await append(worker, *(changed(person, sequence) for sequence in range(1, 501)))
        rows = await eventually(lambda: effects(worker), lambda rows: len(rows) >= 499)
        assert [row["sequence"] for row in rows] == [sequence for sequence in range(1, 501) if sequence != 77]
        assert consumer.trouble() == []
    async with worker.unscoped() as tx:
        [letter] = await dead_letters.all_of(tx)
    assert "not-yet" in letter["reason"]

    async with consuming(consumer_name, kafka, worker, refuses_one):
        async with worker.unscoped() as tx:
            assert await dead_letters.ask_for_retry(tx, letter["id"]) == 1

        async def waiting() -> list[Any]:
            async with worker.unscoped() as tx:
                return [letter for letter in await dead_letters.all_of(tx) if letter["retry"]]

        await eventually(waiting, lambda found: not found)
        assert len(await effects(worker)) == 499, "the cause is not mended yet"
        mended = True
        async with worker.unscoped() as tx:
            await dead_letters.ask_for_retry(tx, None)
        await eventually(lambda: effects(worker), lambda rows: len(rows) == 500)
    async with worker.unscoped() as tx:
        assert await dead_letters.all_of(tx) == []


async def test_unreadable_records_are_kept_and_unknown_types_are_skipped(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    event = (str(uuid4()).encode(), b"1", b"2026-01-01T00:00:00Z")
    headers = [("ce_id", event[0]), ("ce_sequence", event[1]), ("ce_time", event[2]), ("ce_subject", b"x")]
    await kafka_peer.put(
        kafka.bootstrap_servers,
        TOPIC,
        [
            (b"a", [("ce_type", None)], b"{}"),
            (b"b", [("ce_type", b"\xff")], b"{}"),
            (b"c", [], b"no headers"),
            (b"d", [("ce_type", b"de.emon.contacts.person-changed.v1"), *headers], b"not json"),
            (b"e", [("ce_type", b"com.example.other.v1")], b"\x00"),
        ],
    )
    kept = uuid4()
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker) as consumer:
        await append(worker, changed(kept, 1))

        async def letters() -> list[Any]:
            async with worker.unscoped() as tx:
                return await dead_letters.all_of(tx)

        await eventually(letters, lambda found: len(found) == 4)
        await eventually(lambda: effects(worker), lambda rows: len(rows) == 1)
        assert consumer.trouble() == []


async def test_a_bug_stops_its_partition_turns_health_red_and_loses_nothing(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    async def has_a_bug(tx: Transaction, events: Sequence[Event[Any]]) -> None:
        if any(event.sequence == 3 for event in events):
            raise AttributeError("a bug of ours")
        await note(tx, events)

    person = uuid4()
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker, has_a_bug) as consumer:
        await append(worker, *(changed(person, sequence) for sequence in range(1, 6)))

        async def troubles() -> list[str]:
            return consumer.trouble()

        await eventually(troubles, lambda found: any("AttributeError" in trouble for trouble in found))
        assert [row["sequence"] for row in await effects(worker)] == [1, 2]
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker):
        rows = await eventually(lambda: effects(worker), lambda rows: len(rows) >= 5)
    assert [row["sequence"] for row in rows] == [1, 2, 3, 4, 5]


async def test_a_newer_version_of_a_known_type_stops_instead_of_being_skipped(
    kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    newer = [("ce_type", b"de.emon.contacts.person-changed.v2")]
    async with consuming(consumer_name, kafka, worker) as consumer:
        await kafka_peer.put(kafka.bootstrap_servers, TOPIC, [(b"x", newer, b"{}")])

        async def troubles() -> list[str]:
            return consumer.trouble()

        await eventually(troubles, lambda found: any("NewerThanKnown" in trouble for trouble in found))
    # The topic is shared with other tests, which begin behind this record.


async def test_a_stored_offset_outside_the_log_is_held_and_not_jumped(
    kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    async with worker.unscoped() as tx:
        await tx.execute("UPDATE consumer_offsets SET next_offset = 10 ^ 9 WHERE partition = 0")
    async with consuming(consumer_name, kafka, worker) as consumer:

        async def troubles() -> list[str]:
            return consumer.trouble()

        await eventually(troubles, lambda found: any("outside the log" in trouble for trouble in found))


async def test_a_database_that_went_back_in_time_is_noticed_once_and_everything_is_done_again(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    async with worker.unscoped() as tx:
        backup = await offsets.stored(tx, consumer_name)
    async with relaying(urls, kafka):
        async with consuming(consumer_name, kafka, worker) as consumer:
            await append(worker, *(changed(uuid4(), 1) for _ in range(50)))
            await eventually(lambda: effects(worker), lambda rows: len(rows) == 50)
            assert consumer.remarks() == []
        async with worker.unscoped() as tx:
            await tx.execute("DELETE FROM effects")
            await tx.execute("DELETE FROM inbox")
            for partition, offset in backup.items():
                await tx.execute(
                    "UPDATE consumer_offsets SET next_offset = $2 WHERE consumer = $1 AND partition = $3",
                    consumer_name,
                    offset,
                    partition.number,
                )
        for _ in range(2):
            async with consuming(consumer_name, kafka, worker) as consumer:
                await eventually(lambda: effects(worker), lambda rows: len(rows) == 50)

                async def health(consumer: Consumer = consumer) -> tuple[int, list[str]]:
                    return len(consumer.remarks()), consumer.trouble()

                await eventually(health, lambda found: found == (1, []))  # it is said, and nothing is wrong
    async with worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(DISTINCT restored_at) FROM restores") == 1


async def test_a_lost_database_is_waited_for(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker):
        await append(worker, *(changed(uuid4(), 1) for _ in range(100)))
        await eventually(lambda: effects(worker), lambda rows: len(rows) > 0)
        async with worker.unscoped() as tx:
            await tx.execute(
                """
                SELECT pg_terminate_backend(pid)
                FROM pg_stat_activity
                WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
                """
            )
        await append(worker, *(changed(uuid4(), 1) for _ in range(100)))
        rows = await eventually(lambda: effects(worker), lambda rows: len(rows) >= 200)
    assert len(rows) == 200


async def test_a_batch_that_takes_too_long_is_done_in_smaller_parts(
    urls: ServiceDatabase, kafka: RunningKafka, consumer_name: str
) -> None:
    async def slow(tx: Transaction, events: Sequence[Event[Any]]) -> None:
        await tx.execute("SELECT pg_sleep($1)", 0.05 * len(events))
        await note(tx, events)

    hasty = await Database.connect(urls.worker_url, name="test hasty worker", transaction_timeout_s=0.5)
    try:
        await append(hasty, *(changed(uuid4(), 1) for _ in range(20)))
        async with relaying(urls, kafka):
            await eventually(lambda: waiting_in_outbox(hasty), lambda count: count == 0)
        async with consuming(consumer_name, kafka, hasty, slow):
            rows = await eventually(lambda: effects(hasty), lambda rows: len(rows) >= 20)
    finally:
        await hasty.close()
    assert len(rows) == 20


async def test_the_trace_of_a_request_goes_on_in_the_consumer(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str
) -> None:
    seen: list[str | None] = []

    async def look(tx: Transaction, events: Sequence[Event[Any]]) -> None:
        seen.extend(event.traceparent for event in events)
        await note(tx, events)

    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker, look):
        with span("GET", Kind.SERVER, {}, causes=["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]):
            await append(worker, changed(uuid4(), 1))
        await eventually(lambda: effects(worker), lambda rows: len(rows) == 1)
    assert seen[0] is not None
    assert seen[0].split("-")[1] == "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_an_event_over_the_limit_is_refused_before_it_is_stored(worker: Database) -> None:
    many = tuple(IssuedInvitation(invitation_id=uuid4(), person_id=uuid4()) for _ in range(2000))
    event = NewEvent(InvitationsIssued(meeting_id=uuid4(), ags="08115003", invitations=many), subject="x", sequence=1)
    with pytest.raises(outbox.EventTooLarge):
        await append(worker, event)
