"""How many mails a second the discarding server takes at all: the same mail again and again, as bytes, with everything pipelined."""

import asyncio
import time

MAILS = 40_000
CONNECTIONS = 4
AT_ONCE = 50
CONTENT = (b"x" * 78 + b"\r\n") * 60  # some 5 KB, as much as an invitation
MAIL = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n" + CONTENT + b".\r\n"
REPLY_LINES = 4


async def sink_rate(port: int) -> float:
    """Mails a second over all connections."""
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
