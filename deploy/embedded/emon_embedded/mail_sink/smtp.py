"""The sink's SMTP side: takes every mail for anybody who can exist, and says 250 only when it is on disk."""

import asyncio
import json
import secrets
import sqlite3
from datetime import UTC, datetime

from aiosmtpd.smtp import SMTP, Envelope, Session

from emon_embedded.mail_sink.mailpit import rfc3339, summary
from emon_embedded.mail_sink.reading import Address, ReadMail, read_mail
from emon_embedded.mail_sink.store import MailStore, NewMail

MESSAGE_BYTES_MAX = 32 * 1024 * 1024


class Handler:
    """What aiosmtpd asks on each connection."""

    def __init__(self, store: MailStore) -> None:
        self._store = store

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Announces pipelining too: aiosmtpd answers in order and never drops what it has read ahead (RFC 2920, 3.2)."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Refuses domains that never exist (RFC 6761, 6.4), so that one can see what becomes of mail that bounces."""
        if address.casefold().endswith(".invalid"):
            return "550 5.1.2 No such domain"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        """Keeps the mail."""
        content = envelope.content
        mail = new_mail(
            content if isinstance(content, bytes) else b"", envelope.mail_from or "", envelope.rcpt_tos, datetime.now(UTC)
        )
        try:
            await asyncio.wrap_future(self._store.keep(mail))
        except sqlite3.Error as failure:
            return f"451 4.3.0 Could not be stored, try again later: {failure}"
        return f"250 2.0.0 Kept as {mail.columns['id']}"


async def serve_smtp(store: MailStore, host: str, port: int) -> asyncio.Server:
    """Listens; what comes is kept in the store."""
    handler = Handler(store)
    return await asyncio.get_running_loop().create_server(
        # Without a hostname of its own aiosmtpd asks the resolver for it on each connection.
        lambda: SMTP(
            handler, data_size_limit=MESSAGE_BYTES_MAX, enable_SMTPUTF8=True, hostname="localhost", ident="EmON mail sink"
        ),
        host,
        port,
        reuse_address=True,
    )


def new_mail(content: bytes, sender: str, recipients: list[str], now: datetime) -> NewMail:
    """The mail with all that listing and searching will need, so that neither has to read it again."""
    mail_id = secrets.token_hex(11)
    read = read_mail(content)
    hidden = [Address("", recipient) for recipient in recipients if recipient.casefold() not in _addressed(read)]
    columns = {
        "id": mail_id,
        "summary": json.dumps(summary(mail_id, read, hidden, now, len(content)), ensure_ascii=False),
        "envelope": json.dumps(
            {"sender": sender, "hidden": [address.address for address in hidden], "received_at": rfc3339(now)}
        ),
        "subject": read.subject,
        "sender": f"{_searchable([read.sender])} {sender}",
        "recipients": _searchable(read.to),
        "cc": _searchable(read.cc),
        "bcc": _searchable([*read.bcc, *hidden]),
        "reply_to": _searchable(read.reply_to),
        "message_id": read.message_id,
        "words": " ".join(
            (read.subject, _searchable([read.sender, *read.to, *read.cc, *read.bcc, *hidden]), read.text or read.snippet)
        ),
    }
    as_they_are = ("id", "summary", "envelope")
    return NewMail({key: value if key in as_they_are else value.casefold() for key, value in columns.items()}, content)


def _addressed(mail: ReadMail) -> set[str]:
    return {address.address.casefold() for address in (*mail.to, *mail.cc, *mail.bcc)}


def _searchable(addresses: list[Address]) -> str:
    return ", ".join(f"{address.name} <{address.address}>" for address in addresses)
