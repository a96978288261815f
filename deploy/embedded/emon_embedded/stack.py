"""Parts of the embedded stack for tests: real PostgreSQL, real Kafka, a real mail sink; each can be stopped and killed alone.

Each is an async context manager that gives a handle. A handle may be used from any event loop, so a fixture of a whole test run
can hold it. Enter it in the main thread: the processes end when the thread that started them does.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import asyncpg

from emon_embedded.artefacts import cache_folder, fetch
from emon_embedded.kafka import Kafka
from emon_embedded.mail_sink_process import MailSink
from emon_embedded.ports import free_ports
from emon_embedded.postgresql import PostgreSQL
from emon_embedded.processes import Child, Command, last_lines
from emon_embedded.service_databases import (
    DatabaseServer,
    ServiceDatabase,
    admit_roles,
    create_database,
    create_role,
    role_names,
    service_database,
)
from emon_embedded.unpacking import postgresql_program
from emon_embedded.unprivileged import account_for_postgresql
from emon_platform.kafka_access import KafkaAccess

READY_WITHIN_SECONDS = 60.0
_TRIED_AGAIN_AFTER_SECONDS = 0.1


class NotReady(Exception):
    """A part did not become ready; the message holds its last words."""


@dataclass
class Part:
    """A part that runs, and can be stopped or killed and started again on the same data and the same port."""

    command: Command
    is_ready: Callable[[], Awaitable[bool]]
    child: Child | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """The process id of the part as it runs now. Raises `NotReady` if it does not run."""
        if self.child is None:
            raise NotReady(f"{self.command.name} is not running")
        return self.child.pid

    async def start(self) -> None:
        """Starts it and waits until it is ready. Raises `NotReady`.

        What ends too early is started again: the rest of a killed PostgreSQL may still be in its way.
        """
        try:
            async with asyncio.timeout(READY_WITHIN_SECONDS):
                await self._until_ready()
        except TimeoutError:
            await self.kill()
            raise NotReady(f"{self.command.name} did not get ready:\n{last_lines(self.command.log)}") from None

    async def stop(self) -> None:
        """Stops it politely; nothing if it does not run."""
        if self.child is not None:
            await self.child.stop()
            self.child = None

    async def kill(self) -> None:
        """Ends it by SIGKILL, at whatever it is doing; nothing if it does not run."""
        if self.child is not None:
            await self.child.kill()
            self.child = None

    async def restart_after_kill(self) -> None:
        """`kill`, then `start`."""
        await self.kill()
        await self.start()

    async def _until_ready(self) -> None:
        while not (self.child is not None and self.child.exit_code is None and await self.is_ready()):
            if self.child is None or self.child.exit_code is not None:
                self.child = Child(self.command)
            await asyncio.sleep(_TRIED_AGAIN_AFTER_SECONDS)


class AnyPart(Protocol):
    """A part, whatever it runs in."""

    @property
    def pid(self) -> int: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def kill(self) -> None: ...
    async def restart_after_kill(self) -> None: ...


@dataclass
class RunningPostgreSQL:
    """A cluster of its own; the roles of a service are made when its first database is asked for."""

    server: DatabaseServer
    part: AnyPart
    _passwords: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def superuser_url(self) -> str:
        """The database `postgres` as its superuser."""
        return self.server.url()

    async def fresh_database(self, service: str, template: str | None = None) -> ServiceDatabase:
        """A new database of this service with its three roles.

        It is empty, or a copy of the database `template`, to which nobody may be connected meanwhile.
        """
        connection = await asyncpg.connect(self.superuser_url, ssl=False)
        try:
            for role in role_names((service,)):
                if role not in self._passwords:
                    self._passwords[role] = secrets.token_urlsafe(16)
                    await create_role(connection, role, self._passwords[role])
            name = f"{service}_{secrets.token_hex(6)}"
            await create_database(connection, name, service, template or "template0")
            await admit_roles(connection, name, service)
        finally:
            await connection.close()
        return service_database(self.server, service, self._passwords, name)

    async def drop_database(self, database: ServiceDatabase) -> None:
        """Removes it, and throws out whoever is connected."""
        connection = await asyncpg.connect(self.superuser_url, ssl=False)
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')
        finally:
            await connection.close()


@dataclass
class RunningKafka:
    """A broker of its own, without topics."""

    bootstrap_servers: str
    part: AnyPart

    @property
    def access(self) -> KafkaAccess:
        """The same, as the platform's own clients take it."""
        return KafkaAccess(self.bootstrap_servers)


@dataclass
class RunningMailSink:
    """A mail sink of its own; its mails are asked for as Mailpit's, below `http_url`."""

    server: MailSink
    part: Part

    @property
    def smtp_port(self) -> int:
        """Where mails are taken, on 127.0.0.1."""
        return self.server.smtp_port

    @property
    def smtp_url(self) -> str:
        """The same as a URL."""
        return self.server.smtp_url

    @property
    def http_url(self) -> str:
        """Where its page and its API are, without a slash at the end."""
        return self.server.http_url


@asynccontextmanager
async def running_postgresql(folder: Path, settings: Mapping[str, str] | None = None) -> AsyncGenerator[RunningPostgreSQL]:
    """PostgreSQL with its data in `folder`, from before if there is any; `settings` add to the usual ones."""
    folder = _opened(folder)
    account = account_for_postgresql()
    program = await asyncio.to_thread(
        postgresql_program, cache_folder(), unpack_below=folder if account.user is not None else None
    )
    [port] = free_ports(1)
    server = PostgreSQL(
        program=program,
        folder=folder,
        port=port,
        superuser_password=_kept_password(folder / "superuser"),
        log=folder / "postgresql.log",
        account=account,
        settings=settings or {},
    )
    await server.initialise()
    part = Part(server.command(), server.is_ready)
    async with _while_running(part):
        yield RunningPostgreSQL(server.access, part)


@asynccontextmanager
async def running_kafka(folder: Path, settings: Mapping[str, str] | None = None) -> AsyncGenerator[RunningKafka]:
    """Kafka with its data in `folder`, from before if there is any; `settings` add to the usual ones."""
    folder = _opened(folder)
    jars = await asyncio.to_thread(fetch, "kafka", cache_folder())
    port, controller_port = free_ports(2)
    server = Kafka(
        jars=tuple(jars),
        folder=folder,
        port=port,
        controller_port=controller_port,
        log=folder / "kafka.log",
        settings=settings or {},
    )
    await server.prepare()
    part = Part(server.command(), server.is_ready)
    async with _while_running(part):
        yield RunningKafka(server.bootstrap_servers, part)


@asynccontextmanager
async def running_mail_sink(folder: Path) -> AsyncGenerator[RunningMailSink]:
    """The mail sink with its mails in `folder`, from before if there are any."""
    folder = _opened(folder)
    smtp_port, http_port = free_ports(2)
    server = MailSink(folder=folder, smtp_port=smtp_port, http_port=http_port, log=folder / "mail-sink.log")
    part = Part(server.command(), server.is_ready)
    async with _while_running(part):
        yield RunningMailSink(server, part)


@asynccontextmanager
async def _while_running(part: Part) -> AsyncGenerator[None]:
    await part.start()
    try:
        yield
    finally:
        await part.stop()


def _opened(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _kept_password(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(16), encoding="ascii")
    return file.read_text(encoding="ascii")
