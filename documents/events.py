"""`docs/events.md`: for each topic and message who publishes it, who listens and what follows, its key and its fields."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emon_contracts.envelope import Payload
from emon_contracts.registry import MESSAGES
from emon_contracts.topics import TOPICS, Topic

from documents.asyncapi import describe
from documents.composition import Composition
from documents.listeners import listeners_of
from documents.schemas import Schema, key_of, summary_of
from documents.tables import HEADING, table

INTRODUCTION = """\
What the services tell each other. `asyncapi.yaml` says the same for programs, `changing-events.md` how a message may change. What
follows an event stands in the docstring of the function that handles it; which services listen, in their `app.py`.
"""


def events_markdown(composed: Composition, messages: Mapping[str, type[Payload]] = MESSAGES) -> str:
    """The document as text. Raises Undocumented where the code does not say what belongs into it."""
    by_topic = {topic: [message for message in messages.values() if topic == message.TOPIC] for topic in TOPICS}
    overview = table(
        ("message", "key", "published by", "who listens"),
        (
            (
                f"[{message.__name__}](#{message.__name__.lower()})",
                f"`{key_of(message)}`",
                topic.publisher,
                ", ".join(listener.service for listener in listeners_of(message, composed)) or "nobody yet",
            )
            for topic, found in by_topic.items()
            for message in found
        ),
    )
    parts = [f"# Events\n\n{HEADING}\n\n{INTRODUCTION}\n{overview}"]
    parts += [_topic(topic, found, composed) for topic, found in by_topic.items() if found]
    return "\n".join(parts)


def _topic(topic: Topic, messages: Sequence[type[Payload]], composed: Composition) -> str:
    parts = [f"## `{topic.name}`\n\n{describe(topic)}\n", *(_message(message, composed) for message in messages)]
    return "\n".join(parts)


def _message(message: type[Payload], composed: Composition) -> str:
    schema = message.model_json_schema()
    listeners = listeners_of(message, composed)
    heard = table(("who listens", "what follows"), ((listener.service, listener.why) for listener in listeners))
    return (
        f"### {message.__name__}\n\n{summary_of(message)} Type `{message.TYPE}`, key `{key_of(message)}`.\n\n"
        + table(("field", "type", "meaning"), _fields(schema, schema, ""))
        + f"\n{heard if listeners else 'Nobody listens yet.' + chr(10)}"
    )


def _fields(schema: Schema, root: Schema, prefix: str) -> Iterator[tuple[str, str, str]]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        resolved = _resolved(field, root)
        optional = "" if name in required else " (optional)"
        meaning = " ".join(str(field.get("description", resolved.get("description", ""))).split())
        yield f"`{prefix}{name}`", _type(resolved, root) + optional, meaning
        if resolved.get("type") == "object":
            yield from _fields(resolved, root, f"{prefix}{name}.")
        elif resolved.get("type") == "array":
            yield from _fields(_resolved(resolved["items"], root), root, f"{prefix}{name}[].")


def _resolved(schema: Schema, root: Schema) -> Schema:
    return root["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _type(schema: Schema, root: Schema) -> str:
    schema = _resolved(schema, root)
    match schema:
        case {"enum": [*values]}:
            return " or ".join(f"`{value}`" for value in values)
        case {"anyOf": [*alternatives]}:
            return " or ".join(_type(item, root) for item in alternatives)
        case {"type": "array", "items": items}:
            return f"list of {_type(items, root)}"
        case {"format": str(form)}:
            return form
        case _:
            names: Mapping[str, Any] = {"string": "text", "integer": "whole number"}
            kind = str(schema.get("type", "anything"))
            return str(names.get(kind, kind))
