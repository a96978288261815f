"""How much memory processes and their children take at their peak, on systems that have /proc."""

import asyncio
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

LOOK_INTERVAL_S = 0.2
PROC = Path("/proc")


class PeakMemory:
    """Looks at processes and their children while it is entered. `peak_mib` counts pages that they share only once (PSS)."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self.peak_mib = 0.0

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._looking.cancel()

    async def _look(self) -> None:
        while True:
            self.peak_mib = max(self.peak_mib, sum(_resident_mib(pid) for each in self._pids for pid in _with_children(each)))
            await asyncio.sleep(LOOK_INTERVAL_S)


def _with_children(pid: int) -> list[int]:
    children: list[int] = []
    with suppress(OSError):
        for file in (PROC / str(pid) / "task").glob("*/children"):
            children += map(int, file.read_text().split())
    return [pid, *(one for child in children for one in _with_children(child))]


def _resident_mib(pid: int) -> float:
    with suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
