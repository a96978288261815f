"""`emon demo` against the platform that runs here, or against one that is started for it and stopped at the end."""

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import typer

from emon_embedded.ports import free_ports
from emon_embedded.running_platform import RunningPlatform, running_platform
from emon_operator.demo.story import play
from emon_operator.demo.telling import DemoFailed, console
from emon_operator.demo_client import Unexpected
from emon_operator.platform import HOME_DEFAULT, Home

READY_WITHIN_S = 600.0  # the first start fetches PostgreSQL and Kafka
LOOK_EVERY_S = 0.2


def demo(home: Home = HOME_DEFAULT) -> None:
    """Plays a round table and what people say to it, from the register to the answer, and shows each step."""
    try:
        platform = running_platform(home)
        if platform is not None:
            console.print(f"Playing on the platform that runs in {home.absolute()}.")
            asyncio.run(play(platform, home))
            return
        console.print("No platform is running: one is started for this demonstration, in a folder of its own.")
        with _started() as (platform, folder):
            asyncio.run(play(platform, folder))
        console.print("\nIt was stopped again. To look around: `make up` in one window, `make demo` in another.")
    except (DemoFailed, Unexpected) as failure:
        typer.echo(f"The demonstration failed: {failure}", err=True)
        raise typer.Exit(1) from failure


@contextmanager
def _started() -> Generator[tuple[RunningPlatform, Path]]:
    with tempfile.TemporaryDirectory(prefix="emon-demo-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        port, mail_port, dashboard_port = free_ports(3)
        command = [
            sys.executable,
            "-m",
            "emon_operator",
            "up",
            "--home",
            folder,
            "--port",
            str(port),
            "--mail-port",
            str(mail_port),
            "--dashboard-port",
            str(dashboard_port),
        ]
        process = subprocess.Popen(command)
        try:
            yield _ready(process, home), home
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def _ready(process: "subprocess.Popen[bytes]", home: Path) -> RunningPlatform:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        platform = running_platform(home)
        if platform is not None:
            return platform
        if process.poll() is not None:
            raise DemoFailed("the platform did not start; see above")
        time.sleep(LOOK_EVERY_S)
    raise DemoFailed(f"the platform was not ready within {READY_WITHIN_S:.0f} s")
