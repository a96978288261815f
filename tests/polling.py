"""Waiting for what must come true, with a deadline instead of a pause."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")

INTERVAL_S_MIN = 0.02
INTERVAL_S_MAX = 0.1


async def eventually(look: Callable[[], Awaitable[Value]], until: Callable[[Value], bool], *, within_s: float = 20.0) -> Value:
    """Looks until it is so, less often the longer it takes; fails with what was seen last."""
    clock = asyncio.get_running_loop().time
    began = clock()
    while True:
        value = await look()
        if until(value):
            return value
        waited_s = clock() - began
        if waited_s > within_s:
            raise AssertionError(f"still {value!r} after {within_s} s")
        await asyncio.sleep(min(max(waited_s / 10, INTERVAL_S_MIN), INTERVAL_S_MAX))
