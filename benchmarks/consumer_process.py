"""emon_platform.consumer as a contender."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import uvloop

from emon_contracts.envelope import Event
from emon_contracts.events.contacts import OrganisationRegistered
from emon_contracts.topics import CONTACTS_EVENTS
from emon_platform import collector
from emon_platform.consumer.runtime import Consumer
from emon_platform.consumer.subscriptions import Facts
from emon_platform.database import Database, Transaction
from emon_platform.kafka_access import KafkaAccess


async def main() -> None:
    """Consumes until it is killed."""
    arguments = json.loads(sys.argv[1])
    database = await Database.connect(arguments["url"], name="benchmark")
    left: int = arguments["count"]

    async def count(tx: Transaction, events: Sequence[Event[OrganisationRegistered]]) -> None:
        nonlocal left
        found: Counter[UUID] = Counter(event.payload.organisation_id for event in events)
        await tx.execute(
            """
            INSERT INTO counters (organisation_id, events)
            SELECT * FROM unnest($1::uuid[], $2::bigint[])
            ON CONFLICT (organisation_id) DO UPDATE SET events = counters.events + excluded.events
            """,
            list(found),
            list(found.values()),
        )
        left -= len(events)
        if left == 0:
            print("done", flush=True)

    consumer = Consumer(
        "contacts", KafkaAccess(arguments["bootstrap"]), database, [Facts(CONTACTS_EVENTS, {OrganisationRegistered: count})]
    )
    collector.settle()  # as every service does
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await consumer.run()


if __name__ == "__main__":
    uvloop.run(main())
