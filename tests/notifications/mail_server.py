"""A mail server that keeps every mail it took, and does at each step of the conversation what a test wants."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern

DROP = "drop"
"""Instead of a reply: the connection is closed."""

SILENCE, OBLIVION = "silence", "oblivion"
"""Instead of a reply to a mail: nothing, until the client hangs up or `break_silence`. It is kept, or not."""

MAIL, RCPT, DATA, WITHIN_CONTENT, CONTENT = "MAIL", "RCPT", "DATA", "WITHIN_CONTENT", "CONTENT"

# (step, recipient) -> a reply, DROP, or None for what a friendly server says. The recipient is empty at MAIL.
Script = Callable[[str, str], str | None]


def friendly(_step: str, _recipient: str) -> str | None:
    """Takes everything."""
    return None


@dataclass(frozen=True)
class Received:
    """A mail that was answered with 250, or was whole when a script dropped the connection or kept silent."""

    recipient: str
    content: bytes

    def parsed(self) -> EmailMessage:
        return BytesParser(policy=modern).parsebytes(self.content)

    @property
    def subject(self) -> str:
        return str(self.parsed()["Subject"])

    @property
    def message_id(self) -> str:
        return str(self.parsed()["Message-ID"])

    def text(self) -> str:
        body = self.parsed().get_body(("plain",))
        assert body is not None
        return str(body.get_content())


@dataclass
class MailServer:
    """`script` may be changed at any time."""

    port: int
    script: Script = friendly
    greeting: str = "220 test ESMTP"
    before_content_reply: Callable[[], Awaitable[object]] | None = None
    mails: list[Received] = field(default_factory=list[Received])
    clients: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])
    silent: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def recipients(self) -> list[str]:
        return [mail.recipient for mail in self.mails]

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients.add(writer)
        try:
            writer.write(f"{self.greeting}\r\n".encode())
            await self._commands(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self.clients.discard(writer)
            self.silent.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        """Ends every connection, as a machine does that goes down."""
        for client in self.clients:
            client.transport.abort()

    def break_silence(self) -> None:
        """Ends the connections on which the server keeps silent."""
        for client in self.silent:
            client.transport.abort()

    async def _commands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What a server has to remember: RFC 2920 section 3.1 has commands come behind one that was refused.
        recipient, has_sender, has_recipient = "", False, False
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            verb = line[:4].upper()
            if verb == RCPT:
                recipient = line[line.index("<") + 1 : line.index(">")]
            scripted = self.script(verb, "" if verb == MAIL else recipient) if verb in (MAIL, RCPT, DATA) else None
            if scripted == DROP:
                return
            reply = scripted or _usual_reply(verb, has_sender=has_sender, has_recipient=has_recipient)
            if verb == DATA and reply.startswith("354"):
                if not await self._content(reader, writer, recipient):
                    return
                continue
            writer.write(f"{reply}\r\n".encode())
            is_taken = reply.startswith("250")
            match verb:
                case "QUIT":
                    return
                case "MAIL":
                    has_sender, has_recipient = is_taken, False
                case "RCPT":
                    has_recipient = is_taken
                case _:
                    continue

    async def _content(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str) -> bool:
        writer.write(b"354 go on\r\n")
        lines = [await reader.readline()]
        if self.script(WITHIN_CONTENT, recipient) == DROP:
            return False
        while (line := await reader.readline()) != b".\r\n":
            if not line.endswith(b"\n"):
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        if self.before_content_reply is not None:
            await self.before_content_reply()
        reply = self.script(CONTENT, recipient)
        if reply in (None, DROP, SILENCE):
            self.mails.append(Received(recipient, b"".join(lines)))
        if reply in (SILENCE, OBLIVION):
            self.silent.add(writer)
            while await reader.read(1 << 16):
                pass
        if reply in (DROP, SILENCE, OBLIVION):
            return False
        writer.write(f"{reply or '250 2.0.0 kept'}\r\n".encode())
        return True


def _usual_reply(verb: str, *, has_sender: bool, has_recipient: bool) -> str:
    if (verb == RCPT and not has_sender) or (verb == DATA and not has_recipient):
        return "503 5.5.1 bad sequence"
    replies = {"EHLO": "250-test\r\n250-PIPELINING\r\n250 8BITMIME", "QUIT": "221 bye", DATA: "354 go on"}
    return replies.get(verb, "250 ok")


@asynccontextmanager
async def running_mail_server() -> AsyncGenerator[MailServer]:
    """A mail server on a port of its own."""
    mail_server = MailServer(0)
    server = await asyncio.start_server(mail_server.converse, "127.0.0.1", 0, limit=1024 * 1024)
    mail_server.port = server.sockets[0].getsockname()[1]
    try:
        yield mail_server
    finally:
        server.close()
