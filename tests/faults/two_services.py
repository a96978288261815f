"""Meetings and notifications as processes on a PostgreSQL, a Kafka and a mail server of their own, which tests may maltreat."""

import asyncio
import contextlib
import errno
import subprocess
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from emon_contracts.actors import Actor, Engagement, Grant, Role
from emon_contracts.directory import MembershipRecord, MunicipalityRecord, OrganisationRecord, PersonRecord
from emon_contracts.values import Locale
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka, RunningPostgreSQL, running_kafka, running_postgresql
from emon_meetings.schema import migrations as meetings_migrations
from emon_notifications.schema import migrations as notifications_migrations
from emon_platform import directory
from emon_platform.broker import ensure_topics
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import Database
from emon_platform.identity import sign_actor
from emon_platform.migrations import migrate

from tests.faults.service_process import Keys, ServiceProcess, client_of, service_process, until_ready
from tests.notifications.mail_server import MailServer, running_mail_server
from tests.polling import eventually

HERE = "08115003"
COORDINATOR = Actor(UUID(int=7), (Grant(role=Role.COORDINATOR, ags=HERE),))
SETTINGS = {"max_connections": "60", "shared_buffers": "32MB", "max_wal_size": "64MB", "min_wal_size": "32MB"}
BALLAST_CHUNK = 1024 * 1024
WITHIN_S = 60.0


@dataclass
class SmallDisk:
    """A file system that is full as soon as a test wants it to be; `folder` is an ordinary one where nobody may mount."""

    folder: Path
    is_small: bool

    def fill(self) -> None:
        """Takes the last byte."""
        with (self.folder / "ballast").open("ab", buffering=0) as ballast:
            size = BALLAST_CHUNK
            while size:
                try:
                    ballast.write(b"\0" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def free(self) -> None:
        """Gives the space back."""
        (self.folder / "ballast").unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Generator[SmallDisk]:
    """A file system of this size in memory, where this process may mount one."""
    folder.mkdir()
    size = f"size={megabytes}m,mode=0711"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], capture_output=True, check=False)
    try:
        yield SmallDisk(folder, mounted.returncode == 0)
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@dataclass
class Circle:
    """A helper circle and who is in it."""

    organisation_id: UUID
    addresses: list[str]


@dataclass
class TwoServices:
    """What runs, and what a coordinator does with it."""

    postgresql: RunningPostgreSQL
    postgresql_disk: SmallDisk
    kafka: RunningKafka
    kafka_disk: SmallDisk
    mail_server: MailServer
    keys: Keys
    databases: dict[str, ServiceDatabase]
    processes: dict[str, ServiceProcess] = field(default_factory=dict[str, ServiceProcess])

    @asynccontextmanager
    async def another(self, name: str, instance: str, **extra: str) -> AsyncGenerator[ServiceProcess]:
        """One more process of this service."""
        settings = {"EMON_WORKER_INSTANCE": instance, "EMON_SMTP_URL": self.mail_server.url, **extra}
        bootstrap = self.kafka.bootstrap_servers
        async with service_process(name, self.databases[name], bootstrap, self.keys, settings) as process:
            yield process

    async def ready(self) -> None:
        """Both services say that all is well."""
        for process in self.processes.values():
            await eventually(process.answers, bool, within_s=WITHIN_S)

    @asynccontextmanager
    async def database(self, service: str, name: str = "test") -> AsyncGenerator[Any]:
        """A connection of the superuser to the service's database."""
        url = self.postgresql.server.url(self.databases[service].name)
        connection = await asyncpg.connect(url, ssl=False, server_settings={"application_name": name})
        try:
            yield connection
        finally:
            await connection.close()

    async def circle(self, members: int) -> Circle:
        """A circle that both services know."""
        run = uuid4().hex[:8]
        organisation_id = uuid4()
        membership = MembershipRecord(organisation_id=organisation_id, ags=HERE, engagement=Engagement.VOLUNTEER)
        people = [
            PersonRecord(
                person_id=uuid4(),
                display_name=f"Gast {n}",
                email=f"gast{n}.{run}@example.org",
                locale=Locale.DE,
                memberships=(membership,),
                grants=(),
            )
            for n in range(members)
        ]
        organisation = OrganisationRecord(
            organisation_id=organisation_id, name="Kreis", kind="helper_circle", municipalities=(HERE,)
        )
        for urls in self.databases.values():
            worker = await Database.connect(urls.worker_url, name="test", size_max=1)
            async with worker.unscoped() as tx:
                await directory.save_municipalities(tx, [StateRecord(HERE, 1, MunicipalityRecord(ags=HERE, name="Musterstadt"))])
                await directory.save_organisations(tx, [StateRecord(organisation.key(), 1, organisation)])
                await directory.save_people(tx, [StateRecord(person.key(), 1, person) for person in people])
            await worker.close()
        return Circle(organisation_id, [person.email or "" for person in people])

    async def ask(self, method: str, path: str, body: Any = None, *, process: str = "meetings", **headers: str) -> httpx.Response:
        """A request of the coordinator."""
        token = sign_actor(COORDINATOR, "meetings", self.keys.actor, datetime.now(UTC))
        async with client_of(self.processes[process].url, Authorization=f"Bearer {token}", **headers) as client:
            return await client.request(method, path, json=body)

    async def schedule(self, circle: Circle, key: str | None = None, title: str = "Runder Tisch") -> httpx.Response:
        """A round table for a circle, under a key with which it may be sent again."""
        body = {
            "kind": "round_table",
            "title": title,
            "ags": HERE,
            "start": {"local": "2027-03-27T18:00", "time_zone": "Europe/Berlin"},
            "duration_minutes": 90,
            "place": "Rathaus",
            "participants": [{"organisation_id": str(circle.organisation_id)}],
        }
        return await self.ask("POST", "/v1/meetings", body, **{"Idempotency-Key": key or uuid4().hex})

    async def scheduled(self, circle: Circle, key: str | None = None, title: str = "Runder Tisch") -> str:
        """The same, sent again for as long as the answer is 503; answers the id."""
        key = key or uuid4().hex

        async def answer() -> httpx.Response:
            response = await self.schedule(circle, key, title)
            assert response.status_code in (201, 503), response.text
            return response

        return (await eventually(answer, lambda response: response.status_code == 201, within_s=WITHIN_S)).json()["id"]

    async def all_invited_once(self, circle: Circle, meetings: Iterable[str]) -> None:
        """Exactly these meetings exist for the circle, and each member has one accepted mail for each of them."""
        wanted = sorted(meetings)
        count = len(wanted) * len(circle.addresses)

        async def states() -> Counter[str]:
            async with self.database("notifications") as connection:
                rows = await connection.fetch(
                    "SELECT status FROM deliveries WHERE subject_id = ANY($1::uuid[])", [UUID(item) for item in wanted]
                )
            return Counter(row["status"] for row in rows)

        await eventually(states, lambda found: found == Counter(accepted=count), within_s=WITHIN_S)
        async with self.database("meetings") as connection:
            rows = await connection.fetch(
                """
                SELECT meeting.id::text, (SELECT count(*) FROM invitations WHERE meeting_id = meeting.id) AS invited
                FROM meetings AS meeting
                JOIN participants AS participant ON participant.meeting_id = meeting.id
                WHERE participant.organisation_id = $1
                ORDER BY meeting.id::text
                """,
                circle.organisation_id,
            )
        assert [row["id"] for row in rows] == wanted, "nothing lost, nothing half done, nothing doubled"
        assert {row["invited"] for row in rows} <= {len(circle.addresses)}
        received = Counter(self.mail_server.recipients())
        assert {address: received[address] for address in circle.addresses} == dict.fromkeys(circle.addresses, len(wanted))


@asynccontextmanager
async def two_services(folder: Path) -> AsyncGenerator[TwoServices]:
    """Starts everything, and waits until it is ready."""
    async with AsyncExitStack() as stack:
        postgresql_disk = stack.enter_context(small_disk(folder / "postgresql", 400))
        kafka_disk = stack.enter_context(small_disk(folder / "kafka", 200))
        postgresql, kafka = await asyncio.gather(
            stack.enter_async_context(running_postgresql(postgresql_disk.folder, SETTINGS)),
            stack.enter_async_context(running_kafka(kafka_disk.folder)),
        )
        mail_server = await stack.enter_async_context(running_mail_server())
        await ensure_topics(kafka.access)
        databases: dict[str, ServiceDatabase] = {}
        for name, migrations in (("meetings", meetings_migrations), ("notifications", notifications_migrations)):
            databases[name] = await postgresql.fresh_database(name)
            await migrate(databases[name].owner_url, databases[name].api_url, databases[name].worker_url, migrations())
        running = TwoServices(postgresql, postgresql_disk, kafka, kafka_disk, mail_server, Keys(folder), databases)
        for name in databases:
            running.processes[name] = await stack.enter_async_context(running.another(name, "one"))
        for process in running.processes.values():
            await until_ready(process)
        yield running
