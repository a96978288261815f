"""Where mail is handed over, as one URL: `smtp://[user:password@]host[:port][?starttls=required|opportunistic|never]`.

`smtps://…` is encrypted from the first byte. Without `starttls` it is `required` where there is a password, else
`opportunistic`. Certificates are checked against the system's, or SSL_CERT_FILE where that is set.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

SMTP_PORT = 25
SUBMISSIONS_PORT = 465  # RFC 8314 section 7.3


class Tls(StrEnum):
    """How the connection is encrypted."""

    IMPLICIT = "implicit"  # smtps://: TLS from the first byte
    REQUIRED = "required"  # STARTTLS, or no mail
    OPPORTUNISTIC = "opportunistic"  # STARTTLS where the server offers it
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Times are in seconds; the defaults follow RFC 5321 section 4.5.3.2, but for commands, which servers answer at once.

    `final_dot_seconds` is long for a reason: who gives up too early does not know whether the mail was taken (RFC 1047).
    """

    host: str
    port: int = SMTP_PORT
    username: str | None = None
    password: str | None = None
    tls: Tls = Tls.OPPORTUNISTIC
    local_hostname: str | None = None
    connect_seconds: float = 30.0
    command_seconds: float = 60.0
    final_dot_seconds: float = 600.0

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        local_hostname: str | None = None,
        connect_seconds: float = 30.0,
        command_seconds: float = 60.0,
        final_dot_seconds: float = 600.0,
    ) -> Self:
        """Reads the URL. Raises ValueError that says what is wrong and never quotes the password."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps"):
            raise ValueError("the SMTP URL must begin with smtp:// or smtps://")
        if not parts.hostname or parts.path not in ("", "/") or parts.fragment:
            raise ValueError("the SMTP URL must be smtp://[user:password@]host[:port][?starttls=required|opportunistic|never]")
        try:
            port = parts.port
        except ValueError:
            raise ValueError("the port of the SMTP URL must be a number up to 65535") from None
        if (parts.username is None) != (parts.password is None):
            raise ValueError("the SMTP URL must have both user and password, or neither")
        implicit = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=port or (SUBMISSIONS_PORT if implicit else SMTP_PORT),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=_tls(parts.query, implicit=implicit, with_password=bool(parts.password)),
            local_hostname=local_hostname,
            connect_seconds=connect_seconds,
            command_seconds=command_seconds,
            final_dot_seconds=final_dot_seconds,
        )

    def __repr__(self) -> str:
        return f"SmtpSettings({self.host}:{self.port}, tls={self.tls}, user={'yes' if self.username else 'no'})"


def _tls(query: str, *, implicit: bool, with_password: bool) -> Tls:
    options = parse_qs(query, keep_blank_values=True)
    wish = options.pop("starttls", None)
    if options:
        raise ValueError(f"the SMTP URL has an unknown option: {', '.join(options)}; there is starttls alone")
    if implicit:
        if wish:
            raise ValueError("an SMTP URL with smtps:// is encrypted from the first byte: starttls belongs to smtp://")
        return Tls.IMPLICIT
    if wish is None:
        # A password goes over an open line only where somebody asked for that.
        return Tls.REQUIRED if with_password else Tls.OPPORTUNISTIC
    if len(wish) != 1 or wish[0] not in ("required", "opportunistic", "never"):
        raise ValueError("starttls in the SMTP URL must be required, opportunistic or never")
    return Tls(wish[0])
