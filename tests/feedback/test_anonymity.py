"""Nothing that is stored, logged or published leads to an anonymous author, whatever their browser says of them.

A running gateway and a running feedback, with their relays and a broker. Somebody who is signed in submits, with every header
that could tell who they are.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from emon_contracts.actors import Engagement
from emon_contracts.directory import MembershipRecord, MunicipalityRecord, OrganisationRecord, PersonRecord
from emon_contracts.topics import FEEDBACK_EVENTS, GATEWAY_EVENTS
from emon_contracts.values import Locale
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka, RunningPostgreSQL
from emon_feedback.schema import migrations as of_feedback
from emon_gateway.schema import migrations as of_gateway
from emon_platform import directory
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import Database
from emon_platform.signed_links import Purpose, SignedLink, Signer

from tests.conftest import FreshDatabase
from tests.faults.service_process import Keys, service_process, until_ready
from tests.feedback.conftest import HERE, TOWN_HALL
from tests.platform import kafka_peer
from tests.polling import eventually

CANARY = "Kanarienvogel"
TRACE = "ab" * 16


def person(engagement: Engagement) -> PersonRecord:
    membership = MembershipRecord(organisation_id=TOWN_HALL, ags=HERE, engagement=engagement)
    return PersonRecord(
        person_id=uuid4(), display_name=f"{CANARY} Ada", email=None, locale=Locale.DE, memberships=(membership,), grants=()
    )


async def know(database: ServiceDatabase, *people: PersonRecord) -> None:
    """The directory, as this service's subscriber saves it."""
    worker = await Database.connect(database.worker_url, name="test")
    hall = OrganisationRecord(organisation_id=TOWN_HALL, name="Rathaus", kind="municipality", municipalities=(HERE,))
    async with worker.unscoped() as tx:
        await directory.save_municipalities(tx, [StateRecord(HERE, 1, MunicipalityRecord(ags=HERE, name="Musterstadt"))])
        await directory.save_organisations(tx, [StateRecord(hall.key(), 1, hall)])
        await directory.save_people(tx, [StateRecord(item.key(), 1, item) for item in people])
    await worker.close()


async def everything_in(postgresql: RunningPostgreSQL, database: ServiceDatabase) -> set[str]:
    """Every row of every table as text, with the name of its table."""
    connection: Any = await asyncpg.connect(postgresql.server.url(database.name), ssl=False)
    try:
        found: set[str] = set()
        for table in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            name = table["tablename"]
            found |= {f"{name} {row['row']}" for row in await connection.fetch(f"SELECT {name}::text AS row FROM {name}")}
        return found
    finally:
        await connection.close()


def headers_that_tell(token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Cookie": f"session={CANARY}",
        "X-Request-Id": f"{CANARY}-request",
        "traceparent": f"00-{TRACE}-{'cd' * 8}-01",
        "tracestate": f"a={CANARY}",
        "baggage": f"user={CANARY}",
        "Idempotency-Key": f"{CANARY}-key",
        "User-Agent": CANARY,
        "Referer": f"https://{CANARY}.example/",
        "Forwarded": f"for={CANARY}",
        "X-Forwarded-For": "203.0.113.77",
        "X-Real-Ip": "203.0.113.77",
        "Accept-Language": "tlh",
    }


async def test_nothing_leads_to_an_anonymous_author(
    fresh_database: FreshDatabase, postgresql: RunningPostgreSQL, kafka: RunningKafka, tmp_path: Path
) -> None:
    author, clerk = person(Engagement.VOLUNTEER), person(Engagement.STAFF)
    gateway_rows, feedback_rows = await fresh_database("gateway", of_gateway), await fresh_database("feedback", of_feedback)
    for database in (gateway_rows, feedback_rows):
        await know(database, author, clerk)
    keys, bootstrap = Keys(tmp_path), kafka.bootstrap_servers
    topics = (FEEDBACK_EVENTS.name, GATEWAY_EVENTS.name)
    counts = {FEEDBACK_EVENTS.name: 4, GATEWAY_EVENTS.name: 0}
    starts = {topic: await kafka_peer.ends(bootstrap, topic) for topic in topics}
    log = tmp_path / "log"
    noisy = {"EMON_LOG_LEVEL": "DEBUG"}
    with log.open("wb") as file:
        output = file.fileno()
        async with service_process("feedback", feedback_rows, bootstrap, keys, noisy, output=output) as feedback:
            urls = {f"EMON_{name}_URL": feedback.url for name in ("CONTACTS", "MEETINGS", "FEEDBACK", "NOTIFICATIONS")}
            async with service_process("gateway", gateway_rows, bootstrap, keys, {**noisy, **urls}, output=output) as gateway:
                await until_ready(gateway)
                async with httpx.AsyncClient(base_url=gateway.url) as client:
                    token = await session_of(client, author.person_id, keys)
                    tells = headers_that_tell(token)
                    assert (await client.get("/v1/me", headers=tells)).status_code == 200, "the session is one"
                    before = [await everything_in(postgresql, database) for database in (gateway_rows, feedback_rows)]
                    known = log.stat().st_size
                    secret, other_secret = await speaks_without_a_name(client, tells), await fills_in_the_form(client, tells)

                    async def unsent() -> int:
                        return sum(row.startswith("outbox ") for row in await everything_in(postgresql, feedback_rows))

                    await eventually(unsent, lambda count: count == 0)
                after = [await everything_in(postgresql, database) for database in (gateway_rows, feedback_rows)]
    published = [
        record for topic in topics for record in await kafka_peer.read_from(bootstrap, topic, starts[topic], counts[topic])
    ]
    told = str([(record.key, record.headers, record.value) for record in published])
    logged = log.read_bytes()[known:].decode()
    stored = "\n".join(row for now, then in zip(after, before, strict=True) for row in now - then)
    assert "feedback " in stored
    assert "/v1/anonymous-feedback/{secret}" in logged
    assert "feedback-submitted" in told
    # What the gateway knows of feedback came to it by Kafka, as it comes to everybody, and is looked through below.
    by_kafka = ("consumer_", "inbox ", "feedback ")
    assert not [row for row in after[0] - before[0] if not row.startswith(by_kafka)], "the gateway stores nothing of a request"
    hashes = [hashlib.sha256(token.encode()).hexdigest(), hashlib.sha256(f"{CANARY}-key".encode()).hexdigest()]
    for trace in (CANARY, TRACE, "203.0.113.77", "tlh", str(author.person_id), token, secret, other_secret, *hashes):
        for where, text in (("stored", stored), ("logged", logged), ("published", told)):
            assert trace not in text, where
            assert trace.encode().hex() not in text, where


async def session_of(client: httpx.AsyncClient, person_id: UUID, keys: Keys) -> str:
    now = datetime.now(UTC)
    link = SignedLink(Purpose.SIGN_IN, uuid4(), person_id, 0, person_id, now, now + timedelta(minutes=30))
    answer = await client.post("/v1/sessions", json={"token": Signer(keys.link).sign(link)})
    assert answer.status_code == 201, answer.text
    return answer.json()["access_token"]


async def speaks_without_a_name(client: httpx.AsyncClient, tells: dict[str, str]) -> str:
    """Submits, reads, and writes back, by the API as by the page; answers the secret."""
    body = {"kind": "problem", "text": "Niemand hört zu.", "about": {"organisation_id": str(TOWN_HALL)}}
    made = await client.post(f"/v1/anonymous-feedback?from={CANARY}", json=body, headers=tells)
    assert made.status_code == 201, made.text
    secret = made.json()["link"].rpartition("/")[2]
    read = await client.get(f"/v1/anonymous-feedback/{secret}", headers=tells)
    assert (read.status_code, read.json()["status"]) == (200, "received")
    written = await client.post(f"/v1/anonymous-feedback/{secret}/messages", json={"text": "Bitte."}, headers=tells)
    assert written.status_code == 200
    rated = await client.post(f"/v1/anonymous-feedback/{secret}/rating", json={"stars": 1}, headers=tells)
    assert rated.status_code == 409
    page = f"/anonymous-feedback/{secret}?lang=de&from={CANARY}"
    assert (await client.get(page, headers=tells)).status_code == 200
    form = {"action": "write", "text": "Wirklich."}
    assert (await client.post(page, data=form, headers=tells)).status_code == 303
    return secret


async def fills_in_the_form(client: httpx.AsyncClient, tells: dict[str, str]) -> str:
    """Submits by the page alone; answers the secret that it shows."""
    page = f"/anonymous-feedback?lang=de&from={CANARY}"
    assert (await client.get(page, headers=tells)).status_code == 200
    form = {"municipality": HERE, "kind": "idea", "topic": "Sprechzeiten", "text": "Auch abends.", "from": CANARY}
    made = await client.post(page, data=form, headers=tells)
    assert made.status_code == 201, made.text
    [secret] = set(re.findall(r"/anonymous-feedback/([A-Za-z0-9_-]{32})", made.text))
    return secret
