"""A connection to a mail server: set up by aiosmtplib (EHLO, TLS, AUTH), then used by our own pipelined transactions.

aiosmtplib waits for each reply before it writes the next command, four round trips for a mail; RFC 2920 needs one.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Self, cast

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponseException

from emon_notifications.smtp.pipeline import Pipeline
from emon_notifications.smtp.replies import shown
from emon_notifications.smtp.results import Outgoing, Result
from emon_notifications.smtp.settings import SmtpSettings, Tls

QUIT_SECONDS = 2.0
_START_TLS = {Tls.IMPLICIT: False, Tls.REQUIRED: True, Tls.OPPORTUNISTIC: None, Tls.NEVER: False}


class ConnectFailed(Exception):
    """No connection over which mail can be sent. `permanent`: the server refuses us for good (5xx), such as a wrong password."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.permanent = code is not None and code >= 500


class Connection:
    """Sends batches of mails, one batch at a time."""

    def __init__(self, transport: asyncio.Transport, pipeline: Pipeline) -> None:
        self._transport = transport
        self._pipeline = pipeline

    @classmethod
    async def connect(cls, settings: SmtpSettings) -> Self:
        """Connects, says EHLO, encrypts and signs in as the settings say. Raises ConnectFailed.

        Where the server offers STARTTLS and it fails, so does this, also where encryption is opportunistic.
        """
        client = SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password,
            local_hostname=settings.local_hostname,
            timeout=settings.connect_seconds,
            use_tls=settings.tls is Tls.IMPLICIT,
            start_tls=_START_TLS[settings.tls],
            # Who would go on unencrypted gains nothing from a check, unless there is a password to be kept.
            validate_certs=settings.tls is not Tls.OPPORTUNISTIC or settings.username is not None,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await _greet(client)
            pipelining = client.supports_extension("pipelining")
        except SMTPResponseException as error:
            client.close()
            raise ConnectFailed(shown(f"{error.code} {error.message}"), error.code) from error
        except (SMTPException, OSError, ssl.SSLError) as error:
            client.close()
            raise ConnectFailed(shown(f"{type(error).__name__}: {error}")) from error
        except asyncio.CancelledError:
            client.close()
            raise
        transport = cast("asyncio.Transport | None", client.transport)
        if transport is None or transport.is_closing():
            raise ConnectFailed("the server closed the connection")
        pipeline = Pipeline(
            pipelining=pipelining,
            command_seconds=settings.command_seconds,
            final_dot_seconds=settings.final_dot_seconds,
        )
        pipeline.take_over(transport)
        client.transport = client.protocol = None  # so that nothing of aiosmtplib closes what is ours now
        return cls(transport, pipeline)

    @property
    def usable(self) -> bool:
        """False after a drop, a time-out, 421 or garbage: close it and connect anew."""
        return self._pipeline.usable

    async def send(self, mails: Sequence[Outgoing], on_result: Callable[[Outgoing, Result], None]) -> None:
        """Sends the mails; calls `on_result` once for each, in order, as soon as its result is known.

        Never raises for the network: mails on a broken connection are NotSent, at most one is InDoubt. When cancelled,
        the mails that are open get such a result first.
        """
        if mails:
            await self._pipeline.send(mails, on_result)

    async def close(self) -> None:
        """Says goodbye where that makes sense, and closes. Never raises."""
        if self.usable:
            await self._pipeline.quit(QUIT_SECONDS)
        self._pipeline.break_off("the connection was closed")


async def _greet(client: SMTP) -> None:
    try:
        await client.ehlo()
    except SMTPHeloError:
        await client.helo()  # RFC 5321 section 3.2: a server from before 1995
