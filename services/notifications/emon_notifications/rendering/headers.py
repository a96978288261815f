"""Header fields: addresses and texts, encoded and folded (RFC 5322, RFC 2047).

By hand, since `email.headerregistry` takes some hundred microseconds for an address, and this one does for each mail.
"""

import re
from base64 import b64encode

LINE_MAX = 78  # RFC 5322 section 2.1.1
_WORD_OCTETS_MAX = 45  # 60 characters of base64, so that an encoded word stays below its limit of 75 (RFC 2047 section 2)
_WORD_FRAME = len("=?utf-8?b??=")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTED_PAIRS = str.maketrans({"\\": "\\\\", '"': '\\"'})


def unstructured(text: str, name: str) -> bytes:
    """The value of a field such as Subject: as it is where it fits on one line, in encoded words otherwise."""
    if text.isascii() and len(name) + 2 + len(text) <= LINE_MAX and "  " not in text and text == text.strip():
        return text.encode()
    return encoded_words(text, name)


def mailbox(display_name: str | None, address: str, name: str = "To") -> bytes:
    """The value of an address field with one mailbox; the address goes on a line of its own where it is long."""
    if not display_name:
        return f"<{address}>".encode()
    if display_name.isascii() and len(display_name) <= 60 and "  " not in display_name and display_name == display_name.strip():
        if _ATOMS.fullmatch(display_name):
            phrase = display_name.encode()
        else:
            phrase = f'"{display_name.translate(_QUOTED_PAIRS)}"'.encode()
    else:
        phrase = encoded_words(display_name, name)
    last_line = len(phrase) - phrase.rfind(b"\n") - 1 + (0 if b"\n" in phrase else len(name) + 2)
    separator = b" <" if last_line + 3 + len(address) <= LINE_MAX else b"\r\n <"
    return phrase + separator + address.encode() + b">"


def encoded_words(text: str, name: str) -> bytes:
    """Encoded words in UTF-8 and base64, one to a line. No character is cut: each word stands alone (RFC 2047 section 5)."""
    data = text.encode()
    words: list[bytes] = []
    room = min(_WORD_OCTETS_MAX, (LINE_MAX - len(name) - 2 - _WORD_FRAME) // 4 * 3)
    while data:
        cut = min(room, len(data))
        while cut < len(data) and data[cut] & 0xC0 == 0x80:  # a continuation octet of UTF-8
            cut -= 1
        words.append(b"=?utf-8?b?" + b64encode(data[:cut]) + b"?=")
        data = data[cut:]
        room = _WORD_OCTETS_MAX
    return b"\r\n ".join(words)
