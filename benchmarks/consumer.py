"""The consumer: how fast waiting events become rows, against FastStream's default form, each event once and durable.

`python -m benchmarks consumer`. The same events wait in the same Kafka. Both note each event's id in an inbox and add it to a
counter of its organisation (an upsert). Ours does a batch in one transaction, FastStream's default handler each message in one,
typed, without its log. The clock runs from the word to go until the counters hold every event.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from benchmarks.comparison import Comparison
from benchmarks.surroundings import PEERS, Surroundings, batches, contender, run_alone, until
from emon_contracts.events.contacts import OrganisationRegistered
from emon_contracts.topics import CONTACTS_EVENTS
from emon_platform.kafka_access import KafkaAccess
from emon_platform.kafka_edge import OutgoingRecord, Producer
from emon_platform.migrations import Migration, platform_migrations

EVENTS = 200_000
# The rate is compared, not the time: the peer would take minutes for all of them.
PEER_EVENTS = 10_000
ORGANISATIONS = 50_000
MUNICIPALITIES = tuple(f"08115{number:03}" for number in range(25))

COUNTERS = """
    CREATE TABLE counters (
        organisation_id uuid PRIMARY KEY,
        events          bigint NOT NULL
    );
    GRANT SELECT, INSERT, UPDATE ON counters TO :worker_role;
"""


def events() -> Iterable[OutgoingRecord]:
    """Events of some 400 bytes with the headers of a real one, as the relay would send them."""
    nobody = str(UUID(int=0))
    payload = OrganisationRegistered(organisation_id=UUID(nobody), kind="association", municipalities=MUNICIPALITIES)
    value = payload.model_dump_json()
    for number in range(EVENTS):
        organisation_id = str(UUID(int=number % ORGANISATIONS))
        headers = [
            ("ce_specversion", "1.0"),
            ("ce_id", str(uuid7())),
            ("ce_source", "/contacts"),
            ("ce_type", OrganisationRegistered.TYPE),
            ("ce_time", "2026-11-23T12:00:00.000000Z"),
            ("ce_subject", organisation_id),
            ("ce_sequence", str(1 + number // ORGANISATIONS)),
            ("content-type", "application/json"),
            ("ce_tenant", MUNICIPALITIES[0]),
        ]
        yield OutgoingRecord(
            CONTACTS_EVENTS.name, organisation_id.encode(), json.dumps(headers), value.replace(nobody, organisation_id).encode()
        )


async def fill(bootstrap: str) -> None:
    """Puts all events into their topic."""
    producer = Producer(KafkaAccess(bootstrap), "benchmark")
    await producer.start()
    try:
        for records in batches(events(), 5_000):
            _, failure = await producer.send(records)
            assert failure is None, failure
    finally:
        await producer.stop()


async def rate(found: Surroundings, program: Path, count: int) -> float:
    """Events a second, until `count` of them are in the counters and in the inbox."""
    database = await found.database(
        "contacts", [*platform_migrations("consumers"), Migration("benchmarks/counters.sql", COUNTERS)]
    )
    arguments = {"url": database.worker_url, "bootstrap": found.bootstrap, "topic": CONTACTS_EVENTS.name, "count": count}
    connection = await asyncpg.connect(found.postgresql.server.url(database.name))
    try:
        async with contender(program, arguments) as consumer:

            async def is_complete() -> bool:
                return await connection.fetchval("SELECT sum(events) FROM counters") >= count

            begun = consumer.begin()
            await consumer.says()  # it has handled the last one; what counts is that it is committed
            seconds = await until(is_complete) - begun
        counted = await connection.fetchval("SELECT sum(events) FROM counters")
        noted = await connection.fetchval("SELECT count(*) FROM inbox")
    finally:
        await connection.close()
    assert counted == noted, f"{counted} events were counted and {noted} noted"
    return count / seconds


async def measure(found: Surroundings) -> list[Comparison]:
    """Ours, then the peer, from the same topic."""
    await fill(found.bootstrap)
    own = await rate(found, Path(__file__).with_name("consumer_process.py"), EVENTS)
    print(f"consumer, ours: {own:,.0f} events/s ({EVENTS:,}), each in the inbox and counted once", flush=True)
    other = await rate(found, PEERS / "faststream_consumer.py", PEER_EVENTS)
    print(f"consumer, FastStream's default form: {other:,.0f} events/s ({PEER_EVENTS:,})", flush=True)
    return [
        Comparison("consumer, inbox and upsert", "events/s", own, "FastStream, default form, typed, no log", other, target=20)
    ]


if __name__ == "__main__":
    run_alone(measure)
