"""Who may write to a home: one platform at a time, and the next only when the last process of the one before is gone."""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from emon_embedded.home import Home

WAITS_SECONDS = 30.0
_TRIED_AGAIN_AFTER_SECONDS = 0.1


class HomeInUse(Exception):
    """Another platform, or what is left of one, uses this home."""


@asynccontextmanager
async def hold_home(home: Home, say: Callable[[str], None], wait_seconds: float = WAITS_SECONDS) -> AsyncGenerator[int]:
    """Holds the home, after waiting for the processes of a former platform; gives the file that children must inherit.

    The lock belongs to the open file (flock), so it lasts until the last process that inherited it is gone. Raises `HomeInUse`.
    """
    data_lock = _open(home.data_lock)
    supervisor_lock = _open(home.supervisor_lock)
    try:
        await _take(data_lock, home, say, wait_seconds)
        # What a killed platform announced is void before we count as supervisor, or others would take it for ours.
        home.platform_file.unlink(missing_ok=True)
        await _take(supervisor_lock, home, say, wait_seconds)
        yield data_lock
    finally:
        os.close(supervisor_lock)
        os.close(data_lock)


def is_supervised(home: Home) -> bool:
    """Whether the supervising process of this home lives."""
    try:
        lock = os.open(home.supervisor_lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who ask at the same time do not take each other for the supervisor.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _open(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


async def _take(lock: int, home: Home, say: Callable[[str], None], wait_seconds: float) -> None:
    give_up_at = time.monotonic() + wait_seconds
    has_said_so = False
    while not _try_to_take(lock):
        if not has_said_so:
            say(f"Waiting (at most {wait_seconds:.0f} s) for processes of a former platform that still use {home.folder} …")
            has_said_so = True
        if time.monotonic() > give_up_at:
            raise HomeInUse(
                f"{home.folder} is still used by another platform, or by a process that one left behind. Stop it first."
            )
        await asyncio.sleep(_TRIED_AGAIN_AFTER_SECONDS)


def _try_to_take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
