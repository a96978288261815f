"""A mail server that answers, stays silent, talks nonsense or drops the connection at exactly the point a test names."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from emon_notifications.smtp import SmtpSettings, Tls

GREETING = b"220 peer.example ESMTP\r\n"
EVERYTHING_FINE: Mapping[str, bytes] = {
    "MAIL": b"250 sender fine\r\n",
    "RCPT": b"250 recipient fine\r\n",
    "DATA": b"354 go on\r\n",
    "DOT": b"250 taken\r\n",
    "RSET": b"250 forgotten\r\n",
    "QUIT": b"221 goodbye\r\n",
}


class Drop:
    """Instead of a reply: the connection ends."""


class Silence:
    """Instead of a reply: nothing, until the client hangs up."""


class AfterNextCommand(bytes):
    """A reply that is held back until the client has sent another command."""


Action = bytes | Drop | Silence


@dataclass
class Script:
    """What the peer does. Mails are counted from 0 by their MAIL commands; whatever is not named is answered well."""

    greeting: Action = GREETING
    extensions: tuple[bytes, ...] = (b"PIPELINING",)
    actions: Mapping[tuple[int, str], Action] = field(default_factory=dict[tuple[int, str], Action])
    drop_after_received: int | None = None  # octets, counted from the first MAIL on
    drop_after_replied: int | None = None
    after_354: bytes = b""  # said as soon as some content has come, whatever is still to come
    starttls: Action = b"220 go on\r\n"
    auth: bytes = b"235 welcome\r\n"
    tls: ssl.SSLContext | None = None


@dataclass
class Peer:
    """What a running peer saw."""

    port: int
    script: Script
    commands: list[str] = field(default_factory=list[str])
    contents: dict[int, bytes] = field(default_factory=dict[int, bytes])  # whole up to the final dot, by number of the mail
    replied_to_dot: set[int] = field(default_factory=set[int])
    came_ahead: int = 0  # commands that were there before the one before them was answered
    clients: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])

    def settings(self, **changes: Any) -> SmtpSettings:
        """Settings that lead here, with times for tests that are not about time."""
        plain = SmtpSettings("127.0.0.1", self.port, tls=Tls.NEVER, local_hostname="client.example", connect_seconds=10)
        return replace(plain, **({"command_seconds": 10, "final_dot_seconds": 10} | changes))


class _Dropped(Exception):
    """The script says that the connection ends here."""


@asynccontextmanager
async def running_peer(script: Script | None = None, *, implicit_tls: bool = False) -> AsyncGenerator[Peer]:
    """Runs a peer on a free port of 127.0.0.1."""
    script = script or Script()
    peer = Peer(0, script)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.clients.append(writer)
        session = _Session(peer, reader, writer)
        with contextlib.suppress(_Dropped, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await session.run()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=script.tls if implicit_tls else None, limit=1 << 20)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for client in peer.clients:
            client.transport.abort()
        await server.wait_closed()


class _Session:
    def __init__(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._peer = peer
        self._script = peer.script
        self._reader = reader
        self._writer = writer
        self._buffer = b""
        self._mail = -1
        self._received = self._replied = 0
        self._held = b""
        self._deaf = False

    async def run(self) -> None:
        await self._do(self._script.greeting)
        await self._greet()
        while True:
            line = await self._line()
            verb = line.split(b" ")[0].decode().upper()
            self._peer.commands.append(line.decode())
            self._peer.came_ahead += bool(self._buffer)
            if verb == "MAIL":
                self._mail += 1
            action = self._script.actions.get((self._mail, verb), EVERYTHING_FINE[verb])
            await self._do(action)
            if verb == "DATA" and isinstance(action, bytes) and action.startswith(b"354"):
                await self._content()
            if verb == "QUIT":
                return

    async def _greet(self) -> None:
        while True:
            line = (await self._reader.readline()).strip()
            if not line.startswith(b"MAIL"):
                self._peer.commands.append(line.decode())
            if line.startswith(b"EHLO"):
                lines = (b"250-peer.example", *(b"250-" + extension for extension in self._script.extensions), b"250 HELP", b"")
                await self._do(b"\r\n".join(lines))
            elif line == b"STARTTLS":
                await self._do(self._script.starttls)
                if self._script.tls is not None:
                    await self._writer.start_tls(self._script.tls)
            elif line.startswith(b"AUTH"):
                await self._do(self._script.auth)
            elif line == b"QUIT":
                await self._do(EVERYTHING_FINE["QUIT"])
                raise _Dropped
            elif line.startswith(b"MAIL"):
                self._buffer = line + b"\r\n"
                self._received = len(self._buffer)
                self._demand_within_limit()
                return
            else:
                raise _Dropped

    async def _content(self) -> None:
        """Reads until the final dot."""
        content = b"\r\n"
        told = not self._script.after_354
        while (end := (content + self._buffer).find(b"\r\n.\r\n")) < 0:
            content, self._buffer = content + self._buffer, b""
            if not told and len(content) > 2:
                told = True
                await self._do(self._script.after_354)
            await self._more()
        content += self._buffer
        self._buffer = content[end + 5 :]
        self._peer.contents[self._mail] = content[2 : end + 2].replace(b"\r\n..", b"\r\n.")
        mail = self._mail
        action = self._script.actions.get((mail, "DOT"), EVERYTHING_FINE["DOT"])
        if isinstance(action, bytes) and action.startswith(b"250"):
            self._peer.replied_to_dot.add(mail)
        await self._do(action)

    async def _do(self, action: Action) -> None:
        if isinstance(action, Drop):
            raise _Dropped
        if isinstance(action, Silence):
            await self._reader.read()
            raise _Dropped
        if isinstance(action, AfterNextCommand):
            self._held = bytes(action)
            return
        limit = self._script.drop_after_replied
        if limit is not None and self._mail >= 0:
            action = action[: limit - self._replied]
        self._replied += len(action) if self._mail >= 0 else 0
        self._writer.write(action)
        await self._writer.drain()
        if limit is not None and self._replied >= limit:
            self._writer.close()
            await self._writer.wait_closed()
            raise _Dropped

    async def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            await self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        if self._held:
            held, self._held = self._held, b""
            await self._do(held)
        return line

    async def _more(self) -> None:
        data = b"" if self._deaf else await self._reader.read(1 << 16)
        if not data:
            raise _Dropped
        self._received += len(data)
        self._buffer += data
        self._demand_within_limit()

    def _demand_within_limit(self) -> None:
        """Forgets what came beyond the limit; with nothing left to answer, the connection ends."""
        limit = self._script.drop_after_received
        if limit is None or self._received < limit:
            return
        beyond = self._received - limit
        self._buffer = self._buffer[: len(self._buffer) - beyond] if beyond else self._buffer
        self._deaf = True
