"""What every benchmark stands on: PostgreSQL and Kafka as they run in production, and contenders in processes of their own."""

import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import uvloop

from benchmarks.comparison import Comparison, table
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka, RunningPostgreSQL, running_kafka, running_postgresql
from emon_platform.broker import ensure_topics
from emon_platform.migrations import Migration, migrate

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
PEERS_PYTHON = ROOT / ".venv-benchmarks" / "bin" / "python"
LOOK_AGAIN_S = 0.02

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class Surroundings:
    """Where a benchmark runs. Nothing in it is faster than in production: PostgreSQL flushes every commit to the disk."""

    folder: Path
    postgresql: RunningPostgreSQL
    kafka: RunningKafka

    @property
    def bootstrap(self) -> str:
        """Where Kafka is."""
        return self.kafka.bootstrap_servers

    async def database(self, service: str, migrations: list[Migration]) -> ServiceDatabase:
        """A new, migrated database of a service."""
        database = await self.postgresql.fresh_database(service)
        await migrate(database.owner_url, database.api_url, database.worker_url, migrations)
        return database


Measure = Callable[[Surroundings], Coroutine[Any, Any, list[Comparison]]]


@asynccontextmanager
async def surroundings() -> AsyncGenerator[Surroundings]:
    """Starts everything in a folder that is removed in the end."""
    with TemporaryDirectory(prefix="emon-benchmark-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with running_postgresql(folder / "postgresql") as postgresql, running_kafka(folder / "kafka") as kafka:
            await ensure_topics(kafka.access)
            yield Surroundings(folder, postgresql, kafka)


def run_alone(measure: Measure) -> None:
    """Runs one benchmark and prints its table."""
    print(table(run(measure)))


def run(measure: Measure) -> list[Comparison]:
    """Runs one benchmark on surroundings of its own."""

    async def all_of_it() -> list[Comparison]:
        async with surroundings() as found:
            return await measure(found)

    return uvloop.run(all_of_it())


class Contender:
    """A program in a process of its own. It prints a line when it is ready, and goes to work at a line of ours."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Of the program; it may have children."""
        return self._process.pid

    async def says(self) -> str:
        """Its next line. Raises RuntimeError where it ended instead."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the program ended with {await self._process.wait()}; its complaint stands above")
        return line.decode().strip()

    def begin(self) -> float:
        """Sets it to work; answers when (`time.perf_counter`)."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        return time.perf_counter()


@asynccontextmanager
async def contender(
    program: Path, arguments: Mapping[str, object], environment: Mapping[str, str] | None = None
) -> AsyncGenerator[Contender]:
    """Starts ours with our Python, a peer with the peers'; waits until it is ready, and kills it in the end."""
    python = PEERS_PYTHON if program.parent == PEERS else Path(sys.executable)
    if not python.exists():
        raise SystemExit("The peers are not installed: run make bench")
    process = await asyncio.create_subprocess_exec(
        str(python),
        str(program),
        json.dumps(arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
    )
    try:
        found = Contender(process)
        await found.says()
        yield found
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(look: Callable[[], Awaitable[bool]], *, within_s: float = 100.0) -> float:
    """Looks until it is so; answers when that was. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not await look():
            await asyncio.sleep(LOOK_AGAIN_S)
    return time.perf_counter()


def batches(items: Iterable[ItemT], size: int) -> Iterator[list[ItemT]]:
    """The items, so many at a time."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def machine() -> str:
    """What the figures were measured on, as far as the machine tells."""
    return f"{os.cpu_count()} processors, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
