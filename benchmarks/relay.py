"""The relay: how fast committed events reach Kafka, against faststream-outbox; and how soon a single one is consumed.

`python -m benchmarks relay`. The same rows (500 bytes and their headers) wait in the same PostgreSQL, for each side in the table
that it documents. The clock runs from the word to go until the table is empty: the broker has acknowledged the last event
(`acks=all`, idempotent), and its row is gone. Then the topic is read and the order of each key is checked.
"""

import json
import statistics
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from benchmarks.comparison import Comparison
from benchmarks.latency import measure as measure_latency
from benchmarks.surroundings import PEERS, Surroundings, contender, run_alone, until
from benchmarks.topic import records_of
from emon_contracts.topics import FEEDBACK_EVENTS, GATEWAY_EVENTS, MEETINGS_EVENTS, Topic
from emon_platform.migrations import platform_migrations

ROWS = 200_000
# As when something is done to an aggregate: several events of it, one behind the other.
EVENTS_OF_A_KEY = 4
BYTES = 500
# The peer's rate is compared, not its time: with as many rows, its ordered form would take minutes.
PEER_ROWS = {"fastest": 40_000, "ordered": 10_000}


def events(count: int) -> Iterable[tuple[bytes, list[tuple[str, str]], bytes]]:
    """Key, headers and value of `count` events; the header ce_sequence counts all of them."""
    keys = [str(UUID(int=number)) for number in range(-(-count // EVENTS_OF_A_KEY))]
    for number in range(count):
        key = keys[number // EVENTS_OF_A_KEY]
        headers = [
            ("ce_specversion", "1.0"),
            ("ce_id", str(uuid7())),
            ("ce_source", "/benchmark"),
            ("ce_type", "de.emon.benchmark.happened.v1"),
            ("ce_time", "2026-11-23T12:00:00.000000Z"),
            ("ce_subject", key),
            ("ce_sequence", str(number)),
            ("content-type", "application/json"),
        ]
        head = b'{"number":%d,"text":"' % number
        yield key.encode(), headers, head + b"x" * (BYTES - len(head) - 2) + b'"}'


async def fill(url: str, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Copies rows into an outbox, and leaves it as if it had stood there for a while."""
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table(table, columns=list(columns), records=rows)
        await connection.execute(f"VACUUM ANALYZE {table}")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def drained(url: str, table: str, column: str, program: Path, arguments: Mapping[str, object]) -> float:
    """Seconds from the word to go until nothing is left in the table."""
    async with _connected(url) as connection, contender(program, arguments) as relay:

        async def is_empty() -> bool:
            return await connection.fetchval(f"SELECT {column} FROM {table} ORDER BY {column} DESC LIMIT 1") is None

        begun = relay.begin()
        return await until(is_empty) - begun


@asynccontextmanager
async def _connected(url: str) -> AsyncGenerator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def ours(found: Surroundings, topic: Topic) -> float:
    """Events a second with emon_platform.relay."""
    database = await found.database("meetings", platform_migrations("outbox"))
    rows = ((topic.name, key, json.dumps(headers), value) for key, headers, value in events(ROWS))
    superuser = found.postgresql.server.url(database.name)
    await fill(superuser, "outbox", ("topic", "key", "headers", "value"), rows)
    program = Path(__file__).with_name("relay_process.py")
    return ROWS / await drained(
        superuser, "outbox", "position", program, {"url": database.worker_url, "bootstrap": found.bootstrap}
    )


async def peer(found: Surroundings, form: str, topic: Topic) -> float:
    """Events a second with faststream-outbox."""
    database = await found.postgresql.fresh_database("meetings")
    superuser = found.postgresql.server.url(database.name)
    arguments = {"url": database.owner_url, "bootstrap": found.bootstrap, "topic": topic.name, "form": form}
    async with contender(PEERS / "outbox_table.py", arguments):
        pass  # it has made the table when it is ready
    rows = (
        ("relay", value, json.dumps({"key": key.decode(), **dict(headers)})) for key, headers, value in events(PEER_ROWS[form])
    )
    await fill(superuser, "outbox", ("queue", "payload", "headers"), rows)
    return PEER_ROWS[form] / await drained(superuser, "outbox", "id", PEERS / "outbox_relay.py", arguments)


async def order_of(found: Surroundings, topic: Topic, count: int) -> tuple[int, int]:
    """How many different events arrived, and how many of them came before an earlier one of their key."""
    last: defaultdict[bytes, int] = defaultdict(lambda: -1)
    seen: set[int] = set()
    late = 0
    for record in await records_of(found.bootstrap, topic.name, count):
        number = int(dict(record.headers)["ce_sequence"])
        seen.add(number)
        late += number < last[record.key]
        last[record.key] = max(number, last[record.key])
    return len(seen), late


async def measure(found: Surroundings) -> list[Comparison]:
    """Ours, the peer's two forms, the order of each, and our latency."""
    own = await ours(found, MEETINGS_EVENTS)
    print(f"relay, ours: {own:,.0f} events/s; {_told(await order_of(found, MEETINGS_EVENTS, ROWS), ROWS)}", flush=True)
    comparisons: list[Comparison] = []
    for form, topic, target in (("fastest", FEEDBACK_EVENTS, 10), ("ordered", GATEWAY_EVENTS, 25)):
        other = await peer(found, form, topic)
        told = _told(await order_of(found, topic, PEER_ROWS[form]), PEER_ROWS[form])
        print(f"relay, faststream-outbox, {form} form: {other:,.0f} events/s; {told}", flush=True)
        comparisons.append(
            Comparison("relay, order kept", "events/s", own, f"faststream-outbox, {form} form", other, target=target)
        )
    latencies = sorted(await measure_latency(found))
    p50, p99 = statistics.median(latencies), latencies[int(len(latencies) * 0.99)]
    comparisons.append(Comparison("commit → consumed at 500/s, p50", "ms", p50 * 1000))
    comparisons.append(Comparison("commit → consumed at 500/s, p99", "ms", p99 * 1000, at_most=50))
    return comparisons


def _told(order: tuple[int, int], count: int) -> str:
    distinct, late = order
    assert distinct == count, f"{count - distinct} events were lost"
    return f"all {distinct:,} arrived, {'each key in order' if not late else f'{late:,} of them out of order'}"


if __name__ == "__main__":
    run_alone(measure)
