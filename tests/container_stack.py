"""PostgreSQL and Kafka in containers, for `EMON_TEST_STACK=containers make test`; which images is a setting.

They are what the embedded parts are to a test: a real server with settings of its own, that can be stopped, killed and started
again on the same data and the same port.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from testcontainers.core.container import DockerContainer

from emon_embedded import kafka as embedded_kafka
from emon_embedded.ports import LOOPBACK, free_ports
from emon_embedded.service_databases import DatabaseServer
from emon_embedded.stack import READY_WITHIN_SECONDS, NotReady, RunningKafka, RunningPostgreSQL

POSTGRES_IMAGE = os.environ.get("EMON_TEST_POSTGRES_IMAGE", "postgres:18.1")
KAFKA_IMAGE = os.environ.get("EMON_TEST_KAFKA_IMAGE", "apache/kafka:4.1.2")

PASSWORD_FILE = "/etc/emon-password"
PROPERTIES_FILE = "/etc/emon-server.properties"
RUN_KAFKA = f"""
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --cluster-id emon-kafka-cluster-001 --config {PROPERTIES_FILE} &&
exec /opt/kafka/bin/kafka-server-start.sh {PROPERTIES_FILE}
"""
_ASKED_AGAIN_AFTER_SECONDS = 0.2


@dataclass
class ContainerPart:
    """A container that was made, with the port on which it is reached."""

    made: DockerContainer
    is_ready: Callable[[], Awaitable[bool]]

    @property
    def _container(self) -> Any:
        return self.made.get_wrapped_container()

    @property
    def pid(self) -> int:
        """On the machine that runs the engine."""
        self._container.reload()
        return self._container.attrs["State"]["Pid"]

    async def start(self) -> None:
        """Starts it and waits until it is ready. Raises `NotReady`."""
        await asyncio.to_thread(self._container.start)
        await self.until_ready()

    async def stop(self) -> None:
        """Stops it politely."""
        await asyncio.to_thread(self._container.stop)

    async def kill(self) -> None:
        """Ends it by SIGKILL."""
        await asyncio.to_thread(self._container.kill)

    async def restart_after_kill(self) -> None:
        """`kill`, then `start`."""
        await self.kill()
        await self.start()

    async def until_ready(self) -> None:
        """Waits. Raises `NotReady` with its last words."""
        try:
            async with asyncio.timeout(READY_WITHIN_SECONDS):
                while not await self.is_ready():
                    await asyncio.sleep(_ASKED_AGAIN_AFTER_SECONDS)
        except TimeoutError:
            words = await asyncio.to_thread(self._container.logs, tail=20)
            raise NotReady(f"{self.made.image} did not get ready:\n{words.decode()}") from None


@asynccontextmanager
async def postgresql_container(settings: Mapping[str, str]) -> AsyncGenerator[RunningPostgreSQL]:
    """PostgreSQL with these settings; gone with its data at the end."""
    [port] = free_ports(1)
    server = DatabaseServer(f"{LOOPBACK}:{port}", secrets.token_urlsafe(16))
    arguments = [f"--{name}={value}" for name, value in {"max_connections": "200", **settings}.items()]
    container = (
        DockerContainer(POSTGRES_IMAGE)
        .with_command(["postgres", *arguments])
        .with_env("POSTGRES_PASSWORD_FILE", PASSWORD_FILE)
        .with_env(
            "POSTGRES_INITDB_ARGS",
            "--encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C --lc-ctype=C.UTF-8",
        )
        .with_copy_into_container(server.superuser_password.encode(), PASSWORD_FILE)
        .with_bind_ports(5432, port)
    )
    async with _running(container, server.answers) as part:
        yield RunningPostgreSQL(server, part)


@asynccontextmanager
async def kafka_container() -> AsyncGenerator[RunningKafka]:
    """Kafka with the settings of the embedded one; gone with its data at the end."""
    [port] = free_ports(1)
    properties = {
        **embedded_kafka.SETTINGS,
        "log.dirs": "/tmp/kafka",
        "listeners": f"BROKER://:9092,CONTROLLER://{LOOPBACK}:9093",
        "advertised.listeners": f"BROKER://{LOOPBACK}:{port}",
        "controller.quorum.voters": f"1@{LOOPBACK}:9093",
    }
    content = "".join(f"{name}={value}\n" for name, value in properties.items())
    container = (
        DockerContainer(KAFKA_IMAGE, entrypoint=["/bin/bash", "-c"])
        .with_command([RUN_KAFKA])
        .with_copy_into_container(content.encode(), PROPERTIES_FILE)
        .with_bind_ports(9092, port)
    )

    async def serves() -> bool:
        return await embedded_kafka.serves(port)

    async with _running(container, serves) as part:
        yield RunningKafka(f"{LOOPBACK}:{port}", part)


@asynccontextmanager
async def _running(container: DockerContainer, is_ready: Callable[[], Awaitable[bool]]) -> AsyncGenerator[ContainerPart]:
    await asyncio.to_thread(container.start)
    try:
        part = ContainerPart(container, is_ready)
        await part.until_ready()
        yield part
    finally:
        await asyncio.to_thread(container.stop)
