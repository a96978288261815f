"""A mail server that takes everything and keeps nothing, so that the sending side is what is measured. Prints its port."""

import asyncio
from typing import cast

import uvloop

GREETING = b"220 sink ESMTP\r\n"
EXTENSIONS = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
REPLIES = {b"EHLO": EXTENSIONS, b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}


class Sink(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is not a subclass
        self._waiting = b""
        self._in_content = False
        self._transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        replies: list[bytes] = []
        while (reply := self._next_reply()) is not None:
            replies.append(reply)
        if replies:
            self._transport.write(b"".join(replies))

    def _next_reply(self) -> bytes | None:
        end = b"\r\n.\r\n" if self._in_content else b"\r\n"
        line, found, rest = self._waiting.partition(end)
        if not found:
            return None
        self._waiting = rest
        if self._in_content:
            self._in_content = False
            return b"250 2.0.0 taken\r\n"
        verb = line[:4].upper()
        self._in_content = verb == b"DATA"
        return REPLIES.get(verb, b"250 ok\r\n")


async def main() -> None:
    """Serves until it is ended."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
