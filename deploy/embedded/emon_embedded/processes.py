"""One child process: it cannot outlive its parent, its output is in a log file, it is stopped politely and then for good."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STOPS_WITHIN_SECONDS = 10.0
LOG_ROTATED_BEYOND_BYTES = 10 * 1024 * 1024
_LOOKED_AT_EVERY_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1  # prctl(2)

# Loaded here because between fork and exec nothing may be imported or allocated that can wait for a lock.
_libc = ctypes.CDLL(None)


class CommandFailed(Exception):
    """A command that should have ended well did not; the message holds its last words."""


def operator_environment() -> dict[str, str]:
    """A copy of the environment in which we were started."""
    return dict(os.environ)


@dataclass(frozen=True)
class Account:
    """Under which account a command runs: a prefix that changes it, or a numeric user; by default our own."""

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None


OUR_OWN_ACCOUNT = Account()


@dataclass(frozen=True)
class Command:
    """What is run, where, with which environment, and how it is asked to stop."""

    name: str
    arguments: tuple[str, ...]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=operator_environment)
    stop_signal: signal.Signals = signal.SIGTERM
    dies_with_parent_by: signal.Signals = signal.SIGKILL
    account: Account = OUR_OWN_ACCOUNT
    inherited_files: tuple[int, ...] = ()


class Child:
    """A running command, in a session of its own: Ctrl-C in the terminal reaches the parent alone."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._process = _spawn(command)

    @property
    def pid(self) -> int:
        """Its process id; also that of its process group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    async def ended(self) -> int:
        """Waits for its end and returns its exit code."""
        # Looking again and again, instead of asyncio's own subprocesses, lets fixtures use a child from more than one event loop.
        while (code := self._process.poll()) is None:
            await asyncio.sleep(_LOOKED_AT_EVERY_SECONDS)
        return code

    async def stop(self, within_seconds: float = STOPS_WITHIN_SECONDS) -> int:
        """Asks it to stop; kills it when it has not within the time. Returns its exit code."""
        if self.exit_code is None:
            self._process.send_signal(self.command.stop_signal)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                return await self.ended()
        return await self.kill()

    async def kill(self) -> int:
        """SIGKILL, as in a crash, to it and to what it started in its process group. Returns its exit code."""
        if self.exit_code is None:
            os.killpg(self.pid, signal.SIGKILL)
        return await self.ended()


async def run_to_its_end(command: Command, within_seconds: float = 120.0) -> None:
    """Runs a command that ends by itself. Raises `CommandFailed` if it fails or takes longer."""
    child = Child(command)
    try:
        async with asyncio.timeout(within_seconds):
            code = await child.ended()
    except TimeoutError:
        raise CommandFailed(f"{command.name} did not end within {within_seconds:.0f} s:\n{last_lines(command.log)}") from None
    finally:
        await child.kill()
    if code != 0:
        raise CommandFailed(f"{command.name} failed with code {code}:\n{last_lines(command.log)}")


def last_lines(log: Path, count: int = 20) -> str:
    """The end of a log file, indented, for a message to a person."""
    if not log.exists():
        return "  (nothing was logged)"
    with log.open("rb") as content:
        content.seek(max(0, log.stat().st_size - 16_384))
        lines = content.read().decode("utf-8", errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-count:]) or "  (nothing was logged)"


def rotate(log: Path) -> None:
    """Sets a log file that has grown too large aside, in place of the one set aside before."""
    if log.exists() and log.stat().st_size > LOG_ROTATED_BEYOND_BYTES:
        log.replace(log.with_name(log.name + ".1"))


def _spawn(command: Command) -> subprocess.Popen[bytes]:
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        return subprocess.Popen(
            [*command.account.prefix, *command.arguments],
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=command.inherited_files,
            user=command.account.user,
            group=command.account.group,
            extra_groups=None if command.account.user is None else [],
            # Safe beside our threads: what runs there takes no lock. It must be the main thread that starts children, because the
            # signal comes when the thread ends that started them.
            preexec_fn=_die_with_parent(os.getpid(), command.dies_with_parent_by),  # noqa: PLW1509
        )


def _die_with_parent(parent: int, by: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec, so that a killed parent takes it along. Linux alone has a means for that."""
    if sys.platform != "linux":
        return None

    def in_the_child() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(by))
        if os.getppid() != parent:  # It died before the line above.
            os.kill(os.getpid(), signal.SIGKILL)

    return in_the_child
