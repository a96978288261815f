"""Streams that say when something changed: one listening connection for the process, and a question only where there is reason.

A stream asks the database when a change is heard that may concern its caller, at most once in LOOK_AT_MOST_EVERY_S; and every
CHECK_EVERY_S, since a session may have ended, a day may have passed, and a hint may have been lost.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import structlog

from emon_gateway.today.bodies import Seen
from emon_platform.changes import EVERYBODYS
from emon_platform.failures import is_transient
from emon_platform.http.problems import ProblemError

log = structlog.get_logger()

COMMENT_EVERY_S = 15.0
CHECK_EVERY_S = 60.0
LOOK_AT_MOST_EVERY_S = 1.0
RETRY_MS = 3000
RETRY_AFTER_S = 30


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look brings: what needs the caller, and which words of changes concern them (None: all)."""

    seen: Seen
    words: frozenset[str] | None


Look = Callable[[], Awaitable[Sight | None]]
"""Looks once more; None once the session has ended."""


@dataclass(eq=False)
class Watcher:
    """One open stream."""

    session: bytes
    words: frozenset[str] | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Watchers:
    """All open streams of this process."""

    def __init__(self, per_session: int, in_all: int) -> None:
        self._per_session = per_session
        self._in_all = in_all
        self.open: set[Watcher] = set()
        self._of_session: Counter[bytes] = Counter()
        self.closed = False

    @contextmanager
    def watching(self, session: bytes) -> Generator[Watcher]:
        """A watcher for as long as the stream is open. Raises ProblemError where too many are."""
        self.admit(session)
        watcher = Watcher(session)
        self.open.add(watcher)
        self._of_session[session] += 1
        try:
            yield watcher
        finally:
            self.open.discard(watcher)
            self._of_session[session] -= 1
            if not self._of_session[session]:
                del self._of_session[session]

    def admit(self, session: bytes) -> None:
        """Raises ProblemError: 429 where the session has too many streams, 503 where the process has, or ends."""
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        if self._of_session[session] >= self._per_session:
            detail = f"At most {self._per_session} streams of one session. Close one."
            raise ProblemError(429, "too-many-requests", detail, headers=headers)
        if self.closed or len(self.open) >= self._in_all:
            raise ProblemError(503, "temporarily-unavailable", "No more streams at the moment.", headers=headers)

    def hear(self, words: frozenset[str]) -> None:
        """Wakes those whom a change may concern."""
        for watcher in self.open:
            if watcher.words is None or EVERYBODYS in words or not watcher.words.isdisjoint(words):
                watcher.woken.set()

    def close(self) -> None:
        """Ends all streams; their clients come back to another process, or after the start of this one."""
        self.closed = True
        for watcher in self.open:
            watcher.woken.set()


async def events(watchers: Watchers, session: bytes, look: Look, known: str | None) -> AsyncGenerator[bytes]:
    """The stream of one client. `known` is the tag of what it has seen last, where it says so."""
    with watchers.watching(session) as watcher:
        yield b"retry: %d\n\n" % RETRY_MS
        clock = asyncio.get_running_loop().time
        while not watchers.closed:
            looked_at = clock()
            watcher.woken.clear()
            # What changes meanwhile may concern them by words that this look brings, and not be in what it sees.
            words, watcher.words = watcher.words, None
            try:
                sight = await look()
            except Exception as error:
                if not is_transient(error):
                    raise
                watcher.words = words
                log.info("not_looked", reason=type(error).__name__)
            else:
                if sight is None:
                    return
                watcher.words = sight.words
                if sight.seen.tag != known:
                    known = sight.seen.tag
                    yield b"id: %b\nevent: changed\ndata: %b\n\n" % (known.encode(), sight.seen.counts)
            await asyncio.sleep(LOOK_AT_MOST_EVERY_S)
            while not watcher.woken.is_set() and (left := looked_at + CHECK_EVERY_S - clock()) > 0:
                await _woken(watcher, min(left, COMMENT_EVERY_S))
                if not watcher.woken.is_set():
                    yield b":\n\n"


async def _woken(watcher: Watcher, within_s: float) -> None:
    # Not wait_for: before Python 3.12 it can lose a cancellation that comes together with the result (python/cpython#86296).
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await watcher.woken.wait()
