"""Replies of an SMTP server (RFC 5321 section 4.2), read from a stream of bytes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LINE_OCTETS_MAX = 2048  # RFC 5321 allows 512; servers that write more are common
REPLY_LINES_MAX = 100
SHOWN_CHARACTERS_MAX = 300
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]+")


class Garbage(ValueError):
    """What came is no reply of SMTP. From here on nobody knows which reply belongs to which command."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """Code and text, safe to show: bounded, on one line, without control characters."""
        return shown(f"{self.code} {b' '.join(self.lines).decode(errors='replace')}")


def shown(text: str) -> str:
    """A text from a server as it is stored and shown to staff."""
    cleaned = _UNPRINTABLE.sub(" ", text).strip()
    return cleaned if len(cleaned) <= SHOWN_CHARACTERS_MAX else cleaned[: SHOWN_CHARACTERS_MAX - 1] + "…"


class ReplyReader:
    """Cuts a stream into replies, whatever the pieces in which it comes."""

    def __init__(self) -> None:
        self._rest = b""
        self._code = 0
        self._lines: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[Reply]:
        """The replies that are complete with this piece. Raises Garbage when one cannot be read."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            reply = self._with(line.removesuffix(b"\r"))
            if reply is not None:
                yield reply
        if len(self._rest) > LINE_OCTETS_MAX:
            raise Garbage("a reply has a line without end")

    def _with(self, line: bytes) -> Reply | None:
        match = _LINE.fullmatch(line)
        if match is None or len(line) > LINE_OCTETS_MAX:
            raise Garbage(f"not a reply: {shown(line[:60].decode(errors='replace'))!r}")
        code, separator, text = int(match[1]), match[2], match[3] or b""
        if (self._lines and code != self._code) or len(self._lines) >= REPLY_LINES_MAX:
            raise Garbage(f"a reply of several lines with {code} and {self._code}, or too many lines")
        self._code = code
        self._lines.append(text)
        if separator == b"-":
            return None
        lines, self._lines = tuple(self._lines), []
        return Reply(code, lines)
