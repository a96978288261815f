"""A mail server that takes everything and keeps nothing, so that the sending side is what is measured.

Prints its port, and a line more whenever it has taken as many mails as its argument says (0: never).
"""

import asyncio
import sys
from typing import cast

import uvloop

GREETING = b"220 sink ESMTP\r\n"
EXTENSIONS = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
REPLIES = {b"EHLO": EXTENSIONS, b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}


class Count:
    """Of all connections together."""

    def __init__(self, announced_each: int) -> None:
        self._announced_each = announced_each
        self._taken = 0

    def one_more(self) -> None:
        self._taken += 1
        if self._announced_each and self._taken % self._announced_each == 0:
            print(self._taken, flush=True)


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, count: Count) -> None:
        self._count = count

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is not a subclass
        self._waiting = b""
        self._in_content = False
        self._transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        waiting = self._waiting + data
        replies: list[bytes] = []
        begun = 0
        while (end := waiting.find(b"\r\n.\r\n" if self._in_content else b"\r\n", begun)) >= 0:
            if self._in_content:
                self._in_content = False
                self._count.one_more()
                replies.append(b"250 2.0.0 taken\r\n")
                begun = end + 5
            else:
                verb = waiting[begun : begun + 4].upper()
                self._in_content = verb == b"DATA"
                replies.append(REPLIES.get(verb, b"250 ok\r\n"))
                begun = end + 2
        self._waiting = waiting[begun:]
        if replies:
            self._transport.write(b"".join(replies))


async def main() -> None:
    """Serves until it is ended."""
    count = Count(int(sys.argv[1]))
    server = await asyncio.get_running_loop().create_server(lambda: Sink(count), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
