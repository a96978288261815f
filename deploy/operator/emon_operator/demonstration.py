"""`emon demo` against the platform that is named or runs here, or against one that is started for it and stopped at the end."""

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from emon_embedded.ports import free_ports
from emon_embedded.running_platform import RunningPlatform, running_platform
from emon_embedded.services import ADMIN_EMAIL_DEFAULT
from emon_operator.demo.story import Stage, play
from emon_operator.demo.telling import DemoFailed, console
from emon_operator.demo_client import Unexpected
from emon_operator.platform import HOME_DEFAULT, Home

READY_WITHIN_S = 600.0  # the first start fetches PostgreSQL and Kafka
LOOK_EVERY_S = 0.2
MAIL_URL_DEFAULT = "http://127.0.0.1:8025"


def demo(
    home: Home = HOME_DEFAULT,
    gateway_url: Annotated[
        str | None, typer.Option(envvar="EMON_GATEWAY_URL", help="The gateway of a platform that runs elsewhere.")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(envvar="EMON_PUBLIC_URL", help="Where its gateway is reached from outside, if that differs.")
    ] = None,
    mail_url: Annotated[
        str, typer.Option(envvar="EMON_MAIL_URL", help="Its mails: Mailpit, or the platform's own sink.")
    ] = MAIL_URL_DEFAULT,
    public_mail_url: Annotated[
        str | None, typer.Option(envvar="EMON_PUBLIC_MAIL_URL", help="Where these are read from outside, if that differs.")
    ] = None,
    admin_email: Annotated[str, typer.Option(envvar="EMON_ADMIN_EMAIL", help="Its first administrator.")] = ADMIN_EMAIL_DEFAULT,
) -> None:
    """Plays a round table and what people say to it, from the register to the answer, and shows each step."""
    try:
        if gateway_url is not None:
            console.print(f"Playing on the platform at {public_url or gateway_url}.")
            stage = Stage(gateway_url, public_url or gateway_url, mail_url, public_mail_url or mail_url, admin_email)
            asyncio.run(play(stage, home))
            return
        platform = running_platform(home)
        if platform is not None:
            console.print(f"Playing on the platform that runs in {home.absolute()}.")
            asyncio.run(play(_stage(platform), home))
            return
        console.print("No platform is running: one is started for this demonstration, in a folder of its own.")
        with _started() as (platform, folder):
            asyncio.run(play(_stage(platform), folder))
        console.print("\nIt was stopped again. To look around: `make up` in one window, `make demo` in another.")
    except (DemoFailed, Unexpected) as failure:
        typer.echo(f"The demonstration failed: {failure}", err=True)
        raise typer.Exit(1) from failure


def _stage(platform: RunningPlatform) -> Stage:
    return Stage(platform.gateway_url, platform.public_url, platform.mail_url, platform.mail_url, platform.admin_email)


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
