"""A service of ours as a process of its own, with the settings of production."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from benchmarks.surroundings import until
from emon_embedded.ports import free_ports
from emon_embedded.service_databases import ServiceDatabase


@dataclass(frozen=True, slots=True)
class RunningService:
    """Which process it is, and where it answers."""

    pid: int
    port: int


@asynccontextmanager
async def service(
    name: str, role: str, database: ServiceDatabase, bootstrap: str, settings: Mapping[str, str]
) -> AsyncGenerator[RunningService]:
    """Starts `python -m emon_NAME ROLE`, waits until it is ready, kills it in the end."""
    [port] = free_ports(1)
    environment = {
        **os.environ,
        "EMON_SERVICE_PORT": str(port),
        "EMON_DATABASE_OWNER_URL": database.owner_url,
        "EMON_DATABASE_API_URL": database.api_url,
        "EMON_DATABASE_WORKER_URL": database.worker_url,
        "EMON_KAFKA_BOOTSTRAP": bootstrap,
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"emon_{name}", role, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

            async def is_ready() -> bool:
                assert process.returncode is None, f"{name} ended with {process.returncode}"
                try:
                    return (await client.get("/health/ready")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(is_ready)
        yield RunningService(process.pid, port)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
