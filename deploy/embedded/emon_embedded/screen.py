"""What the person at the terminal sees: a moving display on a terminal, plain lines anywhere else."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from emon_embedded.artefacts import Artefact, Progress as FetchProgress

BYTES_PER_MEBIBYTE = 1024 * 1024


class FetchingStopped(BaseException):
    """Ends a download from within when the person does not want to wait for it."""


class Screen:
    """Shows the steps of a start, several of which may run at the same time."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._stop_fetching = threading.Event()
        self._steps = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=self.console, transient=True
        )

    def say(self, text: str) -> None:
        """A line of its own, above what moves."""
        self.console.print(escape(text), soft_wrap=True)

    @contextmanager
    def moving(self) -> Generator[None]:
        """While the body runs, `step` shows what is under way."""
        if not self.console.is_terminal:
            yield
            return
        with self._steps:
            yield

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """One step; a line remains that says how long it took."""
        task = self._steps.add_task(name)
        started = time.monotonic()
        try:
            yield
        finally:
            self._steps.remove_task(task)
        self.say(f"  {name} ({time.monotonic() - started:.1f} s)")

    def stop_fetching(self) -> None:
        """Ends downloads at their next bytes, with `FetchingStopped`."""
        self._stop_fetching.set()

    @contextmanager
    def fetching(self, missing: Sequence[Artefact]) -> Generator[FetchProgress]:
        """Shows the download of what is missing, in bytes."""
        total_bytes = sum(artefact.size_bytes for artefact in missing)
        self.say(f"Fetching {len(missing)} files, {total_bytes / BYTES_PER_MEBIBYTE:.0f} MiB, kept for all later starts …")
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        with bar:
            task = bar.add_task("Download", total=total_bytes)

            @contextmanager
            def of_one_file(_name: str, _size: int) -> Generator[Callable[[int], None]]:
                yield came

            def came(count: int) -> None:
                if self._stop_fetching.is_set():
                    raise FetchingStopped
                bar.advance(task, count)

            yield of_one_file
