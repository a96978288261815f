"""Looks into all running databases, and tells what differs for longer than it takes an event to arrive."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg

from emon_operator.backup.comparing_rules import Copy, Difference, Seen, differences
from emon_operator.backup.places import PARTITIONS, Places, topics_of
from emon_platform.consumer import offsets
from emon_platform.database import Transaction
from emon_platform.kafka_edge import Log, open_log

KINDS = {"people": "person_id", "organisations": "organisation_id", "municipalities": "ags"}
# The gateway forgets past meetings, so that its copy is compared with what it has alone.
HOLDS_MEETINGS = {"notifications": "meeting_id", "gateway": "meeting_id", "feedback": "id"}
LOOK_AGAIN_AFTER_S = 1.0


async def compare_databases(places: Places, patience_s: float) -> set[Difference]:
    """What differs, and still does after some patience. Raises KafkaError, and what databases raise."""
    async with open_log(places.kafka) as log, _connections(places) as connections:
        stuck = differences(await _look(connections, log))
        deadline = asyncio.get_running_loop().time() + patience_s
        while stuck and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(min(LOOK_AGAIN_AFTER_S, patience_s))
            stuck &= differences(await _look(connections, log))
    return stuck


@asynccontextmanager
async def _connections(places: Places) -> AsyncGenerator[Mapping[str, Any]]:
    async with AsyncExitStack() as stack:
        found: dict[str, Any] = {}
        for service, place in places.databases.items():
            found[service] = await asyncpg.connect(place.worker_url, server_settings={"application_name": "emon verify"})
            stack.push_async_callback(found[service].close)
        yield found


async def _look(connections: Mapping[str, Any], log: Log) -> Seen:
    listening = [service for service in connections if topics_of(service)]
    positions = {service: await offsets.stored(Transaction(connections[service], None, None), service) for service in listening}
    contacts, meetings, notifications = (connections[name] for name in ("contacts", "meetings", "notifications"))
    return Seen(
        waiting={
            service: frozenset(row["position"] for row in await connection.fetch("SELECT position FROM outbox LIMIT 1000"))
            for service, connection in connections.items()
        },
        dead_letters={
            service: frozenset(row["id"] for row in await connections[service].fetch("SELECT id FROM dead_letters LIMIT 1000"))
            for service in listening
        },
        positions=positions,
        beginnings=await log.beginnings(PARTITIONS),
        ends=await log.ends(PARTITIONS),
        directory={
            kind: {
                row["key"]: row["version"]
                for row in await contacts.fetch(f"SELECT {_key_of(kind)}::text AS key, version FROM {kind}")
            }
            for kind in KINDS
        },
        copies={service: {kind: await _copy(connections[service], kind) for kind in KINDS} for service in listening},
        meetings={row["id"]: row["version"] for row in await meetings.fetch("SELECT id, version FROM meetings")},
        copies_of_meetings={
            service: {
                row["id"]: row["version"]
                for row in await connections[service].fetch(f"SELECT {key} AS id, version FROM meetings")
            }
            for service, key in HOLDS_MEETINGS.items()
        },
        invited=frozenset(
            (row["meeting_id"], row["person_id"])
            for row in await meetings.fetch(
                """
                SELECT invitation.meeting_id, invitation.person_id
                FROM invitations AS invitation
                JOIN meetings AS meeting ON meeting.id = invitation.meeting_id
                WHERE meeting.starts_at > now()
                """
            )
        ),
        owed=frozenset(
            (row["subject_id"], row["person_id"])
            for row in await notifications.fetch(
                """
                SELECT DISTINCT subject_id, person_id
                FROM deliveries
                WHERE kind IN ('invitation', 'change', 'cancellation')
                """
            )
        ),
    )


def _key_of(kind: str) -> str:
    return "ags" if kind == "municipalities" else "id"


async def _copy(connection: Any, kind: str) -> dict[str, Copy]:
    data = "display_name" if kind == "people" else "name"
    rows = await connection.fetch(f"SELECT {KINDS[kind]}::text AS key, version, {data} IS NULL AS ended FROM directory_{kind}")
    return {row["key"]: Copy(row["version"], row["ended"]) for row in rows}
