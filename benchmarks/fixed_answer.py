"""A server that gives everybody the same answer, as long as a page of the list, to see how fast a client is."""

import asyncio
import sys
from typing import cast

import uvloop

BODY = b"x" * 7_000
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY


class FixedAnswer(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self._transport.write(ANSWER)


async def main() -> None:
    """Serves until it is killed."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    server = await asyncio.get_running_loop().create_server(FixedAnswer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
