"""The worker is killed from outside at a byte that the mail server chooses, and started again: ledger against mailbox."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from emon_embedded.ports import free_ports
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka
from emon_platform.database import Database

from tests.faults.forked import ForkedProcess
from tests.faults.killing_proxy import KillPoint, killing_proxy
from tests.faults.story import begin_at_the_end
from tests.notifications.conftest import World
from tests.notifications.mail_server import CONTENT, DATA, DROP, RCPT, WITHIN_CONTENT, MailServer
from tests.polling import eventually

WITHIN_S = 60.0  # a whole service starts, on a machine that may be busy


class Worker:
    """The service's own process, as it runs in production."""

    def __init__(self, urls: ServiceDatabase, bootstrap: str, mail_server: MailServer, link_key_file: Path) -> None:
        port, operations_port = free_ports(2)
        self._environment = {
            **os.environ,
            "EMON_SERVICE_PORT": str(port),
            "EMON_OPERATIONS_PORT": str(operations_port),
            "EMON_DATABASE_OWNER_URL": urls.owner_url,
            "EMON_DATABASE_API_URL": urls.api_url,
            "EMON_DATABASE_WORKER_URL": urls.worker_url,
            "EMON_KAFKA_BOOTSTRAP": bootstrap,
            "EMON_WORKER_INSTANCE": "test",
            "EMON_SMTP_URL": mail_server.url,
            "EMON_SIGNED_LINK_PRIVATE_KEY_FILE": str(link_key_file),
            "EMON_LOG_LEVEL": "ERROR",
        }
        self._process: ForkedProcess | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @asynccontextmanager
    async def running(self, **settings: str) -> AsyncGenerator[None]:
        self._process = ForkedProcess(("emon_notifications", "worker"), {**self._environment, **settings})
        try:
            yield
        finally:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self._process is not None and self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGKILL)

    async def ended(self) -> None:
        assert self._process is not None
        await asyncio.wait_for(self._process.wait(), WITHIN_S)


@pytest.fixture
async def worker_process(
    urls: ServiceDatabase, worker: Database, kafka: RunningKafka, mail_server: MailServer, link_key_file: Path
) -> Worker:
    await begin_at_the_end(worker, "notifications", kafka.bootstrap_servers)
    return Worker(urls, kafka.bootstrap_servers, mail_server, link_key_file)


def kill_at(worker: Worker, step: str, after: int) -> Callable[[str, str], str | None]:
    """Kills the worker at this step of the mail after so many."""
    count = 0

    def script(at: str, _recipient: str) -> str | None:
        nonlocal count
        if at != step:
            return None
        count += 1
        if count <= after:
            return None
        worker.kill()
        return DROP

    return script


@pytest.mark.parametrize("step", [RCPT, DATA, WITHIN_CONTENT, CONTENT])
async def test_a_killed_mailer_loses_nothing_and_doubles_nothing(
    step: str, world: World, worker_process: Worker, mail_server: MailServer
) -> None:
    people = await world.people(60)
    await world.meeting(people)
    mail_server.script = kill_at(worker_process, step, after=20)
    async with worker_process.running():
        await worker_process.ended()
    arrived = set(mail_server.recipients())
    mail_server.script = lambda _step, _recipient: None
    async with worker_process.running():
        await world.settled(within_s=WITHIN_S)

    address = {person: f"person{number}@example.org" for number, person in enumerate(people)}
    deliveries = await world.deliveries()
    by_status = {
        status: {address[row["person_id"]] for row in deliveries if row["status"] == status}
        for status in ("accepted", "uncertain")
    }
    received = Counter(mail_server.recipients())
    assert len(by_status["accepted"]) + len(by_status["uncertain"]) == 60
    assert set(received.values()) == {1}
    assert by_status["accepted"] <= set(received)
    assert set(received) - by_status["accepted"] <= by_status["uncertain"] & arrived
    assert by_status["uncertain"]
    assert {row["reason"] for row in deliveries if row["status"] == "uncertain"} == {"mailer-ended"}
    async with world.worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(*) FROM newcomers WHERE introduced_at IS NULL") == 0


# The text of the statement that records how tries ended.
RECORD = b"outcome = ($3::text[])"


@pytest.mark.parametrize(
    ("point", "status"),
    [(KillPoint((RECORD,), after=False), "uncertain"), (KillPoint((RECORD, b"COMMIT"), after=True), "accepted")],
    ids=["before it records the 250", "after it recorded the 250"],
)
async def test_a_mailer_killed_around_its_record_doubles_nothing(
    point: KillPoint, status: str, world: World, worker_process: Worker, mail_server: MailServer, urls: ServiceDatabase
) -> None:
    [person] = await world.people(1)
    await world.meeting([person])
    async with killing_proxy(urls.worker_url, point) as url, worker_process.running(EMON_DATABASE_WORKER_URL=url):
        point.pid = worker_process.pid
        await worker_process.ended()
    assert len(mail_server.mails) == 1
    async with worker_process.running():
        await eventually(world.statuses, lambda all_: all_ == [status], within_s=WITHIN_S)
    assert len(mail_server.mails) == 1


async def test_only_sign_in_mail_is_sent_again_by_itself(world: World, worker_process: Worker, mail_server: MailServer) -> None:
    [person] = await world.people(1)
    await world.ask_to_sign_in(person)
    mail_server.script = kill_at(worker_process, CONTENT, after=0)
    async with worker_process.running():
        await worker_process.ended()
    mail_server.script = lambda _step, _recipient: None
    async with worker_process.running():
        await eventually(world.statuses, lambda all_: all_ == ["accepted"], within_s=WITHIN_S)
    assert [attempt["outcome"] for attempt in await world.attempts()] == ["uncertain", "accepted"]
    assert len({mail.message_id for mail in mail_server.mails}) == 1
