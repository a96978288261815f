"""The platform of these tests: what runs, what people do with it, and what an operator does."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from typer.testing import CliRunner

from emon_contacts.imports.commands import import_organisations, import_people
from emon_contacts.municipalities.commands import import_register
from emon_contacts.municipalities.register_file import read_register
from emon_contracts.actors import OPERATOR, Actor, Grant, Role
from emon_embedded.service_databases import KINDS_OF_ROLE, ServiceDatabase
from emon_embedded.stack import RunningKafka, RunningPostgreSQL
from emon_operator.backup.places import SERVICES, Place, Places
from emon_operator.command import app
from emon_operator.platform import database_setting
from emon_platform.database import Database
from emon_platform.identity import sign_actor

from tests.conftest import FreshDatabase
from tests.contacts.register import encoded, sample
from tests.faults.service_process import Keys, ServiceProcess, client_of, service_process, until_ready
from tests.notifications.mail_server import MailServer

HERE = "08115001"
ADMINISTRATION = Actor(UUID(int=7), (Grant(role=Role.NETWORK_ADMIN),))
ORGANISATIONS = f"name,kind,ags\nHelferkreis,helper_circle,{HERE}\n"


async def migrated(fresh_database: FreshDatabase) -> dict[str, ServiceDatabase]:
    """A database for each service."""
    schemas = {service: import_module(f"emon_{service}.schema") for service in SERVICES}
    return {service: await fresh_database(service, schema.migrations) for service, schema in schemas.items()}


@dataclass
class Ran:
    """What the command said, and how it ended."""

    code: int
    said: str


@dataclass
class Platform:
    """`databases` are replaced by empty ones when a test destroys them."""

    postgresql: RunningPostgreSQL
    kafka: RunningKafka
    mail_server: MailServer
    keys: Keys
    databases: dict[str, ServiceDatabase]
    processes: dict[str, ServiceProcess] = field(default_factory=dict[str, ServiceProcess])

    @property
    def places(self) -> Places:
        databases = {name: Place(item.owner_url, item.api_url, item.worker_url) for name, item in self.databases.items()}
        return Places(databases, self.kafka.access)

    @property
    def environment(self) -> dict[str, str]:
        """What an operator sets for databases outside of any home."""
        return {
            "EMON_KAFKA_BOOTSTRAP": self.kafka.bootstrap_servers,
            "EMON_TRIAL_DATABASE_URL": self.postgresql.superuser_url,
            **self.keys.environment,
            **{
                database_setting(service, role): getattr(place, f"{role}_url")
                for service, place in self.places.databases.items()
                for role in KINDS_OF_ROLE
            },
        }

    async def emon(self, *arguments: str) -> Ran:
        """Runs the command."""
        result = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=self.environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.output)

    @asynccontextmanager
    async def running(self, services: Sequence[str] = SERVICES) -> AsyncGenerator[None]:
        """The services, until the block ends; then they are killed."""
        async with AsyncExitStack() as stack:
            for service in services:
                urls = {f"EMON_{name.upper()}_URL": process.url for name, process in self.processes.items()}
                settings = {"EMON_SMTP_URL": self.mail_server.url, **urls}
                self.processes[service] = await stack.enter_async_context(
                    service_process(service, self.databases[service], self.kafka.bootstrap_servers, self.keys, settings)
                )
            await asyncio.gather(*(until_ready(process) for process in self.processes.values()))
            yield
        self.processes.clear()

    async def destroy_databases(self) -> None:
        """Empty ones take their place, without a table."""
        for service, database in list(self.databases.items()):
            await self.postgresql.drop_database(database)
            self.databases[service] = await self.postgresql.fresh_database(service)

    async def fetch(self, service: str, query: str, *arguments: object) -> list[Any]:
        """Asks the superuser."""
        connection = await asyncpg.connect(self.postgresql.server.url(self.databases[service].name), ssl=False)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()

    async def import_town(self, *names: str) -> dict[str, UUID]:
        """A municipality, a circle, and these people in it."""
        database = await Database.connect(self.databases["contacts"].api_url, name="test", size_max=1)
        try:
            await import_register(database, OPERATOR, read_register(encoded(sample())))
            await import_organisations(database, OPERATOR, ORGANISATIONS.encode())
            rows = "".join(f"{name.lower()}@example.org,{name} Muster,de,Helferkreis,volunteer,{HERE}\n" for name in names)
            header = "email,display_name,locale,organisation,engagement,ags\n"
            outcome = await import_people(database, OPERATOR, (header + rows).encode())
            assert outcome.accepted == len(names)
        finally:
            await database.close()
        rows = await self.fetch("contacts", "SELECT id, display_name FROM people")
        return {row["display_name"].split()[0]: row["id"] for row in rows}

    async def ask(self, service: str, actor: Actor, method: str, path: str, body: object = None) -> httpx.Response:
        """A request to a service."""
        token = sign_actor(actor, service, self.keys.actor, datetime.now(UTC))
        async with client_of(self.processes[service].url, Authorization=f"Bearer {token}") as client:
            return await client.request(method, path, json=body)

    async def schedule(self, title: str) -> UUID:
        """A round table for the circle."""
        [circle] = await self.fetch("contacts", "SELECT id FROM organisations")
        body = {
            "kind": "round_table",
            "title": title,
            "ags": HERE,
            "start": {"local": "2031-03-27T18:00", "time_zone": "Europe/Berlin"},
            "duration_minutes": 90,
            "place": "Rathaus",
            "participants": [{"organisation_id": str(circle["id"])}],
        }
        answer = await self.ask("meetings", ADMINISTRATION, "POST", "/v1/meetings", body)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])
