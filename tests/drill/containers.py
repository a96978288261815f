"""The platform in containers, as an operations team handles it: by docker compose, apart from any other platform."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = "emon-drill"
IMAGES = os.environ.get("EMON_IMAGES", "emon")
SHOWN_OF_A_FAILURE = 4000


class CommandFailed(Exception):
    """A command ended with an error; the message has its last words."""


@dataclass(frozen=True)
class Ran:
    """What a command said on standard output."""

    output: bytes

    @property
    def text(self) -> str:
        return self.output.decode()


async def run(command: Sequence[str], folder: Path, environment: Mapping[str, str], expected: Sequence[int] = (0,)) -> Ran:
    """Runs it. Raises CommandFailed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode not in expected:
        said = (errors + output).decode(errors="replace")[-SHOWN_OF_A_FAILURE:]
        raise CommandFailed(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    return Ran(output)


@dataclass
class Containers:
    """`folder` holds secrets, backups and lists. `checkout` and `tag` are of the version that is dealt with now."""

    folder: Path
    checkout: Path
    tag: str
    ports: tuple[int, int, int]
    settings: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def mail_url(self) -> str:
        return f"http://127.0.0.1:{self.ports[2]}"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def environment(self) -> dict[str, str]:
        gateway, dashboard, mail = self.ports
        return {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "EMON_IMAGES": IMAGES,
            "EMON_TAG": self.tag,
            "EMON_SECRETS": str(self.secrets),
            "EMON_PORT": str(gateway),
            "EMON_DASHBOARD_PORT": str(dashboard),
            "EMON_MAIL_PORT": str(mail),
            "EMON_PUBLIC_URL": self.gateway_url,
            "EMON_DASHBOARD_URL": f"http://127.0.0.1:{dashboard}",
            **self.settings,
        }

    async def run(self, *command: str, expected: Sequence[int] = (0,)) -> Ran:
        """A command beside docker-compose.yml, with the settings of this platform. Raises CommandFailed."""
        return await run(command, self.checkout, self.environment, expected)

    async def compose(self, *arguments: str, expected: Sequence[int] = (0,)) -> Ran:
        """docker compose."""
        return await self.run("docker", "compose", *arguments, expected=expected)

    async def make_secrets(self) -> None:
        """As the documents say, by the operator's image."""
        self.secrets.mkdir()
        command = ["docker", "run", "--rm", "--network", "none", "--user", f"{os.getuid()}:{os.getgid()}"]
        await self.run(*command, "--volume", f"{self.secrets}:/secrets", f"{IMAGES}/operator:{self.tag}", "secrets", "/secrets")

    async def start(self, *parts: str) -> None:
        """All, or these parts; ready when it returns."""
        await self.compose("up", "--detach", "--wait", "--wait-timeout", "300", *parts)

    async def emon(self, *arguments: str, expected: Sequence[int] = (0,)) -> str:
        """The operator's command; the folder of the drill is its /drill."""
        user = ["--user", f"{os.getuid()}:{os.getgid()}", "--volume", f"{self.folder}:/drill"]
        return (await self.compose("run", "--rm", "-T", *user, "operator", *arguments, expected=expected)).text

    async def look_inside(self, what: str) -> Ran:
        """tests/drill/inside.py, of this checkout, in the operator's container."""
        tests = ["--volume", f"{ROOT / 'tests'}:/opt/drill/tests:ro", "--env", "PYTHONPATH=/app:/opt/drill"]
        python = ["--entrypoint", "/opt/emon/bin/python", "operator", "-m", "tests.drill.inside", what]
        return await self.compose("run", "--rm", "-T", *tests, *python)

    async def running(self) -> dict[str, str]:
        """The ids of the containers that run now, by service."""
        listed = (await self.compose("ps", "--format", "{{.Service}} {{.ID}}")).text
        return dict(line.split() for line in listed.splitlines())

    async def kill(self, container: str) -> None:
        """Ends its first process from outside, as the kernel does where memory is short; the engine starts it again.

        `docker kill` would count as somebody's wish that it stay down.
        """
        pid = (await self.run("docker", "inspect", "--format", "{{.State.Pid}}", container)).text.strip()
        if pid == "0":
            return  # on its way back from an earlier kill
        killer = ["docker", "run", "--rm", "--pid", "host", "--network", "none", "--user", "0:0", "--cap-drop", "ALL"]
        image = f"{IMAGES}/operator:{self.tag}"
        await run(
            [*killer, "--cap-add", "KILL", "--entrypoint", "bash", image, "-c", f"kill -9 {pid}"], ROOT, {}, expected=(0, 1)
        )

    async def remove(self) -> None:
        """Everything, with its data."""
        await self.compose("--profile", "operator", "down", "--volumes", "--remove-orphans", "--timeout", "5")
