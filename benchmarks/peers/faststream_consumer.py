"""FastStream in the form that its tutorial shows: a typed handler, one message at a time; its log is off.

For the same promise as ours it needs an inbox: FastStream's default acknowledges by itself, and repeats what it had not yet.
"""

import asyncio
import json
import sys
from typing import Annotated
from uuid import UUID

import asyncpg
import uvloop
from faststream import Header
from faststream.kafka import KafkaBroker
from pydantic import BaseModel


class OrganisationRegistered(BaseModel):
    organisation_id: UUID
    kind: str
    municipalities: tuple[str, ...]


async def main() -> None:
    arguments = json.loads(sys.argv[1])
    pool = await asyncpg.create_pool(arguments["url"])
    broker = KafkaBroker(arguments["bootstrap"], logger=None)
    left = arguments["count"]

    @broker.subscriber(arguments["topic"], group_id="peer", auto_offset_reset="earliest")
    async def count(event: OrganisationRegistered, event_id: Annotated[UUID, Header("ce_id")]) -> None:
        nonlocal left
        async with pool.acquire() as connection, connection.transaction():
            noted = await connection.execute("INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING", event_id)
            if noted == "INSERT 0 1":
                await connection.execute(
                    """
                    INSERT INTO counters (organisation_id, events) VALUES ($1, 1)
                    ON CONFLICT (organisation_id) DO UPDATE SET events = counters.events + 1
                    """,
                    event.organisation_id,
                )
        left -= 1
        if left == 0:
            print("done", flush=True)

    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await broker.start()
    await asyncio.Event().wait()


uvloop.run(main())
