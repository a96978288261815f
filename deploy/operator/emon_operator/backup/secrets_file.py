"""The platform's keys in one file: links in mails that were sent stay valid only as long as the keys do that signed them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

KEY_SETTINGS = tuple(
    f"EMON_{purpose}_{half}_KEY_FILE" for purpose in ("ACTOR_TOKEN", "SIGNED_LINK") for half in ("PRIVATE", "PUBLIC")
)
SUFFIX = ".jwk.json"


class NoKeys(Exception):
    """There is no key to be found; the message says where was looked."""


def key_files(environment: Mapping[str, str], home_secrets: Path | None) -> list[Path]:
    """Where the keys lie: as the environment says, or in a home. Raises NoKeys."""
    named = [Path(environment[name]) for name in KEY_SETTINGS if environment.get(name)]
    found = named or (sorted(home_secrets.glob(f"*{SUFFIX}")) if home_secrets is not None else [])
    if not found:
        raise NoKeys(f"No key was found: name them by {', '.join(KEY_SETTINGS)}, or the platform's home with --home.")
    return found


def write_keys(file: Path, keys: list[Path]) -> None:
    """Writes them for the owner's eyes alone; nobody else may read the file for a moment. Raises FileExistsError."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as output:
        json.dump({key.name: json.loads(key.read_text(encoding="utf-8")) for key in keys}, output, indent=2)
        output.flush()
        os.fsync(output.fileno())


def read_keys(file: Path) -> dict[str, str]:
    """The content of each key file by its name."""
    found: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return {name: json.dumps(key, indent=2) for name, key in found.items()}
