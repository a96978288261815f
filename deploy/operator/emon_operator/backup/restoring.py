"""Restoring every database from one backup, all of them or none, so that they fit each other again.

What happened after the cut is forgotten everywhere: consumers begin behind all that the log holds, and what was in flight at the
cut is published again by its publishers' outboxes. Before anybody can look, whoever was erased since is erased again.
"""

import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from emon_contacts.erasures.commands import erase_again
from emon_contacts.erasures.rules import Erasure
from emon_contacts.republishing.commands import Republished, republish_directory
from emon_contracts.topics import DIRECTORY_PEOPLE, TOPICS
from emon_gateway.sign_in.repository import end_all_sessions
from emon_operator.backup.checking import check_files, read_manifest
from emon_operator.backup.dump import Damaged
from emon_operator.backup.in_flight import read_records
from emon_operator.backup.loading import load_database, unforced
from emon_operator.backup.log_reading import Forgotten, LogFound, read_log
from emon_operator.backup.manifest import IN_FLIGHT, Manifest, dump_of
from emon_operator.backup.places import SERVICES, Place, Places, subscriptions_of
from emon_operator.backup.restoring_rules import DatabaseFound, erasures_unknown, merged, refusals
from emon_platform.broker import ensure_topics
from emon_platform.consumer import offsets, restores
from emon_platform.consumer.offsets import Partition
from emon_platform.consumer.records import Record
from emon_platform.consumer.subscriptions import StateRecord, States
from emon_platform.database import Transaction
from emon_platform.kafka_edge import open_log
from emon_platform.migrations import role_of
from emon_platform.outbox import publish_before_all

Progress = Callable[[str, str, int], None]


class CannotRestore(Exception):
    """Nothing was changed; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator says besides the backup."""

    replace: bool = False
    erasures: Sequence[Erasure] = ()
    has_erasure_log: bool = False
    nobody_was_erased: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done."""

    manifest: Manifest
    same_log: bool
    erased: list[Erasure]
    republished: Republished
    sent_again: int
    forgotten: list[Forgotten]


def _silent(_what: str, _part: str, _bytes: int) -> None:
    return


async def restore(folder: Path, places: Places, wishes: Wishes, progress: Progress = _silent) -> Restored:
    """Restores, and leaves the platform held: no mail from before goes out by itself. Raises CannotRestore and KafkaError."""
    manifest = read_manifest(folder)
    if wrong := check_files(folder, manifest):
        raise CannotRestore("\n".join(wrong))
    await ensure_topics(places.kafka)
    async with open_log(places.kafka) as log:
        found = await read_log(log, manifest)
    unknown = erasures_unknown(
        manifest,
        datetime.now(UTC),
        same_log=found.same,
        has_erasure_log=wishes.has_erasure_log,
        nobody_was_erased=wishes.nobody_was_erased,
    )
    if unknown is not None:
        raise CannotRestore(unknown)
    async with AsyncExitStack() as stack:
        connections = {service: await _connect(stack, place) for service, place in places.databases.items()}
        against = refusals({service: await _look(item) for service, item in connections.items()}, replace=wishes.replace)
        if against:
            raise CannotRestore("\n".join(against))
        transactions = [connection.transaction() for connection in connections.values()]
        for transaction in transactions:
            await transaction.start()
        try:
            restored = await _restore_all(folder, manifest, found, places, connections, wishes.erasures, progress)
        except (asyncpg.PostgresError, zipfile.BadZipFile, Damaged) as error:
            raise CannotRestore(f"{type(error).__name__}: {error}") from error  # the transactions end with their connections
        for transaction in transactions:
            await transaction.commit()
    return restored


async def _restore_all(
    folder: Path,
    manifest: Manifest,
    found: LogFound,
    places: Places,
    connections: Mapping[str, Any],
    known_erasures: Sequence[Erasure],
    progress: Progress,
) -> Restored:
    for service, connection in connections.items():
        place = places.databases[service]
        await load_database(
            connection,
            service,
            folder / dump_of(service),
            manifest.databases[service],
            role_of(place.api_url),
            role_of(place.worker_url),
            lambda table, size, service=service: progress(service, table, size),
        )
    erasures = merged(known_erasures, found.erased)
    erased_keys = {str(erasure.person_id).encode() for erasure in erasures}
    in_flight = [
        record
        for record in read_records(folder / IN_FLIGHT)
        if not (record.topic == DIRECTORY_PEOPLE.name and record.key in erased_keys)
    ]
    async with unforced(connections["contacts"]):
        tx = Transaction(connections["contacts"], None, None)
        # Neither may a record that was never sent bring anybody back.
        await tx.execute(
            "DELETE FROM outbox WHERE topic = $1 AND key = ANY ($2::bytea[])",
            DIRECTORY_PEOPLE.name,
            list(erased_keys),
        )
        again = await erase_again(tx, erasures)
        republished = await republish_directory(tx, found.known)
    for service in SERVICES:
        tx = Transaction(connections[service], None, None)
        async with unforced(connections[service]):
            await _forget_people(tx, service, again)
            await _send_again(tx, service, in_flight)
            await _begin_behind_the_log(tx, service, found.ends)
            if service == "gateway":
                await end_all_sessions(tx)
    return Restored(manifest, found.same, again, republished, len(in_flight), found.forgotten)


async def _connect(stack: AsyncExitStack, place: Place) -> Any:
    connection = await asyncpg.connect(place.owner_url, server_settings={"application_name": "emon restore"})
    stack.push_async_callback(connection.close)
    return connection


async def _look(connection: Any) -> DatabaseFound:
    sessions = await connection.fetch(
        """
        SELECT coalesce(nullif(application_name, ''), usename) AS name
        FROM pg_stat_activity
        WHERE datname = current_database()
          AND pid <> pg_backend_pid()
          AND usename IS NOT NULL -- backend_type is hidden from an owner who may not monitor
        """
    )
    if sessions:
        return DatabaseFound([row["name"] for row in sessions])
    tables = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname"
    )
    rows: dict[str, int] = {}
    async with connection.transaction(), unforced(connection):
        for table in tables:
            # What a service that has just started writes by itself is no data.
            if table["relname"] not in ("schema_migrations", "consumer_offsets", "outbox"):
                rows[table["relname"]] = await connection.fetchval(f'SELECT count(*) FROM "{table["relname"]}"')
    return DatabaseFound((), {table: count for table, count in rows.items() if count})


async def _forget_people(tx: Transaction, service: str, erased: Sequence[Erasure]) -> None:
    """By the very subscription that hears of an erasure while the platform runs, before any route opens."""
    ends = [StateRecord(str(item.person_id), item.version, None) for item in erased]
    for subscription in subscriptions_of(service):
        if ends and isinstance(subscription, States) and subscription.topic == DIRECTORY_PEOPLE:
            await subscription.handle(tx, ends)


async def _send_again(tx: Transaction, service: str, records: Sequence[Record]) -> None:
    published = {topic.name for topic in TOPICS if topic.publisher == service}
    await publish_before_all(tx, [record for record in records if record.topic in published])


async def _begin_behind_the_log(tx: Transaction, service: str, ends: Mapping[Partition, int]) -> None:
    topics = {subscription.topic.name for subscription in subscriptions_of(service)}
    if topics:
        await offsets.place(tx, service, {partition: end for partition, end in ends.items() if partition.topic in topics})
        await restores.note(tx, service)
