"""Fan-out: 20,000 invitations to one meeting, from the event in Kafka to the mail server's 250, beside post_office.

`python -m benchmarks fan_out`. Ours is the real worker of notifications: it reads the events, plans what is owed, notes each try
before and after, signs a link for each guest, and sends an invitation with its calendar part. The peer (Django) reads as many
guests from the same PostgreSQL, queues them by `send_many` and sends them by `send_queued_mail`: plain text, no calendar part
(`send_many` takes no attachments), and no Kafka. Both run a process for each processor. The clock stops at the sink's count; then
all must be recorded as sent.
"""

import json
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
from joserfc.jwk import OKPKey
from uuid_utils.compat import uuid7

from benchmarks.comparison import Comparison
from benchmarks.mail_sink import sink, sink_rate
from benchmarks.memory import PeakMemory
from benchmarks.service import service
from benchmarks.surroundings import PEERS, Surroundings, contender, run_alone, until
from emon_contracts.envelope import Payload, encode_headers
from emon_contracts.events.meetings import (
    INVITATIONS_PER_EVENT_MAX,
    InvitationsIssued,
    IssuedInvitation,
    MeetingKind,
    MeetingScheduled,
)
from emon_contracts.values import ZonedDateTime
from emon_notifications.schema import migrations
from emon_platform.kafka_edge import OutgoingRecord, Producer

GUESTS = 20_000
# The rate is compared: the peer would take minutes for all of them on a slow machine.
PEER_GUESTS = 20_000
PROCESSES = os.cpu_count() or 1
AGS = "08115003"

PEOPLE = """
    INSERT INTO directory_people (person_id, version, display_name, email, email_key, locale)
    SELECT
        lpad(to_hex(number), 32, '0')::uuid, 1, 'Erika Süß ' || number, 'p' || number || '@example.org',
        'p' || number || '@example.org', 'de'
    FROM generate_series(1, $1) AS number
"""
MUNICIPALITY = "INSERT INTO directory_municipalities (ags, version, name) VALUES ($1, 1, 'Musterstadt')"


@dataclass(frozen=True, slots=True)
class Sent:
    """How fast a side was, and how much memory it took at its peak."""

    per_second: float
    peak_mib: float


def invitations() -> list[Payload]:
    """A meeting and everybody who is invited, as meetings publishes them."""
    starts_at = (datetime.now(UTC) + timedelta(days=30)).replace(second=0, microsecond=0)
    meeting = MeetingScheduled(
        meeting_id=uuid4(),
        ags=AGS,
        kind=MeetingKind.ROUND_TABLE,
        title="Runder Tisch: Was gelingt, was fehlt?",
        start=ZonedDateTime(time_zone="UTC", local=starts_at.replace(tzinfo=None)),
        starts_at=starts_at,
        duration_minutes=90,
        place="Rathaus, Großer Saal",
        link=None,
        revision=0,
    )
    guests = [IssuedInvitation(invitation_id=uuid4(), person_id=UUID(int=number)) for number in range(1, GUESTS + 1)]
    return [
        meeting,
        *(
            InvitationsIssued(
                meeting_id=meeting.meeting_id, ags=AGS, invitations=tuple(guests[at : at + INVITATIONS_PER_EVENT_MAX])
            )
            for at in range(0, GUESTS, INVITATIONS_PER_EVENT_MAX)
        ),
    ]


def record(payload: Payload) -> OutgoingRecord:
    """As the relay of meetings sends it."""
    headers = encode_headers(
        event_id=uuid7(),
        source="/meetings",
        type_=payload.TYPE,
        time=datetime.now(UTC),
        subject=payload.key(),
        sequence=1,
        tenant=AGS,
        traceparent=None,
    )
    return OutgoingRecord(payload.TOPIC.name, payload.key().encode(), json.dumps(headers), payload.model_dump_json().encode())


async def ours(found: Surroundings) -> Sent:
    """Workers of notifications, from the first event in Kafka to the last mail taken."""
    urls = await found.database("notifications", migrations())
    connection = await asyncpg.connect(found.postgresql.server.url(urls.name))
    producer = Producer(found.kafka.access, "benchmark")
    key = found.folder / "signed-link.jwk"
    key.write_text(json.dumps(OKPKey.generate_key("Ed25519", auto_kid=True).as_dict(private=True)))
    await producer.start()
    try:
        await connection.execute(MUNICIPALITY, AGS)
        await connection.execute(PEOPLE, GUESTS)
        await connection.execute("VACUUM ANALYZE")
        records = [record(payload) for payload in invitations()]
        async with sink(GUESTS) as (port, taken):
            settings = {"EMON_SIGNED_LINK_PRIVATE_KEY_FILE": str(key), "EMON_SMTP_URL": f"smtp://127.0.0.1:{port}?starttls=never"}
            async with AsyncExitStack() as stack:
                started = [service("notifications", "worker", urls, found.bootstrap, settings) for _ in range(PROCESSES)]
                workers = [await stack.enter_async_context(worker) for worker in started]
                memory = await stack.enter_async_context(PeakMemory(*(worker.pid for worker in workers)))
                begun = time.perf_counter()
                _, failure = await producer.send(records)
                assert failure is None, failure
                await taken()
                seconds = time.perf_counter() - begun

                async def all_recorded() -> bool:
                    count = "SELECT count(*) FROM deliveries WHERE status = 'accepted'"
                    return await connection.fetchval(count) == GUESTS

                await until(all_recorded)
        return Sent(GUESTS / seconds, memory.peak_mib)
    finally:
        await producer.stop()
        await connection.close()


async def peer(found: Surroundings) -> Sent:
    """Django and post_office, from the word to go to the last mail taken."""
    database = await found.postgresql.fresh_database("meetings")
    async with sink(PEER_GUESTS) as (port, taken):
        arguments = {"url": database.owner_url, "smtp_port": port, "guests": PEER_GUESTS, "processes": PROCESSES}
        async with contender(PEERS / "post_office_fan_out.py", arguments) as program, PeakMemory(program.pid) as memory:
            begun = program.begin()
            await taken()
            seconds = time.perf_counter() - begun
            recorded = int(await program.says())
    assert recorded == PEER_GUESTS, f"{PEER_GUESTS - recorded} mails were not recorded as sent"
    return Sent(PEER_GUESTS / seconds, memory.peak_mib)


async def measure(found: Surroundings) -> list[Comparison]:
    """The sink alone, ours, the peer."""
    async with sink(GUESTS) as (port, _):
        alone = await sink_rate(port)
    print(f"fan-out, the sink alone: {alone:,.0f} mails/s", flush=True)
    own = await ours(found)
    print(f"fan-out, ours: {own.per_second:,.0f} mails/s, peak {own.peak_mib:.0f} MiB", flush=True)
    other = await peer(found)
    print(f"fan-out, post_office: {other.per_second:,.0f} mails/s, peak {other.peak_mib:.0f} MiB", flush=True)
    name = "Django + django-post_office, send_many, a process for each processor"
    return [
        Comparison("sink alone", "mails/s", alone, at_least=20_000),
        Comparison("fan-out", "mails/s", own.per_second, name, other.per_second, target=10, at_least=5_000),
        Comparison("fan-out, peak memory", "MiB", own.peak_mib, name, other.peak_mib),
    ]


if __name__ == "__main__":
    run_alone(measure)
