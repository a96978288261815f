"""A TCP proxy in front of PostgreSQL that ends a process at a chosen statement, so that no product code needs a hook.

It watches what the process sends. When the statements of the kill point have gone by on one connection, in their order, it
sends SIGKILL: either before the last of them reaches the server, or after the server has answered it and before the process
hears the answer.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

CHUNK = 64 * 1024


@dataclass
class KillPoint:
    """`statements` as they appear on the wire; `after` means once the server has carried out the last one."""

    statements: tuple[bytes, ...]
    after: bool
    pid: int | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def kill(self) -> None:
        assert self.pid is not None, "the process was not started yet"
        if not self.reached.is_set():
            os.kill(self.pid, signal.SIGKILL)
            self.reached.set()


@dataclass
class _Connection:
    """What has gone by on one connection."""

    point: KillPoint
    next_statement: int = 0
    tail: bytes = b""

    def passes(self, chunk: bytes) -> bool:
        """Whether the kill point is reached with this chunk."""
        seen = self.tail + chunk
        while self.next_statement < len(self.point.statements):
            place = seen.find(self.point.statements[self.next_statement])
            if place < 0:
                break
            seen = seen[place + len(self.point.statements[self.next_statement]) :]
            self.next_statement += 1
        self.tail = seen[-64:]
        return self.next_statement == len(self.point.statements)


@asynccontextmanager
async def killing_proxy(url: str, point: KillPoint) -> AsyncGenerator[str]:
    """Yields the database URL that leads through the proxy."""
    target = urlsplit(url)

    async def serve(client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(target.hostname, target.port)
        connection = _Connection(point)

        async def to_server() -> None:
            while chunk := await client_reader.read(CHUNK):
                reached = connection.passes(chunk) and not point.reached.is_set()
                if reached and not point.after:
                    point.kill()
                    return
                server_writer.write(chunk)
                await server_writer.drain()

        async def to_client() -> None:
            while chunk := await server_reader.read(CHUNK):
                if point.after and connection.next_statement == len(point.statements):
                    point.kill()
                    return
                client_writer.write(chunk)
                await client_writer.drain()

        pumps = [asyncio.create_task(to_server()), asyncio.create_task(to_client())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            server_writer.close()
            client_writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield urlunsplit(target._replace(netloc=f"{target.username}:{target.password}@127.0.0.1:{port}"))
    finally:
        server.close()
