"""A mail as it is handed to a server, and what became of it."""

import re
from dataclasses import dataclass
from enum import StrEnum

_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")  # printable ASCII without space and angle brackets


class Stage(StrEnum):
    """What the server refused."""

    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"  # after the final dot


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One mail to one mailbox. `return_path` is where bounces go, empty for nowhere; `reference` is the caller's own.

    Raises ValueError for what cannot be sent as it is: addresses that would end a command, content that is not 7-bit
    or has line ends other than CRLF (the way in for smuggled mails).
    """

    recipient: str
    content: bytes
    return_path: str = ""
    reference: object = None

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.recipient) or (self.return_path and not _ADDRESS.fullmatch(self.return_path)):
            raise ValueError("an address of the envelope is not one that SMTP can carry")
        ends = self.content.count(b"\r\n")
        if not self.content.endswith(b"\r\n") or self.content.count(b"\n") != ends or self.content.count(b"\r") != ends:
            raise ValueError("every line of a mail must end with CRLF")
        if not self.content.isascii() or b"\0" in self.content:
            raise ValueError("a mail must be 7-bit")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server has taken the responsibility for the mail."""

    reply: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The server said no: for now (4xx), or for good (5xx, `permanent`)."""

    code: int
    reply: str
    stage: Stage
    permanent: bool


@dataclass(frozen=True, slots=True)
class NotSent:
    """For certain not taken, and nothing said about the recipient: safe to try again on a new connection."""

    reason: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The final dot was written, or may have been, and no reply came: taken or not, nobody here can know (RFC 1047)."""

    reason: str


Result = Accepted | Rejected | NotSent | InDoubt
