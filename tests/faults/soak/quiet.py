# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
"""Waiting until a platform has done all that it was asked to do."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from emon_embedded.running_platform import RunningPlatform

QUIET_WITHIN_S = 240.0
LOOKS_AGAIN_AFTER_S = 0.5
QUIET_LOOKS = 3
TELLS_EVERY_S = 15.0
UNSETTLED = ("waiting", "queued", "sending", "deferred")
DUE_FEEDBACK = "SELECT count(*) FROM feedback WHERE look_at <= now()"
BROKEN_OFF = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, KafkaError)


@dataclass(frozen=True)
class Where:
    """What is looked at: Kafka (`security` as aiokafka names it), databases by service, and where services say how they are."""

    bootstrap: str
    worker_urls: Mapping[str, str]
    operations_urls: Mapping[str, str]
    security: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @staticmethod
    def of(platform: RunningPlatform) -> "Where":
        """A platform in a home."""
        urls = {name: service.database.worker_url for name, service in platform.services.items()}
        return Where(platform.kafka_bootstrap, urls, platform.operations_urls)


async def until_quiet(where: Where, say: Callable[[str], None], *, all_are_introduced: bool = True) -> list[str]:
    """Waits until nothing is under way any more, and answers what still is where that takes too long.

    Pauses after a 4xx are cut short. `all_are_introduced`: also until everybody got an introduction, or is owed one for good.
    """
    deadline = time.monotonic() + QUIET_WITHIN_S
    quiet, told_at = 0, time.monotonic()
    left = ["not looked yet"]
    while quiet < QUIET_LOOKS and time.monotonic() < deadline:
        try:
            async with asyncio.timeout(20):
                left = await _what_is_left(where, all_are_introduced=all_are_introduced)
        except BROKEN_OFF as failure:
            left = [f"cannot look: {type(failure).__name__}"]
        quiet = 0 if left else quiet + 1
        if left and time.monotonic() > told_at + TELLS_EVERY_S:
            say(f"not quiet yet: {'; '.join(left)}")
            told_at = time.monotonic()
        await asyncio.sleep(LOOKS_AGAIN_AFTER_S)
    return [*left, *await _troubles(where)] if left else []


async def _what_is_left(where: Where, *, all_are_introduced: bool) -> list[str]:
    left: list[str] = []
    ends = await _ends(where)
    for name, url in where.worker_urls.items():
        connection = await asyncpg.connect(url, timeout=10)
        try:
            if waiting := await connection.fetchval("SELECT count(*) FROM outbox"):
                left.append(f"{name}: {waiting} events wait in the outbox")
            if await connection.fetchval("SELECT to_regclass('consumer_offsets') IS NOT NULL"):
                read = await connection.fetch("SELECT topic, partition, next_offset FROM consumer_offsets")
                behind = sum(ends.get((row["topic"], row["partition"]), 0) > row["next_offset"] for row in read)
                left += [f"{name}: behind in {behind} partitions"] if behind else []
            if name == "notifications":
                left += await _unsettled(connection)
                left += await _new(connection) if all_are_introduced else []
            if name == "feedback" and (due := await connection.fetchval(DUE_FEEDBACK)):
                left.append(f"feedback: {due} that somebody has to be asked about")
            if name == "gateway" and (asked := await connection.fetchval("SELECT count(*) FROM sign_in_requests")):
                left.append(f"gateway: {asked} requests for links")
        finally:
            await connection.close()
    return left


async def _unsettled(connection: Any) -> list[str]:
    # As if the pause of everything that was put off were over.
    await connection.execute("UPDATE deliveries SET not_before = now() WHERE status = 'deferred' AND not_before > now()")
    rows = await connection.fetch("SELECT status, count(*) FROM deliveries WHERE status = ANY($1) GROUP BY status", UNSETTLED)
    return [f"notifications: {count} deliveries {status}" for status, count in rows]


async def _new(connection: Any) -> list[str]:
    new = await connection.fetchval(
        """
        SELECT count(*)
        FROM newcomers
        WHERE introduced_at IS NULL
          AND NOT EXISTS (
              SELECT
              FROM deliveries
              WHERE deliveries.person_id = newcomers.person_id
                AND deliveries.subject_id = newcomers.person_id
          )
        """
    )
    return [f"notifications: {new} people to introduce"] if new else []


async def _ends(where: Where) -> Mapping[tuple[str, int], int]:
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=where.bootstrap, **where.security)
    try:
        await consumer.start()
        topics = [topic for topic in await consumer.topics() if topic.startswith("emon.")]
    finally:
        await consumer.stop()
    # Without a group it gets every partition of the topics at once.
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=where.bootstrap, **where.security)
    try:
        await consumer.start()
        ends = await consumer.end_offsets(list(consumer.assignment()))
        return {(partition.topic, partition.partition): end for partition, end in ends.items()}
    finally:
        await consumer.stop()


async def _troubles(where: Where) -> list[str]:
    """What the services themselves say."""
    found: list[str] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        for name, url in where.operations_urls.items():
            try:
                async with session.get(f"{url}/health/ready") as answer:
                    if answer.status != 200:
                        found.append(f"{name} says: {(await answer.text())[:500]}")
            except (aiohttp.ClientError, OSError, TimeoutError) as failure:
                found.append(f"{name} does not answer: {type(failure).__name__}")
    return found
