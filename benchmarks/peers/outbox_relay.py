"""faststream-outbox as a relay to Kafka, in the forms that its pages "Relay to a foreign broker" and "Performance" show.

`fastest`: many workers, large fetches, terminal deletes in batches; it promises no order. `ordered`: the same with one worker,
so that an event is only sent when the one before was acknowledged. No types to validate, no log, the value untouched.
"""

import asyncio
import json
import sys

import uvloop
from faststream.kafka import KafkaBroker, KafkaResponse
from faststream_outbox import OutboxBroker, make_outbox_table
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

WORKERS = {"fastest": 32, "ordered": 1}


async def untouched(message):
    return message


async def main() -> None:
    arguments = json.loads(sys.argv[1])
    workers = WORKERS[arguments["form"]]
    engine = create_async_engine(arguments["url"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=workers + 2)
    outbox = OutboxBroker(engine, outbox_table=make_outbox_table(MetaData()), logger=None, apply_types=False)
    kafka = KafkaBroker(arguments["bootstrap"], acks="all", enable_idempotence=True, logger=None, apply_types=False)

    @kafka.publisher(arguments["topic"])
    @outbox.subscriber(
        "relay",
        max_workers=workers,
        fetch_batch_size=1000,
        min_fetch_interval=0.01,
        max_fetch_interval=0.1,
        terminal_flush_batch_size=100,
        decoder=untouched,
    )
    async def relay(message) -> KafkaResponse:
        headers = dict(message.headers)
        return KafkaResponse(message.body, key=headers.pop("key").encode(), headers=headers)

    await kafka.connect()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await outbox.start()
    await asyncio.Event().wait()


uvloop.run(main())
