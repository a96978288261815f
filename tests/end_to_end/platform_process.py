"""The whole platform as an operator runs it: `emon up` in a folder of its own, stopped or killed from outside."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emon_embedded.ports import free_ports
from emon_embedded.running_platform import RunningPlatform, running_platform
from emon_operator.demo_client import SIGN_IN_LINK, Browser, Mailbox

from tests.polling import eventually

READY_WITHIN_S = 300.0


class PlatformProcess:
    """One platform; its data outlives its processes."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port, self.mail_port, self.dashboard_port = free_ports(3)
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self.running: RunningPlatform | None = None

    @property
    def where(self) -> RunningPlatform:
        assert self.running is not None, "the platform is not running"
        return self.running

    async def start(self) -> None:
        """Starts it and waits until it says that all is ready."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "emon_operator", "up",
            "--home", str(self.home), "--port", str(self.port), "--mail-port", str(self.mail_port),
            "--dashboard-port", str(self.dashboard_port),
            env={**os.environ, **self._environment},
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        process = self._process

        async def look() -> RunningPlatform | None:
            assert process.returncode is None, f"emon up ended with {process.returncode}"
            return running_platform(self.home)

        self.running = await eventually(look, lambda found: found is not None, within_s=READY_WITHIN_S)

    async def stop(self) -> int:
        """As Ctrl-C does; answers the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return await self._process.wait()

    async def kill_everything(self) -> None:
        """SIGKILL for the parent and for everything it started, PostgreSQL and Kafka included, at whatever they are doing."""
        assert self._process is not None
        # The parent first, so that it starts nothing anew.
        for pid in [self._process.pid, *(found.pid for found in self._descendants())]:
            with contextlib.suppress(ProcessLookupError):  # ended with its parent
                os.kill(pid, signal.SIGKILL)
        await self._process.wait()

    def pids_by_module(self) -> dict[str, list[int]]:
        """Process ids of the services and of the mail sink, by the module each of them runs."""
        found: dict[str, list[int]] = {}
        for process in self._descendants():
            if b"-m" in process.command:
                module = process.command[process.command.index(b"-m") + 1].decode()
                found.setdefault(module, []).append(process.pid)
        return found

    def pids_of_kafka(self) -> list[int]:
        """The broker, where it runs."""
        return [process.pid for process in self._descendants() if b"kafka.Kafka" in process.command]

    def pids_of_postgresql(self) -> list[int]:
        """The server that started the others first, then those, the backends of services last."""
        servers = [process for process in self._descendants() if process.command[0].endswith(b"/postgres")]
        children = [process for process in self._descendants() if process.parent in {server.pid for server in servers}]
        children.sort(key=lambda process: b"127.0.0.1" in process.command[0])
        return [process.pid for process in (*servers, *children)]

    def _descendants(self) -> "list[_Process]":
        assert self._process is not None
        children: dict[int, list[_Process]] = {}
        for process in _processes():
            children.setdefault(process.parent, []).append(process)
        found: list[_Process] = []
        waiting = [self._process.pid]
        while waiting:
            for child in children.get(waiting.pop(), []):
                found.append(child)
                waiting.append(child.pid)
        return found


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    command: list[bytes]


def _processes() -> Iterator[_Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                yield _Process(int(entry.name), parent, (entry / "cmdline").read_bytes().split(b"\0"))


async def sign_in(browser: Browser, mailbox: Mailbox, email: str) -> Browser:
    """A session by the link in the newest mail."""
    seen = await mailbox.count_to(email)
    await browser.post("/v1/sign-in-links", {"email": email}, expected=202)
    mail = await mailbox.next_to(email, seen, SIGN_IN_LINK)
    token = mail["Text"].split("?token=")[1].split()[0]
    return browser.with_token((await browser.post("/v1/sessions", {"token": token}))["access_token"])


async def emon(*arguments: str, home: Path) -> tuple[int, str]:
    """Runs the operator's command; answers exit code and output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "emon_operator", *arguments, "--home", str(home),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def every_page(browser: Browser, path: str) -> list[Any]:
    """All items of a list."""
    items: list[Any] = []
    cursor = ""
    while True:
        page = await browser.get(f"{path}{'&' if '?' in path else '?'}limit=200{cursor and f'&cursor={cursor}'}")
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = page["next_cursor"]
