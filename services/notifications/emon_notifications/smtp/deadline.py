"""A deadline that moves with every reply, at the price of one timer that is rarely touched."""

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls `missed` when the time set last is over. The timer moves only where it would ring too late."""

    def __init__(self, missed: Callable[[], None]) -> None:
        self._missed = missed
        self._loop = asyncio.get_running_loop()
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Due in so many seconds from now."""
        self._due = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._due:
            self.cancel_timer()
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._ring)

    def clear(self) -> None:
        """Nothing is due; a timer that runs finds nothing to do."""
        self._due = None

    def cancel_timer(self) -> None:
        """Leaves nothing behind in the event loop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._ring)
        else:
            self._missed()
