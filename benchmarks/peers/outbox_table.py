"""The outbox of faststream-outbox, with the autovacuum settings that its documentation recommends."""

import asyncio
import json
import sys

from faststream_outbox import make_outbox_table, outbox_autovacuum_ddl
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine


async def main() -> None:
    arguments = json.loads(sys.argv[1])
    metadata = MetaData()
    make_outbox_table(metadata)
    engine = create_async_engine(arguments["url"].replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(text(outbox_autovacuum_ddl("outbox")))
    await engine.dispose()
    print("ready", flush=True)


asyncio.run(main())
