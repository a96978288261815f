"""How soon a committed event is handled: from the return of the publisher's COMMIT to the first line of the consumer's handler.

Publisher, relay and consumer as in a service that runs `all`: one process, the real outbox, the real Kafka.
"""

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

from benchmarks.surroundings import Surroundings, until
from emon_contracts.envelope import Event, NewEvent
from emon_contracts.events.contacts import OrganisationRegistered
from emon_contracts.topics import CONTACTS_EVENTS
from emon_platform import outbox
from emon_platform.consumer.runtime import Consumer
from emon_platform.consumer.subscriptions import Facts
from emon_platform.database import Database, Transaction
from emon_platform.migrations import platform_migrations
from emon_platform.relay import Relay

EVENTS = 5_000
PER_SECOND = 500
# The first second is not counted: connections are opened, code is loaded.
WARM_UP = 500


async def measure(found: Surroundings) -> list[float]:
    """Seconds from commit to handler, of each event."""
    urls = await found.database("contacts", platform_migrations("outbox", "consumers"))
    database = await Database.connect(urls.worker_url, name="benchmark")
    committed: dict[int, float] = {}
    handled: dict[int, float] = {}

    async def note(_tx: Transaction, run: Sequence[Event[OrganisationRegistered]]) -> None:
        now = time.perf_counter()
        handled.update((event.sequence, now) for event in run)

    async def publish(number: int) -> None:
        payload = OrganisationRegistered(organisation_id=UUID(int=number), kind="association", municipalities=("08115003",))
        async with database.unscoped() as tx:
            await outbox.append(tx, "contacts", [NewEvent(payload, str(payload.organisation_id), number, "08115003")])
        committed[number] = time.perf_counter()

    relay = Relay(urls.worker_url, found.kafka.access, "contacts")
    consumer = Consumer("benchmark", found.kafka.access, database, [Facts(CONTACTS_EVENTS, {OrganisationRegistered: note})])
    tasks = [asyncio.create_task(part.run()) for part in (relay, consumer)]
    try:
        await until(lambda: _answer(not relay.trouble() and not consumer.trouble()))
        begun = time.perf_counter()
        publishing: list[asyncio.Task[None]] = []
        for number in range(EVENTS):
            # Each at its time, whether or not the one before is committed: a slow commit must not spare the others.
            await asyncio.sleep(max(0.0, begun + number / PER_SECOND - time.perf_counter()))
            publishing.append(asyncio.create_task(publish(number)))
        await asyncio.gather(*publishing)
        await until(lambda: _answer(len(handled) == EVENTS))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await database.close()
    return [handled[number] - committed[number] for number in range(WARM_UP, EVENTS)]


async def _answer(value: bool) -> bool:
    return value
