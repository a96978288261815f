"""The MIME message of a mail: made once per event and language, filled for each recipient.

multipart/mixed { multipart/alternative { text/plain, text/html, text/calendar }, application/ics }: the calendar part is
what programs act on (RFC 6047), the attachment what webmail lets people save. A mail about no meeting is the alternative alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html import escape

from emon_calendar.itip import CalendarPart
from emon_contracts.values import Locale
from emon_notifications.rendering import headers, wording
from emon_notifications.rendering.facts import MailKind, Recipient, Sender
from emon_notifications.rendering.safety import demand_address, demand_safe, demand_token
from emon_notifications.rendering.templates import CORRECTION, ERASURE, GAP, GREETED_NAME, MailTexts, person_gap, token_gap
from emon_notifications.rendering.transfer_encoding import (
    SOFT_BREAK,
    base64_lines,
    quoted_printable,
    token_lines,
    whole_base64_lines,
)

# Neither quoted-printable nor base64 can hold "=_" (RFC 2045 section 6.7), so that no body looks like a boundary.
_MIXED = b"=_emon_mixed"
_ALTERNATIVE = b"=_emon_alternative"
_TO = "header:to"
_MESSAGE_ID = "header:message-id"
_ATTENDEE = "calendar:attendee"
_ATTACHMENT_END = "attachment:end"
_HTML = "html:"  # before the key of a gap in HTML, where the same value is escaped

Pieces = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PreparedMail:
    """A message with gaps. `fill` takes some ten microseconds."""

    kind: MailKind
    locale: Locale
    subject: str
    links: int
    introduces: bool
    calendar: CalendarPart | None
    attachment_rest: bytes
    pieces: Pieces
    gaps: tuple[tuple[int, str], ...]  # where in `pieces` which value goes

    def fill(self, recipient: Recipient) -> bytes:
        """The message for one recipient: 7-bit, lines of at most 998 characters that end with CRLF.

        Raises UnsafeHeader for a name, address or token that must not stand in a mail, ValueError for another number
        of links than the mail has, or an introduction that it has not.
        """
        values = self._values(recipient)
        pieces = list(self.pieces)
        for position, key in self.gaps:
            pieces[position] = values[key]
        return b"".join(pieces)

    def _values(self, recipient: Recipient) -> Mapping[str, bytes]:
        if len(recipient.links) != self.links:
            raise ValueError(f"a mail with {self.links} links got {len(recipient.links)}")
        if self.introduces != (recipient.introduction is not None):
            raise ValueError("a mail that introduces needs the links for it, and any other has no place for them")
        name, address = recipient.display_name, recipient.email
        if name is not None:
            demand_safe(name, "the recipient's name")
        demand_address(address, "the recipient's address")
        demand_address(recipient.message_id, "the message id")
        greeted = f" {name}" if name else ""
        values = {
            _TO: headers.mailbox(name, address),
            _MESSAGE_ID: recipient.message_id.encode(),
            GREETED_NAME: quoted_printable(greeted.encode()),
            _HTML + GREETED_NAME: quoted_printable(escape(greeted).encode()),
        }
        for index, link in enumerate(recipient.links):
            demand_safe(link.person_name, "the name over a link")
            demand_token(link.token)
            values[token_gap(index)] = values[_HTML + token_gap(index)] = token_lines(link.token.encode())
            if self.links > 1:
                values[person_gap(index)] = quoted_printable(link.person_name.encode())
                values[_HTML + person_gap(index)] = quoted_printable(escape(link.person_name).encode())
        if recipient.introduction is not None:
            for key, token in ((CORRECTION, recipient.introduction.correct), (ERASURE, recipient.introduction.erase)):
                demand_token(token)
                values[key] = values[_HTML + key] = token_lines(token.encode())
        if self.calendar is not None:
            attendee = self.calendar.attendee(name, address)
            values[_ATTENDEE] = quoted_printable(attendee.replace(b"\r\n", b"\n"))
            values[_ATTACHMENT_END] = base64_lines(self.attachment_rest + attendee + self.calendar.after)
        return values


def assemble(
    kind: MailKind,
    locale: Locale,
    texts: MailTexts,
    calendar: CalendarPart | None,
    sender: Sender,
    now: datetime,
    *,
    links: int,
    introduces: bool,
) -> PreparedMail:
    """Builds the message around the texts. All of them were found safe before."""
    builder = _Builder()
    builder.literal(_fixed_headers(kind, locale, texts.subject, sender, now) + b"To: ")
    builder.gap(_TO)
    builder.literal(b"\r\nMessage-ID: <")
    builder.gap(_MESSAGE_ID)
    builder.literal(b">\r\n")
    attachment_rest = b""
    if calendar is not None:
        builder.literal(b'Content-Type: multipart/mixed; boundary="' + _MIXED + b'"\r\n\r\n--' + _MIXED + b"\r\n")
    builder.literal(b'Content-Type: multipart/alternative; boundary="' + _ALTERNATIVE + b'"\r\n\r\n')
    builder.text_part(b"text/plain; charset=utf-8", texts.text, "")
    builder.text_part(b"text/html; charset=utf-8", texts.html, _HTML)
    if calendar is not None:
        _add_calendar_part(builder, calendar)
    builder.literal(b"--" + _ALTERNATIVE + b"--\r\n")
    if calendar is not None:
        attachment_rest = _add_attachment(builder, calendar, locale)
    pieces, gaps = tuple(builder.pieces), tuple(builder.gaps)
    return PreparedMail(kind, locale, texts.subject, links, introduces, calendar, attachment_rest, pieces, gaps)


def _fixed_headers(kind: MailKind, locale: Locale, subject: str, sender: Sender, now: datetime) -> bytes:
    fields = (
        (b"MIME-Version", b"1.0"),
        (b"From", headers.mailbox(sender.name, sender.address, "From")),
        (b"Reply-To", headers.mailbox(sender.name, sender.reply_to, "Reply-To")),
        (b"Subject", headers.unstructured(subject, "Subject")),
        (b"Date", format_datetime(now).encode()),
        (b"Content-Language", wording.written_language(locale).value.encode()),
        # RFC 3834 section 5: nobody's holiday notice answers this. The second is what Exchange reads.
        (b"Auto-Submitted", b"auto-generated"),
        (b"X-Auto-Response-Suppress", b"OOF, AutoReply"),
        (b"X-EmON-Kind", kind.value.encode()),
    )
    return b"".join(name + b": " + value + b"\r\n" for name, value in fields)


def _add_calendar_part(builder: "_Builder", calendar: CalendarPart) -> None:
    builder.part_headers(b"text/calendar; charset=utf-8; method=" + calendar.method.encode())
    builder.literal(quoted_printable(calendar.before.replace(b"\r\n", b"\n")))
    builder.gap(_ATTENDEE)
    builder.literal(quoted_printable(calendar.after.replace(b"\r\n", b"\n")) + b"\r\n")


def _add_attachment(builder: "_Builder", calendar: CalendarPart, locale: Locale) -> bytes:
    """Adds the attachment; hands back what is to be encoded together with the attendee that follows it."""
    name = b"invite.ics" if wording.written_language(locale) is Locale.EN else b"termin.ics"
    encoded, rest = whole_base64_lines(calendar.before)
    builder.literal(
        b"--" + _MIXED + b'\r\nContent-Type: application/ics; name="' + name + b'"\r\n'
        b'Content-Disposition: attachment; filename="' + name + b'"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded
    )
    builder.gap(_ATTACHMENT_END)
    builder.literal(b"--" + _MIXED + b"--\r\n")
    return rest


class _Builder:
    """Collects literal bytes and gaps, in order."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.gaps: list[tuple[int, str]] = []

    def literal(self, data: bytes) -> None:
        self.pieces.append(data)

    def gap(self, key: str) -> None:
        self.gaps.append((len(self.pieces), key))
        self.pieces.append(b"")

    def part_headers(self, content_type: bytes) -> None:
        self.literal(
            b"--" + _ALTERNATIVE + b"\r\nContent-Type: " + content_type + b"\r\n"
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        )

    def text_part(self, content_type: bytes, text: str, prefix: str) -> None:
        """A part in quoted-printable; around a gap the line goes on after soft line breaks, which no reader sees."""
        self.part_headers(content_type)
        sections = text.split(GAP)
        for index, section in enumerate(sections):
            if index % 2:
                self.literal(b"" if sections[index - 1].endswith("\n") else SOFT_BREAK)
                self.gap(prefix + section)
                self.literal(b"" if sections[index + 1].startswith("\n") else SOFT_BREAK)
            else:
                self.literal(quoted_printable(section.encode()))
        self.literal(b"\r\n")
