"""JSON Schemas of messages: those that the code has, and those that are recorded as what was promised."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emon_contracts.envelope import Payload
from emon_contracts.registry import MESSAGES

from documents.compatibility import breaking_changes

Schema = dict[str, Any]

FOLDER = Path("shared/contracts/schemas")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Undocumented(Exception):
    """The code lacks something that the documents need; the message says what to add, and where."""


def key_of(message: type[Payload]) -> str:
    """The field that is the message's key. Raises Undocumented."""
    name = message.__name__
    declared = getattr(message, "KEY", None)
    if declared is None:
        raise Undocumented(
            f'{name} does not say what its key is: add KEY: ClassVar[str] = "…", the name of a field, beside TYPE.'
        )
    if declared not in message.model_fields:
        raise Undocumented(f"{name} names {declared} as its KEY, which is none of its fields.")
    if message.key is not Payload.key:
        raise Undocumented(f"{name} has a key() of its own: remove it, Payload.key() follows from KEY.")
    return declared


def summary_of(message: type[Payload]) -> str:
    """The docstring of a message as one line. Raises Undocumented."""
    if not message.__doc__:
        raise Undocumented(f"{message.__name__} has no docstring: say in a sentence what happened.")
    return " ".join(message.__doc__.split())


def recorded_schema_files(messages: Mapping[str, type[Payload]] = MESSAGES) -> dict[Path, str]:
    """The file of each message's schema, and what it holds as the code is now."""
    return {FOLDER / f"{type_}.json": _text(type_, message) for type_, message in messages.items()}


def _text(type_: str, message: type[Payload]) -> str:
    schema = {"$schema": DIALECT, "$id": f"urn:{type_}", **message.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def broken_promises(root: Path) -> list[str]:
    """What breaks the recorded schemas: a message that is gone, or that changed so that somebody refuses it."""
    current = recorded_schema_files()
    found: list[str] = []
    for file in sorted((root / FOLDER).glob("*.json")):
        text = current.get(FOLDER / file.name)
        if text is None:
            found.append(
                f"{file.stem} is recorded and not in the registry: a message stays known for as long as a topic may hold it."
            )
            continue
        changes = breaking_changes(json.loads(file.read_text(encoding="utf-8")), json.loads(text))
        found += [f"{file.stem}: {change}." for change in changes]
    return found
