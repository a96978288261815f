"""Signed links: what a mail carries so that somebody without an account can see and do one thing.

A link is made when the mail is rendered, and never stored. Notifications signs (EdDSA, RFC 8032); the gateway alone
verifies. GET shows, POST acts; who holds a link with an older revision is shown the new state and asked again.

The token is 129 bytes in base64url (172 characters without a dot), so that it stays on one line of a mail and no mail
program takes a part of it for the end of a sentence. A JWS of the same content has 469.
"""

import base64
import binascii
import hashlib
import json
import struct
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

# Signed with the content, so that a signature made for anything else is never one of a link.
_DOMAIN = b"emon signed link 1"
# key id, purpose, revision, issued, expires (seconds since 1970), identifier, subject, person
_LAYOUT = struct.Struct(">4sBIII16s16s16s")
_SIGNATURE_BYTES = 64


class Purpose(IntEnum):
    """What a link is for. Numbers are on the wire: they are never given anew."""

    SIGN_IN = 1
    INVITATION = 2
    FEEDBACK = 3
    CORRECTION = 4
    ERASURE = 5
    ADDRESS = 6


class InvalidLink(ValueError):
    """Not made by us, or changed on the way."""


class ExpiredLink(ValueError):
    """Once valid; a new one can be asked for."""


class SignedLink(NamedTuple):
    """What a link says. `identifier` is the same in every mail that is sent for one cause, so that it can be used once."""

    purpose: Purpose
    identifier: UUID
    subject_id: UUID
    revision: int
    person_id: UUID
    issued_at: datetime
    expires_at: datetime


def load_key(file: Path) -> OKPKey:
    """Reads a key in JWK form. Raises OSError, or ValueError that names the file."""
    try:
        return OKPKey.import_key(json.loads(file.read_text(encoding="utf-8")))
    except (JoseError, ValueError, KeyError) as error:
        raise ValueError(f"{file} is not an Ed25519 key in JWK form") from error


def _public(key: OKPKey) -> Ed25519PublicKey:
    public = key.public_key
    if not isinstance(public, Ed25519PublicKey):
        raise TypeError("verifying needs an Ed25519 key")
    return public


def _key_id(key: OKPKey) -> bytes:
    return hashlib.sha256(key.thumbprint().encode()).digest()[:4]


class Signer:
    """Signs links with one key. Raises TypeError for a key that has no private part."""

    def __init__(self, key: OKPKey) -> None:
        private = key.private_key
        if not isinstance(private, Ed25519PrivateKey):
            raise TypeError("signing needs a private Ed25519 key")
        self._private = private
        self._key_id = _key_id(key)  # takes half as long as a signature

    def sign(self, link: SignedLink) -> str:
        """The token for a link's address: characters of base64url alone."""
        content = _LAYOUT.pack(
            self._key_id,
            link.purpose,
            link.revision,
            int(link.issued_at.timestamp()),
            int(link.expires_at.timestamp()),
            link.identifier.bytes,
            link.subject_id.bytes,
            link.person_id.bytes,
        )
        signature = self._private.sign(_DOMAIN + content)
        return base64.urlsafe_b64encode(content + signature).rstrip(b"=").decode()


def verify(token: str, key: OKPKey, now: datetime) -> SignedLink:
    """What a token says. Raises InvalidLink or ExpiredLink."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        content, signature = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
        key_id, purpose, revision, issued, expires, identifier, subject, person = _LAYOUT.unpack(content)
        if len(signature) != _SIGNATURE_BYTES or key_id != _key_id(key):
            raise InvalidLink("signed with another key")
        _public(key).verify(signature, _DOMAIN + content)
        link = SignedLink(
            purpose=Purpose(purpose),
            identifier=UUID(bytes=identifier),
            subject_id=UUID(bytes=subject),
            revision=revision,
            person_id=UUID(bytes=person),
            issued_at=datetime.fromtimestamp(issued, UTC),
            expires_at=datetime.fromtimestamp(expires, UTC),
        )
    except (binascii.Error, struct.error, InvalidSignature, ValueError) as error:
        raise InvalidLink("not a link of ours") from error
    if now >= link.expires_at:
        raise ExpiredLink("the link has expired")
    return link
