"""The one question asked of processes on this machine: does this address answer 200?"""

import asyncio
import contextlib

from emon_embedded.ports import LOOPBACK


async def answers_200(port: int, path: str, within_seconds: float = 5.0) -> bool:
    """Whether a GET on 127.0.0.1 is answered with 200 in time."""
    try:
        # Not wait_for: before Python 3.12 it loses a cancellation that comes at the same moment as the answer.
        async with asyncio.timeout(within_seconds):
            return await _status(port, path) == b"200"
    except (OSError, TimeoutError, asyncio.LimitOverrunError):
        return False


async def _status(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode("ascii"))
        await writer.drain()
        words = (await reader.readline()).split()
        return words[1] if len(words) > 1 else b""
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
