"""`emon up`, with two small services in place of the real ones: start, stop, kill, and what may go wrong."""

import asyncio
import fcntl
import json
import os
import secrets
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from emon_embedded.home import open_home
from emon_embedded.home_lock import hold_home
from emon_embedded.ports import free_ports
from emon_embedded.running_platform import RunningPlatform, announce, running_platform

HERE = Path(__file__).parent


class Platform:
    """A platform in a process of its own."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.port, self.mail_port, self.dashboard_port = free_ports(3)
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self._output = home.parent / f"{home.name}-output.txt"

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    @property
    def process(self) -> "subprocess.Popen[str]":
        assert self._process is not None
        return self._process

    def start_unless_running(self) -> None:
        if self._process is None or self._process.poll() is not None:
            self.start()

    def start(self) -> None:
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    HERE / "small_platform.py",
                    self.home,
                    str(self.port),
                    str(self.mail_port),
                    str(self.dashboard_port),
                ],
                env={**os.environ, "PYTHONPATH": str(HERE), **self._settings},
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def until_ready(self) -> RunningPlatform:
        for _ in range(600):
            if (running := running_platform(self.home)) is not None:
                return running
            assert self.process.poll() is None, self.output
            time.sleep(0.1)
        raise AssertionError(self.output)

    def until_it_says(self, words: str) -> None:
        for _ in range(300):
            if words in self.output:
                return
            time.sleep(0.1)
        raise AssertionError(self.output)

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self) -> int:
        """As Ctrl-C does, where it runs; answers the exit code of the last run."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        return self._process.wait(30)


SETTINGS = {
    "EMON_SMTP_URL": "smtp://user:secret@mail.example:25",
    "EMON_PUBLIC_URL": "https://emon.example",
    "EMON_X": "1",
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One home for all tests that do with it what operators do: each begins with what the one before has left there."""
    platform = Platform(tmp_path_factory.mktemp("platform") / "home", **SETTINGS)
    platform.home.mkdir(mode=0o700)
    yield platform
    platform.stop()


@pytest.fixture
def running(platform: Platform) -> RunningPlatform:
    platform.start_unless_running()
    return platform.until_ready()


def test_all_is_there_again_after_a_kill_of_everything(platform: Platform, running: RunningPlatform) -> None:
    word = secrets.token_hex(4)
    asyncio.run(leave_everywhere(word, running))
    for pid in (*platform.children(), platform.process.pid):
        os.kill(pid, signal.SIGKILL)
    platform.process.wait()
    assert running_platform(platform.home) is None

    platform.start()
    asyncio.run(find_everywhere(word, platform.until_ready()))


@pytest.mark.usefixtures("running")
def test_a_killed_supervisor_takes_all_children_along_and_ctrl_c_stops_all(platform: Platform) -> None:
    children = platform.children()
    platform.process.kill()
    platform.process.wait()
    until_gone(children)

    platform.start()
    platform.until_ready()
    children = platform.children()
    assert platform.stop() == 0
    assert platform.output.rstrip().endswith("Stopped.")
    until_gone(children)
    assert running_platform(platform.home) is None


def test_a_service_that_dies_is_started_again(platform: Platform, running: RunningPlatform) -> None:
    first = shown_by(running.gateway_url)["pid"]
    os.kill(first, signal.SIGKILL)
    platform.until_it_says("gateway was ended by signal 9, starts again")
    assert shown_soon_by(running.gateway_url)["pid"] != first


def test_each_service_gets_what_it_needs_and_no_secret_of_another(platform: Platform, running: RunningPlatform) -> None:
    gateway = shown_by(running.gateway_url)["environment"]
    notifications = shown_by(running.services["notifications"].url)["environment"]
    assert "EMON_SMTP_URL" not in gateway
    assert notifications["EMON_SMTP_URL"] == SETTINGS["EMON_SMTP_URL"]
    assert {*gateway} >= {
        "EMON_ACTOR_TOKEN_PRIVATE_KEY_FILE",
        "EMON_SIGNED_LINK_PUBLIC_KEY_FILE",
        "EMON_NOTIFICATIONS_URL",
        "EMON_X",
    }
    assert {*notifications} >= {"EMON_ACTOR_TOKEN_PUBLIC_KEY_FILE", "EMON_SIGNED_LINK_PRIVATE_KEY_FILE", "EMON_X"}
    assert not {"EMON_ACTOR_TOKEN_PRIVATE_KEY_FILE", "EMON_NOTIFICATIONS_URL"} & {*notifications}
    assert "gateway" not in notifications["EMON_DATABASE_OWNER_URL"]
    assert gateway["EMON_PUBLIC_URL"] == notifications["EMON_PUBLIC_URL"] == SETTINGS["EMON_PUBLIC_URL"]
    files = [*(platform.home / "secrets").iterdir()]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home")
    with socket.create_server(("127.0.0.1", platform.port)):
        platform.start()
        assert platform.process.wait(30) == 1
    assert f"Port {platform.port} on 127.0.0.1, wanted for the gateway, is taken." in platform.output
    assert not (platform.home / "postgresql" / "data").exists()


def test_it_waits_for_what_a_former_platform_left_behind(platform: Platform) -> None:
    platform.stop()
    with (platform.home / "lock").open("w") as leftover:
        fcntl.flock(leftover, fcntl.LOCK_EX)
        platform.start()
        platform.until_it_says("Waiting (at most 30 s)")
        assert running_platform(platform.home) is None
    platform.until_ready()


async def test_what_a_killed_platform_announced_is_void_once_another_starts(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    announced = RunningPlatform(
        supervisor_pid=1,
        gateway_url="http://127.0.0.1:1",
        public_url="http://127.0.0.1:1",
        dashboard_url=None,
        mail_url="http://127.0.0.1:1",
        smtp_url="smtp://127.0.0.1:1",
        kafka_bootstrap="127.0.0.1:1",
        admin_email="admin@example.org",
        operations_urls={"gateway": "http://127.0.0.1:1"},
        services={},
    )
    announce(home, announced)
    async with hold_home(home, print):
        assert running_platform(home.folder) is None
        announce(home, announced)
        assert running_platform(home.folder) == announced


def test_a_service_that_cannot_start_ends_the_start_with_its_last_words(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home", SMALL_SERVICE_FAILS="1")
    platform.start()
    assert platform.process.wait(60) == 1
    assert "this service was told to fail" in platform.output


async def leave_everywhere(word: str, running: RunningPlatform) -> None:
    connection = await asyncpg.connect(running.services["notifications"].database.owner_url, ssl=False)
    await connection.execute("INSERT INTO words VALUES ($1)", word)
    await connection.close()
    producer: Any = AIOKafkaProducer(bootstrap_servers=running.kafka_bootstrap, acks="all")
    await producer.start()
    await producer.send_and_wait("words", word.encode())
    await producer.stop()
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = word, "a@emon.example", "b@emon.example"
    with smtplib.SMTP("127.0.0.1", urlsplit(running.smtp_url).port or 0) as smtp:
        smtp.send_message(mail)


async def find_everywhere(word: str, running: RunningPlatform) -> None:
    connection = await asyncpg.connect(running.services["notifications"].database.owner_url, ssl=False)
    assert await connection.fetchval("SELECT word FROM words") == word
    await connection.close()
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=running.kafka_bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition("words", 0)])
    assert (await asyncio.wait_for(consumer.getone(), 10)).value == word.encode()
    await consumer.stop()
    listed = shown_by(running.mail_url, "/api/v1/messages")
    assert [mail["Subject"] for mail in listed["messages"]] == [word]


def shown_by(url: str, path: str = "/environment") -> dict[str, Any]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=5)
    connection.request("GET", path)
    shown = json.load(connection.getresponse())
    connection.close()
    return shown


def shown_soon_by(url: str) -> dict[str, Any]:
    for _ in range(100):
        try:
            return shown_by(url)
        except OSError:
            time.sleep(0.1)
    return shown_by(url)


def until_gone(pids: list[int]) -> None:
    assert pids
    for _ in range(100):
        if not any(is_alive(pid) for pid in pids):
            return
        time.sleep(0.1)
    raise AssertionError(f"still alive: {[pid for pid in pids if is_alive(pid)]}")


def is_alive(pid: int) -> bool:
    """Whether it runs. A zombie does not: where nobody adopts orphans, they stay as such."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
