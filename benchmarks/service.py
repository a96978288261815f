"""A service of ours as a process of its own, with the settings of production."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO

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
    port, operations_port = free_ports(2)
    environment = {
        **os.environ,
        "EMON_SERVICE_PORT": str(port),
        "EMON_OPERATIONS_PORT": str(operations_port),
        "EMON_DATABASE_OWNER_URL": database.owner_url,
        "EMON_DATABASE_API_URL": database.api_url,
        "EMON_DATABASE_WORKER_URL": database.worker_url,
        "EMON_KAFKA_BOOTSTRAP": bootstrap,
        **settings,
    }
    with TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"emon_{name}", role, env=environment, stdout=log, stderr=log
        )
        try:
            await _until_ready(process, operations_port, log)
            yield RunningService(process.pid, port)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _until_ready(process: asyncio.subprocess.Process, port: int, log: BinaryIO) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

        async def is_ready() -> bool:
            if process.returncode is not None:
                log.seek(0)
                raise RuntimeError(f"the service ended with {process.returncode}: {log.read().decode()[-2000:]}")
            try:
                return (await client.get("/health/ready")).status_code == 200
            except httpx.TransportError:
                return False

        await until(is_ready)
