"""SMTP transactions on an open connection, pipelined where the server allows it (RFC 2920), step by step otherwise.

Each mail is a transaction of its own: MAIL, RCPT and DATA in one write; when 354 has come the content, and in the same
write the commands of the next mail. Content is never written without its 354. A mail is in doubt from the moment its
final dot is handed to the transport until the reply to it; at any time that is at most one.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import cast

from emon_notifications.smtp.deadline import Deadline
from emon_notifications.smtp.replies import Garbage, Reply, ReplyReader
from emon_notifications.smtp.results import Accepted, InDoubt, NotSent, Outgoing, Rejected, Result, Stage

# Content beyond this goes out before its final dot does, so that a drop half-way leaves no doubt.
SPLIT_CONTENT_OCTETS = 64 * 1024
SERVICE_CLOSING = 421
OnResult = Callable[[Outgoing, Result], None]


class _Step(Enum):
    """What was written, and so what the next reply is about. No reply comes to BODY, which is content without its end."""

    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    BODY = auto()
    CONTENT = auto()
    RSET = auto()
    LONE_DOT = auto()


_STAGES = {_Step.MAIL: Stage.MAIL, _Step.RCPT: Stage.RCPT, _Step.DATA: Stage.DATA, _Step.CONTENT: Stage.CONTENT}


class _Transfer:
    """A mail on its way through the connection."""

    __slots__ = ("dot_written", "mail", "settled")

    def __init__(self, mail: Outgoing) -> None:
        self.mail = mail
        self.dot_written = False
        self.settled = False


class Pipeline(asyncio.Protocol):
    """Takes over a transport that is past EHLO, TLS and AUTH. One batch at a time."""

    def __init__(self, *, pipelining: bool, command_seconds: float, final_dot_seconds: float) -> None:
        self._pipelining = pipelining
        self._command_seconds = command_seconds
        self._final_dot_seconds = final_dot_seconds
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = ReplyReader()
        self._paused = False
        self._broken: str | None = None
        self._on_result: OnResult | None = None
        self._bug: Exception | None = None
        self._done: asyncio.Future[None] | None = None
        self._waiting: deque[_Transfer] = deque()  # nothing written yet
        self._unsettled: deque[_Transfer] = deque()  # all that have no result yet, in order
        self._to_write: deque[tuple[_Step, _Transfer | None, bytes]] = deque()
        self._expected: deque[tuple[_Step, _Transfer | None]] = deque()
        self._deadline = Deadline(self._on_deadline)

    @property
    def usable(self) -> bool:
        """Whether another batch can be sent."""
        return self._broken is None and self._transport is not None and not self._transport.is_closing()

    def take_over(self, transport: asyncio.Transport) -> None:
        """Becomes the protocol of a connected transport."""
        self._transport = transport
        transport.set_protocol(self)
        # So that "not paused" means: everything is with the kernel. (0 would pause TLS transports for ever.)
        transport.set_write_buffer_limits(high=1, low=0)

    async def send(self, mails: Sequence[Outgoing], on_result: OnResult) -> None:
        """Gives each mail its result, in order. Raises nothing for the network; what `on_result` raises comes out here."""
        if self._done is not None:
            raise RuntimeError("one batch at a time goes over a connection")
        self._on_result = on_result
        self._waiting = deque(_Transfer(mail) for mail in mails)
        self._unsettled = deque(self._waiting)
        self._done = self._loop.create_future()
        try:
            if self.usable:
                self._queue_next_mail()
                self._advance()
            else:
                self.break_off(self._broken or "the connection is closed")
            await self._done
        except asyncio.CancelledError:
            self.break_off("sending was cancelled")
            raise
        finally:
            self._done = self._on_result = None
        bug, self._bug = self._bug, None
        if bug is not None:
            raise bug

    async def quit(self, seconds: float) -> None:
        """Ends an idle connection in the way of RFC 5321 section 4.1.1.10, waiting for the reply no longer than this."""
        transport = self._transport
        if self._done is not None or transport is None or not self.usable:
            return
        self._done = self._loop.create_future()
        self._expected.append((_Step.RSET, None))  # QUIT, like RSET, has a reply that is about no mail
        transport.write(b"QUIT\r\n")
        await asyncio.wait((self._done,), timeout=seconds)
        self._done = None

    def break_off(self, reason: str) -> None:
        """Ends the connection and settles what is open: in doubt where the final dot was written, else not sent."""
        if self._broken is None:
            self._broken = reason
        if self._transport is not None:
            self._transport.abort()
        self._deadline.cancel_timer()
        self._expected.clear()
        self._to_write.clear()
        self._waiting.clear()
        while self._unsettled:
            transfer = self._unsettled[0]
            self._settle(transfer, InDoubt(reason) if transfer.dot_written else NotSent(reason))
        self._finish()

    # What the transport calls.

    def data_received(self, data: bytes) -> None:
        if self._broken is not None:
            return
        try:
            for reply in self._reader.feed(data):
                self._on_reply(reply)
                if self._broken is not None:
                    return
        except Garbage as error:
            self.break_off(str(error))
            return
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        self.break_off("the connection was lost" + (f" ({type(exc).__name__})" if exc else ""))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._broken is None:
            self._advance()

    # What replies mean.

    def _on_reply(self, reply: Reply) -> None:
        if not self._expected:
            self._on_unexpected_reply(reply)
            return
        step, transfer = self._expected.popleft()
        if transfer is None:  # RSET or a lone dot: only whether the connection goes on matters
            if reply.code == SERVICE_CLOSING or (step is _Step.RSET and reply.code >= 300):
                self.break_off(reply.text)
            return
        wanted = reply.code == 354 if step is _Step.DATA else 200 <= reply.code < 300
        if not wanted and reply.code < 400:
            self.break_off(f"a reply that does not fit {step.name}: {reply.text}")
        elif reply.code == SERVICE_CLOSING and step is _Step.MAIL:
            self.break_off(reply.text)  # the server says goodbye (perhaps it did before we wrote): not about this mail
        else:
            self._on_fitting_reply(step, transfer, reply, refused=not wanted)

    def _on_fitting_reply(self, step: _Step, transfer: _Transfer, reply: Reply, *, refused: bool) -> None:
        already_refused = transfer.settled
        if refused and not already_refused:
            self._settle(transfer, Rejected(reply.code, reply.text, _STAGES[step], permanent=reply.code >= 500))
        if refused and reply.code == SERVICE_CLOSING:
            self.break_off(reply.text)
        elif step is _Step.CONTENT:
            if not refused:
                self._settle(transfer, Accepted(reply.text))
            if not self._pipelining:
                self._queue_next_mail()
        elif step is _Step.DATA and not refused:
            # RFC 2920 section 3.1: 354 for a mail whose recipient was refused is answered with a lone dot.
            if already_refused:
                self._to_write.append((_Step.LONE_DOT, None, b".\r\n"))
                self._queue_reset_and_next_mail()
            else:
                self._queue_content(transfer)
        elif refused and (step is _Step.DATA or not self._pipelining):
            self._to_write.clear()  # of this mail, where commands go one by one
            self._queue_reset_and_next_mail()

    def _on_unexpected_reply(self, reply: Reply) -> None:
        """A farewell between batches, or a refusal while content is still going out."""
        transfer = self._unsettled[0] if self._unsettled else None
        if transfer is not None and self._to_write and self._to_write[0][0] is _Step.CONTENT and reply.code >= 400:
            self._settle(transfer, Rejected(reply.code, reply.text, Stage.CONTENT, permanent=reply.code >= 500))
        self.break_off(reply.text)

    # What is written next.

    def _queue_next_mail(self) -> None:
        if self._waiting:
            transfer = self._waiting.popleft()
            mail = transfer.mail
            self._to_write.append((_Step.MAIL, transfer, b"MAIL FROM:<" + mail.return_path.encode() + b">\r\n"))
            self._to_write.append((_Step.RCPT, transfer, b"RCPT TO:<" + mail.recipient.encode() + b">\r\n"))
            self._to_write.append((_Step.DATA, transfer, b"DATA\r\n"))

    def _queue_reset_and_next_mail(self) -> None:
        self._to_write.append((_Step.RSET, None, b"RSET\r\n"))
        self._queue_next_mail()

    def _queue_content(self, transfer: _Transfer) -> None:
        content = transfer.mail.content.replace(b"\r\n.", b"\r\n..")  # RFC 5321 section 4.5.2
        if content.startswith(b"."):
            content = b"." + content
        if len(content) > SPLIT_CONTENT_OCTETS:
            self._to_write.append((_Step.BODY, None, content))
            self._to_write.append((_Step.CONTENT, transfer, b".\r\n"))
        else:
            self._to_write.append((_Step.CONTENT, transfer, content + b".\r\n"))
        if self._pipelining:  # the next mail's commands go with the end of this one
            self._queue_next_mail()

    def _advance(self) -> None:
        """Writes what may be written now, sets the deadline for the reply that is due, and notices the end."""
        transport = cast("asyncio.Transport", self._transport)
        while self._to_write and not self._paused and not transport.is_closing():
            if self._expected and not self._pipelining:
                break
            self._write_group(transport)
        if not self._expected and not self._to_write and not self._unsettled:
            self._deadline.clear()
            self._finish()
        else:
            self._set_deadline()

    def _write_group(self, transport: asyncio.Transport) -> None:
        """One write: all commands that may go together, or a body without its end, which has to be taken first."""
        chunks: list[bytes] = []
        dot_of: _Transfer | None = None
        while self._to_write:
            step, transfer, chunk = self._to_write.popleft()
            chunks.append(chunk)
            if step is _Step.BODY:
                break
            self._expected.append((step, transfer))
            if step is _Step.CONTENT and transfer is not None:
                dot_of = transfer
            if not self._pipelining:
                break
        if dot_of is not None:
            dot_of.dot_written = True
        transport.write(b"".join(chunks))
        if dot_of is not None and transport.is_closing() and transport.get_extra_info("sslcontext") is None:
            # The kernel refused the whole write at once: the buffer was empty before, so not a byte of it has left.
            dot_of.dot_written = False

    def _settle(self, transfer: _Transfer, result: Result) -> None:
        transfer.settled = True
        self._unsettled.popleft()
        if self._on_result is not None:
            try:
                self._on_result(transfer.mail, result)
            except Exception as error:  # noqa: BLE001 raised again by `send`, when all mails have their result
                self._bug = self._bug or error

    def _finish(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _set_deadline(self) -> None:
        step = self._expected[0][0] if self._expected else _Step.CONTENT
        self._deadline.set(self._final_dot_seconds if step is _Step.CONTENT else self._command_seconds)

    def _on_deadline(self) -> None:
        step = self._expected[0][0] if self._expected else _Step.BODY
        self.break_off(f"no reply to {step.name} in time")
