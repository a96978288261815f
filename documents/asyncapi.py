"""`docs/asyncapi.yaml`: topics, messages and who sends and receives them, as an AsyncAPI 3.0 document.

https://www.asyncapi.com/docs/reference/specification/v3.0.0, with the Kafka bindings 0.5.0.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

from emon_contracts.envelope import CONTENT_TYPE, SPEC_VERSION, Payload
from emon_contracts.registry import MESSAGES
from emon_contracts.topics import COMPACTION_LAG_MAX, EVENT_RETENTION, TOPICS, Topic
from emon_platform.broker import settings_of

from documents.composition import Composition
from documents.examples import example_of
from documents.listeners import listeners_of
from documents.schemas import key_of, summary_of

VERSION = "3.0.0"
KAFKA_BINDING_VERSION = "0.5.0"
REFERENCE = "#/components/schemas/{model}"

Document = dict[str, Any]

DESCRIPTION = """\
What the services of EmON tell each other over Kafka. A message is a CloudEvent in Kafka's binary mode: its attributes are headers
(`ce_…`), its value is the payload as JSON. Consumers take each `ce_id` once, keep to the order within a key, pass over types that
they do not know, and leave fields alone that they do not know. `docs/events.md` tells the same story for reading, and
`docs/changing-events.md` how a message may change.
"""

_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_TRACEPARENT = r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
_OPTIONAL_HEADERS: Document = {
    "ce_tenant": {"type": "string", "description": "The municipality (AGS) that it belongs to, where one does."},
    "ce_replayed": {"type": "string", "const": "true", "description": "State that is published anew; nobody is told for it."},
    "traceparent": {"type": "string", "pattern": _TRACEPARENT, "description": "W3C trace context of what caused it."},
}
_REQUIRED_HEADERS: Document = {
    "ce_specversion": {"type": "string", "const": SPEC_VERSION, "description": "Version of CloudEvents."},
    "ce_id": {"type": "string", "pattern": _UUID, "description": "A UUIDv7; a record that was sent twice has it twice."},
    "ce_source": {"type": "string", "description": "The service that says so."},
    "ce_type": {"type": "string", "description": "The name of the message."},
    "ce_time": {"type": "string", "format": "date-time", "description": "When it happened (RFC 3339, UTC)."},
    "ce_subject": {"type": "string", "description": "Id of the aggregate that it is about."},
    "ce_sequence": {"type": "string", "pattern": r"^\d+$", "description": "The aggregate's version: one step for each event."},
    "content-type": {"type": "string", "const": CONTENT_TYPE},
}
# What emon_contracts.envelope writes and reads.
HEADERS: Document = {
    "type": "object",
    "properties": _REQUIRED_HEADERS | _OPTIONAL_HEADERS,
    "required": list(_REQUIRED_HEADERS),
}


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        return yaml.ScalarNode("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _Dumper.represent_text)


def asyncapi_yaml(composed: Composition) -> str:
    """The document as text."""
    text = yaml.dump(asyncapi_document(composed), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return f"# Made from the code by `make documents`.\n{text}"


def asyncapi_document(composed: Composition, messages: Mapping[str, type[Payload]] = MESSAGES) -> Document:
    """The document. Raises Undocumented where the code does not say what belongs into it."""
    _, schemas = models_json_schema([(message, "validation") for message in messages.values()], ref_template=REFERENCE)
    by_topic = {topic: [message for message in messages.values() if topic == message.TOPIC] for topic in TOPICS}
    channels = {topic: found for topic, found in by_topic.items() if found}
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "EmON: events",
            "version": "1",
            "description": DESCRIPTION,
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {topic.name: _channel(topic, found) for topic, found in channels.items()},
        "operations": {
            **{f"{topic.publisher}.send.{topic.name}": _operation("send", topic, found) for topic, found in channels.items()},
            **_receiving(channels, composed),
        },
        "components": {
            "messages": {message.__name__: _message(message) for message in messages.values()},
            "schemas": {"Headers": HEADERS, **schemas["$defs"]},
        },
    }


def _channel(topic: Topic, messages: Sequence[type[Payload]]) -> Document:
    return {
        "address": topic.name,
        "title": topic.name,
        "description": describe(topic),
        "messages": {message.__name__: {"$ref": f"#/components/messages/{message.__name__}"} for message in messages},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": KAFKA_BINDING_VERSION,
            }
        },
    }


def describe(topic: Topic) -> str:
    """What a topic holds, and for how long."""
    if topic.compacted:
        hours = COMPACTION_LAG_MAX.total_seconds() / 3600
        return (
            f"Published by {topic.publisher}. The whole current state for each key: a newer record replaces an older one after "
            f"{hours:g} h at most. A record without a value is a tombstone: what it was about is gone. A record whose "
            "`ce_sequence` is lower than one seen before is out of date."
        )
    return f"Published by {topic.publisher}. What happened, each event once, kept for {EVENT_RETENTION.days} days."


# Kafka's settings that the binding knows; it wants numbers as numbers and the policies as a list.
_NUMBERS = ("retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes")


def _configuration(topic: Topic) -> Document:
    settings = settings_of(topic, replication_factor=1)
    numbers = {name: int(settings[name]) for name in _NUMBERS if name in settings}
    return {"cleanup.policy": settings["cleanup.policy"].split(","), **numbers}


def _message(message: type[Payload]) -> Document:
    return {
        "name": message.TYPE,
        "title": message.__name__,
        "summary": summary_of(message),
        "contentType": CONTENT_TYPE,
        "headers": {
            "type": "object",
            "allOf": [{"$ref": "#/components/schemas/Headers"}],
            "properties": {"ce_source": {"const": f"/{message.TOPIC.publisher}"}, "ce_type": {"const": message.TYPE}},
        },
        "payload": {"$ref": f"#/components/schemas/{message.__name__}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"The payload's {key_of(message)}: one key's records stay in order."},
                "bindingVersion": KAFKA_BINDING_VERSION,
            }
        },
        "examples": [{"name": "example", "headers": example_headers(message), "payload": example_of(message)}],
    }


def example_headers(message: type[Payload]) -> dict[str, str]:
    """Headers of the example."""
    example = example_of(message)
    return {
        "ce_specversion": SPEC_VERSION,
        "ce_id": "01930000-0000-7000-8000-0000000000ff",
        "ce_source": f"/{message.TOPIC.publisher}",
        "ce_type": message.TYPE,
        "ce_time": "2027-02-01T09:30:00.123456Z",
        "ce_subject": str(example[key_of(message)]),
        "ce_sequence": "1",
        "content-type": CONTENT_TYPE,
    }


def _operation(action: str, topic: Topic, messages: Sequence[type[Payload]], **beside: Any) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        **beside,
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{message.__name__}"} for message in messages],
    }


def _receiving(channels: Mapping[Topic, Sequence[type[Payload]]], composed: Composition) -> Document:
    operations: Document = {}
    for topic, messages in channels.items():
        for service in composed.subscriptions:
            heard = {
                message: found[0].why
                for message in messages
                if (found := [listener for listener in listeners_of(message, composed) if listener.service == service])
            }
            if heard:
                why = "\n".join(f"- {message.__name__}: {reason}" for message, reason in heard.items())
                operations[f"{service}.receive.{topic.name}"] = _operation("receive", topic, list(heard), description=why)
    return operations
