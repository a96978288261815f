"""How fast: who of the lanes has work, and how many mails a minute may bear."""

import asyncio


class Work:
    """How much is due, for lanes that wait. A lane takes part once there is enough for it and those before it."""

    SHARE_OF_A_LANE = 16

    def __init__(self) -> None:
        self._due = 0
        self._looked = asyncio.Condition()
        self.closed = asyncio.Event()

    async def found(self, due: int) -> None:
        """Tells the lanes what a look at the queue found."""
        async with self._looked:
            self._due = due
            self._looked.notify_all()

    async def close(self) -> None:
        """Sends the lanes home: no more work is taken up."""
        self.closed.set()
        await self.found(0)

    async def next_for(self, lane: int) -> bool:
        """Waits until a look from now on finds work for this lane; False once closed."""
        async with self._looked:
            while not self.closed.is_set():
                await self._looked.wait()
                if self._due > lane * self.SHARE_OF_A_LANE:
                    return True
        return False

    async def pause(self, seconds: float) -> None:
        """Waits, but no longer than until closed."""
        try:
            async with asyncio.timeout(seconds):
                await self.closed.wait()
        except TimeoutError:
            return


class MinuteLimit:
    """At most so many mails in any minute, evenly. `per_minute` None: no limit."""

    def __init__(self, per_minute: int | None) -> None:
        self._per_minute = per_minute
        self._saved = 1.0
        self._at: float | None = None

    async def up_to(self, wanted: int) -> int:
        """Waits until at least one mail may go; answers how many of those wanted may, and counts them."""
        if self._per_minute is None:
            return wanted
        while True:
            self._save(self._per_minute)
            granted = min(wanted, int(self._saved))
            if granted:
                self._saved -= granted
                return granted
            await asyncio.sleep((1 - self._saved) * 60 / self._per_minute)

    def give_back(self, unused: int) -> None:
        """Mails that were granted and not sent."""
        self._saved += unused

    def _save(self, per_minute: int) -> None:
        # What was not used in quiet times is kept for a second at most, so that no burst breaks the limit of a minute.
        now = asyncio.get_running_loop().time()
        passed = 0.0 if self._at is None else now - self._at
        self._at = now
        self._saved = min(self._saved + passed * per_minute / 60, max(1.0, per_minute / 60))
