"""The secret of anonymous feedback: who has it reads the answer, and nobody can be asked for it a second time."""

import hashlib
import re
import secrets

SECRET_BYTES = 24  # 192 bits: not to be guessed, whatever the rate
_SECRET = re.compile(r"[A-Za-z0-9_-]{32}")


def new_secret() -> str:
    """A secret of base64url that begins and ends with a letter or digit: no program takes a part of it for punctuation."""
    while True:
        secret = secrets.token_urlsafe(SECRET_BYTES)
        if secret[0].isalnum() and secret[-1].isalnum():
            return secret


def hash_of(secret: str) -> bytes | None:
    """What is stored of a secret; None for what is none."""
    return hashlib.sha256(secret.encode()).digest() if _SECRET.fullmatch(secret) else None
