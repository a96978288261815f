"""Waiting for what must come true, with a deadline instead of a pause."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")

INTERVAL_S = 0.02


async def eventually(look: Callable[[], Awaitable[Value]], until: Callable[[Value], bool], *, within_s: float = 20.0) -> Value:
    """Looks until it is so; fails with what was seen last."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        value = await look()
        if until(value):
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"still {value!r} after {within_s} s")
        await asyncio.sleep(INTERVAL_S)
