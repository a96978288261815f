"""Passwords and keys of a home: made once, kept in files that only the owner may read."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import OKPKey

from emon_embedded.home import Home, write_private_file

ACTOR_TOKEN = "actor-token"  # noqa: S105 (a name). The gateway signs, the other services verify.
SIGNED_LINK = "signed-link"  # Notifications signs, the gateway verifies.
KEY_PURPOSES = (ACTOR_TOKEN, SIGNED_LINK)


@dataclass(frozen=True)
class Credentials:
    """The passwords by role; the keys stay in their files."""

    passwords: dict[str, str]


def private_key_file(folder: Path, purpose: str) -> Path:
    """The key that signs, in the folder of secrets."""
    return folder / f"{purpose}.private.jwk.json"


def public_key_file(folder: Path, purpose: str) -> Path:
    """The key that verifies, in the folder of secrets."""
    return folder / f"{purpose}.public.jwk.json"


def keep_credentials(home: Home, roles: list[str]) -> Credentials:
    """The home's credentials; makes what is missing and never changes what is there."""
    for purpose in KEY_PURPOSES:
        keep_key_pair(home.secrets, purpose)
    file = home.secrets / "passwords.json"
    passwords: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    missing = [role for role in roles if role not in passwords]
    if missing:
        passwords |= {role: new_password() for role in missing}
        write_private_file(file, json.dumps(passwords, indent=2))
    return Credentials(passwords)


def new_password() -> str:
    """One that nobody guesses, of characters that need no escape anywhere."""
    return secrets.token_urlsafe(24)


def keep_key_pair(folder: Path, purpose: str) -> None:
    """The two keys in the folder of secrets; makes what is missing and never changes what is there."""
    private, public = private_key_file(folder, purpose), public_key_file(folder, purpose)
    if not private.exists():
        key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "Ed25519", "kid": f"{purpose}-{secrets.token_hex(4)}"})
        write_private_file(private, json.dumps(key.as_dict(private=True), indent=2))
    if not public.exists():
        key = OKPKey.import_key(json.loads(private.read_text(encoding="utf-8")))
        write_private_file(public, json.dumps(key.as_dict(private=False), indent=2))
