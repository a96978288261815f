"""The last wall against header injection. Such text is refused where it enters; nothing that got by it leaves in a mail."""

import re

# Controls end or hide a line, "=?" opens an encoded word (RFC 2047), surrogates cannot be encoded, and overrides of the
# writing direction show an address or a name as another.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]|=\\?")
# A dot-atom with a domain (RFC 5322 section 3.2.3), as emon_contracts.values.EmailAddress has it.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,500}")


class UnsafeHeader(ValueError):
    """A text that must not stand in a header of a mail. The message says which, and never quotes it."""


def demand_safe(text: str, what: str) -> None:
    """Raises UnsafeHeader for a control character, an override of the writing direction, or an encoded word."""
    found = _UNSAFE.search(text)
    if found:
        codepoints = " ".join(f"U+{ord(character):04X}" for character in found.group())
        raise UnsafeHeader(f"{what} must not stand in a header: {codepoints} at position {found.start()}")


def demand_address(address: str, what: str) -> None:
    """Raises UnsafeHeader for anything but a plain ASCII address."""
    if not _ADDRESS.fullmatch(address) or "=?" in address:
        raise UnsafeHeader(f"{what} is no mail address that can stand in a header")


def demand_token(token: str) -> None:
    """Raises UnsafeHeader for a token that is not base64url."""
    if not _TOKEN.fullmatch(token):
        raise UnsafeHeader("a link's token has characters that are not base64url")
