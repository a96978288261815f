"""Keeps child processes running: waits until each is ready, starts again what dies, stops what it is told to."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from emon_embedded.processes import STOPS_WITHIN_SECONDS, Child, Command, last_lines, rotate

READY_WITHIN_SECONDS = 120.0
GIVEN_UP_AFTER_ENDS = 5
PAUSE_FIRST_SECONDS = 0.2
PAUSE_LONGEST_SECONDS = 10.0
RAN_WELL_SECONDS = 60.0
UNREADY_STOPS_WITHIN_SECONDS = 2.0  # It has no client yet to finish with.
_ASKED_AGAIN_AFTER_SECONDS = 0.05

Say = Callable[[str], None]
IsReady = Callable[[], Awaitable[bool]]


class StartFailed(Exception):
    """A child did not become ready; the message holds the last lines of its log."""


class Supervised:
    """One child, started again after growing pauses whenever it dies."""

    def __init__(self, command: Command, say: Say) -> None:
        self.command = command
        self._say = say
        self._ends = 0
        self._was_ready = False
        rotate(command.log)
        self._child = Child(command)
        self._keeping = asyncio.create_task(self._keep_running())

    async def until_ready(self, is_ready: IsReady) -> None:
        """Waits for it. Raises `StartFailed` when it takes too long or ends again and again."""
        give_up_at = time.monotonic() + READY_WITHIN_SECONDS
        while not (self._child.exit_code is None and await is_ready()):
            if self._ends >= GIVEN_UP_AFTER_ENDS:
                raise StartFailed(f"{self.command.name} ended {self._ends} times before it was ready. {self._last_words()}")
            if time.monotonic() > give_up_at:
                raise StartFailed(f"{self.command.name} was not ready within {READY_WITHIN_SECONDS:.0f} s. {self._last_words()}")
            await asyncio.sleep(_ASKED_AGAIN_AFTER_SECONDS)
        self._was_ready = True

    async def stop(self) -> None:
        """Stops it, and lets it rest."""
        self._keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeping
        await self._child.stop(STOPS_WITHIN_SECONDS if self._was_ready else UNREADY_STOPS_WITHIN_SECONDS)

    async def _keep_running(self) -> None:
        pause = PAUSE_FIRST_SECONDS
        while True:
            started = time.monotonic()
            code = await self._child.ended()
            self._ends += 1
            if time.monotonic() - started > RAN_WELL_SECONDS:
                pause = PAUSE_FIRST_SECONDS
            self._say(f"{self.command.name} {_how_it_ended(code)}, starts again in {pause:.1f} s. Its log: {self.command.log}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_LONGEST_SECONDS)
            self._child = Child(self.command)

    def _last_words(self) -> str:
        return f"The end of {self.command.log}:\n{last_lines(self.command.log)}"


class Supervisor:
    """All children of a platform."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._started: list[Supervised] = []

    async def run(self, command: Command, is_ready: IsReady) -> None:
        """Starts a child and waits until it is ready. Raises `StartFailed`."""
        child = Supervised(command, self._say)
        self._started.append(child)
        await child.until_ready(is_ready)

    async def stop(self, *names: str) -> None:
        """Stops the children of these names, at the same time, if they were started."""
        stopping = [child for child in self._started if child.command.name in names]
        self._started = [child for child in self._started if child not in stopping]
        await asyncio.gather(*(child.stop() for child in stopping))


def _how_it_ended(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
