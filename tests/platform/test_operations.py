"""What a process tells those who run it: correct where several tell the same, and soon, whatever is away."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from prometheus_client import REGISTRY

from emon_contracts.envelope import Event
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka
from emon_platform import figures, timers
from emon_platform.consumer import runtime
from emon_platform.consumer.lag import Lag
from emon_platform.consumer.offsets import Partition
from emon_platform.consumer.records import Record
from emon_platform.database import Database, Transaction
from emon_platform.figures import ANSWER_WITHIN_S, DatabaseFigures
from emon_platform.timers import Timer

from tests.platform.test_events import append, changed, consumer_name, consuming, note, relaying
from tests.polling import eventually

__all__ = ["consumer_name"]  # a fixture

SCRAPED_WITHIN_S = ANSWER_WITHIN_S + 2  # a machine may be busy; what hangs takes minutes
OUTBOX = (figures.of_outbox, figures.of_dead_letters)


def shown(name: str, **labels: str) -> float | None:
    """What a scrape gets."""
    return REGISTRY.get_sample_value(name, labels)


async def test_each_worker_says_the_same_of_the_outbox(worker: Database, api: Database) -> None:
    first, second = DatabaseFigures(worker, OUTBOX), DatabaseFigures(worker, OUTBOX)
    await first.refresh()
    assert (shown("emon_outbox_events"), shown("emon_outbox_oldest_age_seconds"), shown("emon_dead_letters")) == (0, 0, 0)
    await append(api, *(changed(uuid4(), 1) for _ in range(3)))
    for worker_of_service in (first, second):
        await worker_of_service.refresh()
        assert (shown("emon_outbox_events"), shown("emon_database_figures_up")) == (3, 1)
        assert (shown("emon_outbox_oldest_age_seconds") or 0) > 0


async def test_figures_that_are_held_up_by_a_lock_are_left_out_and_come_back(urls: ServiceDatabase, worker: Database) -> None:
    read = DatabaseFigures(worker, OUTBOX)
    await read.refresh()
    owner = await asyncpg.connect(urls.owner_url, ssl=False)
    await owner.execute("BEGIN; LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
    async with asyncio.timeout(SCRAPED_WITHIN_S):
        await read.refresh()
    assert (shown("emon_database_figures_up"), shown("emon_outbox_events"), shown("emon_dead_letters")) == (0, None, None)
    await owner.close()

    async def up() -> float | None:
        await read.refresh()
        return shown("emon_database_figures_up")

    await eventually(up, lambda found: found == 1)
    assert shown("emon_outbox_events") == 0


@asynccontextmanager
async def link_that_goes_silent(url: str) -> AsyncGenerator[tuple[str, asyncio.Event]]:
    """The database by a network that loses everything as long as the event is clear."""
    target = urlsplit(url)
    passes = asyncio.Event()
    passes.set()
    ways: list[asyncio.Task[None]] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await passes.wait()
            writer.write(data)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(target.hostname, target.port)
        ways.extend((asyncio.create_task(carry(reader, there_writer)), asyncio.create_task(carry(there_reader, writer))))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    host = f"{target.username}:{target.password}@127.0.0.1:{port}"
    try:
        yield urlunsplit(target._replace(netloc=host)), passes
    finally:
        server.close()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def test_a_database_that_does_not_answer_at_all_hangs_no_scrape(urls: ServiceDatabase) -> None:
    async with link_that_goes_silent(urls.worker_url) as (url, passes):
        far = await Database.connect(url, name="far", size_max=2)
        read = DatabaseFigures(far, OUTBOX)
        await read.refresh()
        assert shown("emon_database_figures_up") == 1
        passes.clear()
        for _ in range(3):
            async with asyncio.timeout(SCRAPED_WITHIN_S):
                await read.refresh()
            assert (shown("emon_database_figures_up"), shown("emon_outbox_events")) == (0, None)
        assert far.pool.get_size() - far.pool.get_idle_size() <= 1, "one question waits, and not one for each scrape"
        passes.set()

        async def up() -> float | None:
            await read.refresh()
            return shown("emon_database_figures_up")

        await eventually(up, lambda found: found == 1)
        await read.close()
        await far.close()


async def test_the_lag_of_a_partition_that_stands_still_grows_until_it_is_mended(
    urls: ServiceDatabase, kafka: RunningKafka, worker: Database, consumer_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "LAG_LOOK_INTERVAL_S", 0.0)

    async def has_a_bug(tx: Transaction, events: Sequence[Event[Any]]) -> None:
        if any(event.sequence == 3 for event in events):
            raise AttributeError("a bug of ours")
        await note(tx, events)

    async def lag() -> tuple[float, float, float]:
        found = [
            sample for metric in REGISTRY.collect() for sample in metric.samples if sample.labels.get("consumer") == consumer_name
        ]

        def total(name: str) -> float:
            return sum(sample.value for sample in found if sample.name == name)

        return (
            total("emon_consumer_partitions_stopped"),
            total("emon_consumer_lag_records"),
            total("emon_consumer_lag_seconds"),
        )

    person = uuid4()
    async with relaying(urls, kafka), consuming(consumer_name, kafka, worker, has_a_bug):
        began = time.time()
        await append(worker, *(changed(person, sequence) for sequence in range(1, 6)))
        stopped, records, seconds = await eventually(lag, lambda found: found[1] == 3 and found[2] > 1)
        assert (stopped, records) == (1, 3), "what comes before the bug is done"
        assert seconds <= time.time() - began + 1
    async with consuming(consumer_name, kafka, worker):
        assert await eventually(lag, lambda found: found == (0, 0, 0)) == (0, 0, 0), "also the partition that stood still"


def record(offset: int, sent_at: float, partition: int = 0) -> Record:
    return Record("topic", partition, offset, None, (), None, int(sent_at * 1000))


def test_the_lag_in_time_is_that_of_the_oldest_record_that_is_not_handled() -> None:
    lag, lane = Lag("rules"), Partition("topic", 0)

    def seconds(end: int) -> float | None:
        lag.show({lane: end})
        found = shown("emon_consumer_lag_seconds", consumer="rules", topic="topic", partition="0")
        return None if found is None else round(found)

    now = time.time()
    lag.assigned([lane])
    assert seconds(10) is None, "where it stands is not known yet"
    lag.positioned({lane: 4})
    assert seconds(4) == 0
    assert seconds(10) == 0, "nobody has seen what came just now"
    batch = [record(4, now - 90), record(5, now - 80), record(6, now - 70)]
    lag.arrived(batch)
    assert seconds(10) == 90
    lag.handled(batch, {lane: 5})
    assert seconds(10) == 80, "it stands at the second"
    lag.handled(batch, {lane: 7})
    assert seconds(10) == 70, "no older than the last that is done"
    assert seconds(7) == 0
    assert seconds(8) == 0, "what comes after a pause is new"
    lag.assigned([])
    assert shown("emon_consumer_lag_records", consumer="rules", topic="topic", partition="0") is None


async def test_only_a_timer_that_did_its_work_says_so(worker: Database) -> None:
    async def fails(_tx: Transaction) -> None:
        raise AttributeError("a bug of ours")

    async def works(tx: Transaction) -> None:
        await tx.execute("SELECT 1")

    task = asyncio.create_task(timers.run_timers(worker, [Timer("fails", 60, fails), Timer("works", 60, works)]))

    async def last_success() -> float | None:
        return shown("emon_timer_last_success_timestamp_seconds", timer="works")

    assert time.time() - (await eventually(last_success, lambda found: found is not None) or 0) < 60
    assert shown("emon_timer_interval_seconds", timer="fails") == 60
    assert shown("emon_timer_last_success_timestamp_seconds", timer="fails") is None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
