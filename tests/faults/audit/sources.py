# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportMissingTypeStubs=false
"""Where evidence comes from: topics by aiokafka, databases by asyncpg, mails by the standard library. No code of the platform."""

import asyncio
import base64
import binascii
import json
import re
import sqlite3
import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.faults.audit.records import (
    LONG_AGO,
    Attempt,
    Committed,
    Delivery,
    LedgerMail,
    Link,
    Person,
    SourceEvent,
    TakenMail,
)

EVENT_TOPICS = ("emon.meetings.events", "emon.gateway.events", "emon.feedback.events", "emon.contacts.events")
PEOPLE_TOPIC = "emon.directory.people"
READ_WITHIN_S = 20.0
READ_AGAIN = 2

LINKS = re.compile(r"/(?:links/|sign-in\?token=)([A-Za-z0-9_-]+)")
# Key id, purpose, revision, issued, expires, identifier, subject, person, signature.
LINK_LAYOUT = struct.Struct(">4sBIII16s16s16s64s")
PURPOSES = {1: "sign_in", 2: "invitation", 3: "feedback", 4: "correction", 5: "erasure"}


async def read_events(bootstrap: str, topics: Sequence[str] = EVENT_TOPICS, **security: Any) -> list[SourceEvent]:
    """Every event that stands in these topics. What bears no headers of an event is none. `security`: as aiokafka names it."""
    events: list[SourceEvent] = []
    for record in await _records(bootstrap, topics, security):
        headers = {name: (value or b"").decode() for name, value in record.headers}
        if not record.value or not {"ce_id", "ce_type", "ce_subject", "ce_sequence", "ce_time"} <= headers.keys():
            continue
        try:
            events.append(
                SourceEvent(
                    id=UUID(headers["ce_id"]),
                    type=headers["ce_type"],
                    subject=UUID(headers["ce_subject"]),
                    sequence=int(headers["ce_sequence"]),
                    time=datetime.fromisoformat(headers["ce_time"]),
                    offset=record.offset,
                    payload=json.loads(record.value),
                    replayed=headers.get("ce_replayed") == "true",
                )
            )
        except ValueError:
            continue  # no event either; whoever put it there is told by the dead letters of the services
    return events


async def read_people(bootstrap: str, **security: Any) -> dict[UUID, Person]:
    """All that the directory says and, as far as it was not compacted yet, said of people."""
    said: dict[UUID, list[dict[str, Any] | None]] = defaultdict(list)
    versions: dict[UUID, int] = defaultdict(int)
    since: dict[UUID, datetime] = {}
    for record in await _records(bootstrap, [PEOPLE_TOPIC], security):
        try:
            person_id = UUID((record.key or b"").decode())
            headers = {name: (value or b"").decode() for name, value in record.headers}
            version = int(headers["ce_sequence"])
            said[person_id].append(json.loads(record.value) if record.value else None)
            since.setdefault(person_id, datetime.fromisoformat(headers["ce_time"]))
        except (ValueError, KeyError):
            continue  # a record that names nobody
        versions[person_id] = max(versions[person_id], version)
    return {
        person_id: Person(
            addresses=frozenset(state["email"].lower() for state in states if state and state.get("email")),
            version=versions[person_id],
            was_without_address=any(state is not None and not state.get("email") for state in states),
            was_erased=any(state is None for state in states),
            entered_by_others=any(state is not None and state.get("entered_by") != str(person_id) for state in states),
            known_since=since.get(person_id, LONG_AGO),
        )
        for person_id, states in said.items()
    }


async def _records(bootstrap: str, topics: Sequence[str], security: Mapping[str, Any]) -> list[Any]:
    """Every record of these topics. On a busy machine aiokafka may wait for a position that never comes: then once more."""
    for _ in range(READ_AGAIN):
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_WITHIN_S):
                return await _read(bootstrap, topics, security)
    return await _read(bootstrap, topics, security)


async def _read(bootstrap: str, topics: Sequence[str], security: Mapping[str, Any]) -> list[Any]:
    # Without a group it gets every partition of the topics at once, and begins to look for its offsets before anybody can seek.
    consumer: Any = AIOKafkaConsumer(
        *topics, bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False, **security
    )
    found: list[Any] = []
    try:
        await consumer.start()
        partitions: list[TopicPartition] = sorted(consumer.assignment())
        ends: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
        behind = {partition for partition in partitions if await consumer.position(partition) < ends[partition]}
        while behind:
            for partition, records in (await consumer.getmany(*behind, timeout_ms=500)).items():
                found.extend(record for record in records if record.offset < ends[partition])
            behind = {partition for partition in behind if await consumer.position(partition) < ends[partition]}
    finally:
        await consumer.stop()
    return found


COMMITTED_IN: Mapping[str, Mapping[str, str]] = {
    "contacts": {
        "people": "SELECT id, version FROM people",
        "erased": "SELECT id, version FROM erased_people",
        "memberships": "SELECT organisation_id, ags, person_id FROM memberships",
    },
    "meetings": {
        "meetings": "SELECT id, version FROM meetings",
        "invitations": "SELECT id, meeting_id, person_id, version, reply FROM invitations",
        "standing": """
            SELECT participants.meeting_id, participants.organisation_id, participants.ags
            FROM participants
            JOIN meetings ON meetings.id = participants.meeting_id
            WHERE meetings.status = 'scheduled'
              AND meetings.starts_at > now()
              AND participants.organisation_id IS NOT NULL
        """,
    },
    "feedback": {
        "feedback": "SELECT id, version FROM feedback",
        "asked": """
            SELECT asked.feedback_id, asked.person_id
            FROM asked
            JOIN feedback ON feedback.id = asked.feedback_id
            WHERE feedback.look_at IS NOT NULL
              AND asked.round = feedback.round
        """,
    },
}


@dataclass(frozen=True, slots=True)
class LedgerRows:
    """What notifications wrote down."""

    deliveries: list[Delivery]
    mails: list[LedgerMail]
    attempts: list[Attempt]
    dead_letters: int


async def read_ledger(url: str) -> LedgerRows:
    """The ledger, all of it as it was at one moment. `url`: of the worker, who sees every municipality's."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            deliveries = await connection.fetch(
                "SELECT id, event_id, person_id, subject_id, status, reason, mail_id, updated_at FROM deliveries"
            )
            mails = await connection.fetch("SELECT id, kind, revision, introduces FROM mails")
            attempts = await connection.fetch("SELECT id, mail_id, outcome, code, started_at FROM attempts")
            dead_letters = await connection.fetchval("SELECT count(*) FROM dead_letters")
    finally:
        await connection.close()
    return LedgerRows(
        [Delivery(**_plain(row)) for row in deliveries],
        [LedgerMail(**_plain(row)) for row in mails],
        [Attempt(**_plain(row)) for row in attempts],
        dead_letters,
    )


async def read_committed(worker_urls: Mapping[str, str]) -> Committed:
    """What meetings, feedback and contacts committed. The URLs are those of their workers, who see every municipality's."""
    (contacts, meetings, feedback) = [await _asked(worker_urls[service], queries) for service, queries in COMMITTED_IN.items()]
    members: dict[tuple[UUID, str], set[UUID]] = defaultdict(set)
    for row in contacts["memberships"]:
        members[_uuid(row["organisation_id"]), row["ags"]].add(_uuid(row["person_id"]))
    return Committed(
        versions={_uuid(row["id"]): row["version"] for row in (*meetings["meetings"], *feedback["feedback"])},
        people={_uuid(row["id"]): row["version"] for row in contacts["people"]},
        erased={_uuid(row["id"]): row["version"] for row in contacts["erased"]},
        invited=frozenset((_uuid(row["meeting_id"]), _uuid(row["person_id"])) for row in meetings["invitations"]),
        due=frozenset(
            (_uuid(row["meeting_id"]), person_id)
            for row in meetings["standing"]
            for person_id in members[_uuid(row["organisation_id"]), row["ags"]]
        ),
        replies={_uuid(row["id"]): (row["version"], row["reply"]) for row in meetings["invitations"] if row["reply"] is not None},
        asked=frozenset((_uuid(row["feedback_id"]), _uuid(row["person_id"])) for row in feedback["asked"]),
    )


async def _asked(url: str, queries: Mapping[str, str]) -> dict[str, list[Any]]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {name: await connection.fetch(query) for name, query in queries.items()}
    finally:
        await connection.close()


def _plain(row: Any) -> dict[str, Any]:
    return {name: _uuid(value) if isinstance(value, UUID) else value for name, value in row.items()}


def _uuid(value: UUID) -> UUID:
    return UUID(int=value.int)  # asyncpg's own kind of UUID sorts with no other


def read_sink(file: Path) -> list[bytes]:
    """The mails of the embedded mail sink, in the order in which it took them."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute("SELECT content FROM contents ORDER BY number")]


def taken_mails(contents: Iterable[bytes]) -> list[TakenMail]:
    """What the mails say, in the order in which they were taken."""
    return [_taken(order, BytesParser(policy=policy.default).parsebytes(content)) for order, content in enumerate(contents)]


def _taken(order: int, mail: EmailMessage) -> TakenMail:
    calendar = _calendar(mail)
    method, _, _ = calendar.get("METHOD", "").partition(";")
    return TakenMail(
        order=order,
        mail_id=_uuid_before_at(str(mail["Message-ID"] or "").strip("<> ")),
        kind=str(mail["X-EmON-Kind"] or ""),
        address=parseaddr(str(mail["To"] or ""))[1].lower(),
        meeting_id=_uuid_before_at(calendar.get("UID", "")),
        sequence=int(calendar["SEQUENCE"]) if "SEQUENCE" in calendar else None,
        is_cancel=method == "CANCEL",
        links=_links(mail),
    )


def _links(mail: EmailMessage) -> tuple[Link, ...]:
    """What the links in the text say, whether they are signed or not."""
    body = mail.get_body(("plain",))
    tokens = [] if body is None else LINKS.findall(body.get_content())
    return tuple(link for link in map(_link, tokens) if link is not None)


def _link(token: str) -> Link | None:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        _, purpose, revision, _, _, _, subject, person, _ = LINK_LAYOUT.unpack(raw)
        return Link(PURPOSES[purpose], UUID(bytes=subject), UUID(bytes=person), revision)
    except (binascii.Error, struct.error, KeyError):
        return None


def _calendar(mail: EmailMessage) -> dict[str, str]:
    """Method, UID and SEQUENCE of the calendar part (RFC 5545 section 3.1: a line that begins with a space goes on)."""
    for part in mail.walk():
        if part.get_content_type() == "text/calendar":
            text = part.get_content().replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
            lines = (line.partition(":") for line in text.splitlines())
            return {name.upper(): value.strip() for name, _, value in lines if name.upper() in ("METHOD", "UID", "SEQUENCE")}
    return {}


def _uuid_before_at(text: str) -> UUID | None:
    try:
        return UUID(text.partition("@")[0])
    except ValueError:
        return None
