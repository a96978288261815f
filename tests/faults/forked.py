"""Services as forks of one process that has imported them already.

To import a service takes two seconds of a processor, and tests start one after the other. A fork runs the same `__main__`, and is
as real a process to whoever kills it.
"""

import asyncio
import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import reduction
from typing import Any

IMPORTED = (
    *("emon_platform.service", "emon_feedback.app", "emon_gateway.app", "emon_meetings.app", "emon_notifications.app"),
    *("uvicorn.lifespan.on", "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl"),
)
STANDARD_ERROR = 2

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(list(IMPORTED))


class ForkedProcess:
    """`python -m MODULE ARGUMENTS` in this environment; all that it prints goes to the file `output`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], output: int = STANDARD_ERROR) -> None:
        self._process = _forks.Process(target=_run, args=(command, dict(environment), _File(output)))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; that of a signal is negative."""
        return self._process.exitcode

    async def wait(self) -> None:
        """Until it ended."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            while self.returncode is None:
                await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.terminate()


class _File:
    """A file of this process as the new one has it. The one that forks knows those alone that were open when it began."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _handed_over, (reduction.DupFd(self._descriptor),)


def _handed_over(file: Any) -> int:
    return file.detach()


def _run(command: Sequence[str], environment: Mapping[str, str], output: Any) -> None:
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(command)
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)
