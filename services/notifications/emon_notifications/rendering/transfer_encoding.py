"""Quoted-printable and base64 with gaps: literal text is encoded once, and values are joined in between soft line breaks.

Everything is 7-bit with lines of at most 76 characters (RFC 2045 section 6.7), so that any server takes it.
"""

from binascii import b2a_base64, b2a_qp

SOFT_BREAK = b"=\r\n"
_BASE64_LINE_OCTETS = 57  # 76 characters


def quoted_printable(text: bytes) -> bytes:
    """Text with LF in quoted-printable. Its last line is short enough for a soft line break to follow."""
    encoded = b2a_qp(text).replace(b"\n", b"\r\n")
    last_line = encoded.rfind(b"\n") + 1
    if len(encoded) - last_line > 75:
        cut = -3 if encoded[-3:-2] == b"=" else -1
        encoded = encoded[:cut] + SOFT_BREAK + encoded[cut:]
    return encoded


def base64_lines(data: bytes) -> bytes:
    """Data in base64, in lines of 76 characters with CRLF."""
    return b"".join(
        b2a_base64(data[start : start + _BASE64_LINE_OCTETS], newline=False) + b"\r\n"
        for start in range(0, len(data), _BASE64_LINE_OCTETS)
    )


def whole_base64_lines(data: bytes) -> tuple[bytes, bytes]:
    """What of `data` fills whole lines, encoded, and the rest, which is to be encoded with what follows it."""
    whole = len(data) - len(data) % _BASE64_LINE_OCTETS
    return base64_lines(data[:whole]), data[whole:]


def token_lines(token: bytes) -> bytes:
    """A token in quoted-printable. Its characters stand for themselves, so that only soft line breaks are added."""
    return SOFT_BREAK.join(token[start : start + 75] for start in range(0, len(token), 75))
