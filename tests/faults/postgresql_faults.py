"""What others on the same PostgreSQL can do to us. Their sessions are named "others", so that ours can be told from them."""

from typing import Any

import asyncpg

from tests.faults.two_services import TwoServices
from tests.polling import eventually


async def take_every_connection(services: TwoServices, taken: list[Any]) -> None:
    """Others take what there is, until nobody of ours has one."""
    while True:
        try:
            while True:
                settings = {"application_name": "others"}
                taken.append(await asyncpg.connect(services.postgresql.superuser_url, ssl=False, server_settings=settings))
        except asyncpg.TooManyConnectionsError:
            ended = await taken[0].fetch(
                """
                SELECT pg_terminate_backend(pid, 1000)
                FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND application_name <> 'others'
                """
            )
            if not ended:
                return


async def until_somebody_waits(services: TwoServices, service: str) -> None:
    """Waits until one of ours waits for a lock."""
    async with services.database(service, "looking") as connection:

        async def waiting() -> int:
            return await connection.fetchval(
                """
                SELECT count(*)
                FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name NOT IN ('others', 'looking')
                """
            )

        await eventually(waiting, bool, within_s=60)


async def deadlocks(services: TwoServices, service: str) -> int:
    """How many there were in its database so far."""
    async with services.database(service, "looking") as connection:
        return await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
