"""Reads a mail as it came over SMTP, however broken: a sink has no right to refuse what it cannot read."""

import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

SNIPPET_LENGTH = 250


@dataclass(frozen=True)
class Address:
    """A mailbox as a header names it, decoded."""

    name: str
    address: str


@dataclass(frozen=True)
class Attachment:
    """A part of a mail that is neither its text nor its HTML; a calendar part is one."""

    part_id: str
    file_name: str
    content_type: str
    content_id: str
    is_inline: bool
    content: bytes


@dataclass(frozen=True)
class ReadMail:
    """What a mail says, decoded."""

    message_id: str
    sender: Address
    to: list[Address]
    cc: list[Address]
    bcc: list[Address]
    reply_to: list[Address]
    subject: str
    date: datetime | None
    unsubscribe: str
    unsubscribe_post: str
    text: str
    html: str
    attachments: list[Attachment]

    @property
    def snippet(self) -> str:
        """The first words of the text, or of the HTML without its tags."""
        words = self.text or re.sub(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", " ", self.html, flags=re.DOTALL | re.IGNORECASE)
        line = " ".join(words.split())
        return line if len(line) <= SNIPPET_LENGTH else line[:SNIPPET_LENGTH] + "..."


def read_mail(content: bytes) -> ReadMail:
    """The mail in these bytes. Never fails: what cannot be decoded is replaced or left out."""
    message = message_from_bytes(content)
    text = html = ""
    attachments: list[Attachment] = []
    for part_id, part in _leaves(message):
        kind = part.get_content_type()
        is_body = part.get_content_disposition() != "attachment" and not part.get_filename()
        if is_body and kind == "text/plain" and not text:
            text = _decoded_text(part)
        elif is_body and kind == "text/html" and not html:
            html = _decoded_text(part)
        else:
            attachments.append(_attachment(part_id, part))
    senders = _addresses(message, "From")
    return ReadMail(
        message_id=_header(message, "Message-ID").strip("<> "),
        sender=senders[0] if senders else Address("", ""),
        to=_addresses(message, "To"),
        cc=_addresses(message, "Cc"),
        bcc=_addresses(message, "Bcc"),
        reply_to=_addresses(message, "Reply-To"),
        subject=_decoded(_header(message, "Subject")),
        date=_date(message),
        unsubscribe=_header(message, "List-Unsubscribe"),
        unsubscribe_post=_header(message, "List-Unsubscribe-Post"),
        text=text,
        html=html,
        attachments=attachments,
    )


def _leaves(message: "Message[str, str]", prefix: str = "") -> Iterator[tuple[str, "Message[str, str]"]]:
    """The parts that hold content, numbered by their place: 1, 2.1, … A mail of one part is 1."""
    if message.get_content_maintype() != "multipart" or not message.is_multipart():
        yield prefix or "1", message
        return
    for number, part in enumerate(message.get_payload(), start=1):
        if isinstance(part, Message):
            yield from _leaves(part, f"{prefix}.{number}" if prefix else str(number))


def _attachment(part_id: str, part: "Message[str, str]") -> Attachment:
    kind = part.get_content_type()
    content_id = _header(part, "Content-ID").strip("<> ")
    name = _decoded(part.get_filename() or "") or content_id or f"part-{part_id}{mimetypes.guess_extension(kind) or ''}"
    return Attachment(
        part_id=part_id,
        file_name=name,
        content_type=kind,
        content_id=content_id,
        is_inline=bool(content_id) and part.get_content_disposition() != "attachment",
        content=_content(part),
    )


def _content(part: "Message[str, str]") -> bytes:
    if part.is_multipart():  # A mail within the mail.
        return b"".join(inner.as_bytes() for inner in part.get_payload() if isinstance(inner, Message))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _decoded_text(part: "Message[str, str]") -> str:
    try:
        return _content(part).decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:  # A character set that nobody knows.
        return _content(part).decode("utf-8", errors="replace")


def _header(message: "Message[str, str]", name: str) -> str:
    """The header as it came, in one line. Bytes beyond ASCII are UTF-8 (RFC 6532)."""
    values = (str(value) for key, value in message.raw_items() if key.lower() == name.lower())
    line = " ".join(next(values, "").split())
    return line.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def _decoded(line: str) -> str:
    """The line with its encoded words (RFC 2047) decoded."""
    try:
        return str(make_header(decode_header(line)))
    except (HeaderParseError, LookupError, ValueError):
        return line


def _addresses(message: "Message[str, str]", name: str) -> list[Address]:
    """The mailboxes of a header. Split first and decoded then: an encoded name may hold commas."""
    line = _header(message, name)
    found = [Address(_decoded(name), address) for name, address in getaddresses([line]) if address]
    return found if found or not line else [Address(_decoded(line), "")]


def _date(message: "Message[str, str]") -> datetime | None:
    try:
        return parsedate_to_datetime(_header(message, "Date"))
    except ValueError:
        return None
