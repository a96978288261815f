"""The discarding mail server in a process of its own, and how much it takes at all."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

MAILS = 40_000
CONNECTIONS = 4
AT_ONCE = 50
CONTENT = (b"x" * 78 + b"\r\n") * 60  # some 5 KB, as much as an invitation
MAIL = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n" + CONTENT + b".\r\n"
REPLY_LINES = 4


@asynccontextmanager
async def sink(announced_each: int = 0) -> AsyncGenerator[tuple[int, Callable[[], Awaitable[object]]]]:
    """The server: its port, and a wait for its having taken so many mails (more)."""
    program = Path(__file__).with_name("discarding_sink.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), str(announced_each), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline()), process.stdout.readline
    finally:
        process.kill()
        await process.wait()


async def sink_rate(port: int) -> float:
    """Mails a second over all connections: the same one again and again, as bytes, with everything pipelined."""
    started = time.perf_counter()
    await asyncio.gather(*(_send(port, MAILS // CONNECTIONS) for _ in range(CONNECTIONS)))
    return MAILS / (time.perf_counter() - started)


async def _send(port: int, mails: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    for _ in range(0, mails, AT_ONCE):
        writer.write(MAIL * AT_ONCE)
        for _ in range(AT_ONCE * REPLY_LINES):
            await reader.readline()
    writer.close()
    await writer.wait_closed()
