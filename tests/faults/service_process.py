"""A service as a process of its own, that can be ended at any moment from outside."""

import asyncio
import json
import os
import ssl
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from joserfc.jwk import OKPKey

from emon_embedded.ports import free_ports
from emon_embedded.service_databases import ServiceDatabase

from tests.faults.forked import STANDARD_ERROR, ForkedProcess
from tests.polling import eventually

PROJECT = Path(__file__).parents[2]

# Reading the system's certificates takes longer than a request, and nothing here is asked over TLS.
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client_of(url: str, **headers: str) -> httpx.AsyncClient:
    """Asks a service on this machine."""
    return httpx.AsyncClient(base_url=url, headers=headers, verify=_NO_CERTIFICATES, timeout=30)


class Keys:
    """The two key pairs of a platform, as files."""

    def __init__(self, folder: Path) -> None:
        self.actor = OKPKey.generate_key("Ed25519")
        self.link = OKPKey.generate_key("Ed25519")
        self.environment: dict[str, str] = {}
        for purpose, key in (("ACTOR_TOKEN", self.actor), ("SIGNED_LINK", self.link)):
            key.ensure_kid()
            for half, private in (("PRIVATE", True), ("PUBLIC", False)):
                file = folder / f"{purpose}-{half}.jwk"
                file.write_text(json.dumps(key.as_dict(private=private)))
                self.environment[f"EMON_{purpose}_{half}_KEY_FILE"] = str(file)


class ServiceProcess:
    """`python -m emon_NAME all`."""

    def __init__(self, process: ForkedProcess | asyncio.subprocess.Process, url: str, operations_url: str) -> None:
        self.process = process
        self.url = url
        self.operations_url = operations_url

    @property
    def pid(self) -> int:
        return self.process.pid

    async def answers(self) -> bool:
        """Whether it serves requests yet. Fails where the process ended."""
        assert self.process.returncode is None, f"the service ended with {self.process.returncode}"
        try:
            async with client_of(self.operations_url) as client:
                return (await client.get("/health/ready", timeout=2)).status_code == 200
        except httpx.TransportError:
            return False


@asynccontextmanager
async def service_process(
    name: str,
    database: ServiceDatabase,
    bootstrap: str,
    keys: Keys,
    extra: Mapping[str, str] | None = None,
    *,
    module: Sequence[str] | None = None,
    output: int = STANDARD_ERROR,
    forked: bool = True,
) -> AsyncGenerator[ServiceProcess]:
    """Starts a service; ends it by SIGKILL where it still runs. `extra` settings come last, such as a URL through a proxy.

    `module` with its arguments runs in place of the service's own, and does what it wants before it runs that. The file `output`
    takes all that it prints. `forked` is not for who has to be there before anything is imported.
    """
    port, operations_port = free_ports(2)
    environment = {
        **os.environ,
        **keys.environment,
        "EMON_SERVICE_PORT": str(port),
        "EMON_OPERATIONS_PORT": str(operations_port),
        "EMON_DATABASE_OWNER_URL": database.owner_url,
        "EMON_DATABASE_API_URL": database.api_url,
        "EMON_DATABASE_WORKER_URL": database.worker_url,
        "EMON_KAFKA_BOOTSTRAP": bootstrap,
        "EMON_WORKER_INSTANCE": "test",
        "EMON_LOG_LEVEL": "WARNING",
        **(extra or {}),
    }
    command = (*(module or (f"emon_{name}",)), "all")
    process: ForkedProcess | asyncio.subprocess.Process
    if forked:
        process = ForkedProcess(command, environment, output)
    else:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command, env=environment, cwd=PROJECT, stdout=output, stderr=output
        )
    try:
        yield ServiceProcess(process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{operations_port}")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until_ready(service: ServiceProcess) -> None:
    """Waits for /health/ready."""
    await eventually(service.answers, bool, within_s=90)
