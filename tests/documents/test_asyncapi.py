"""The AsyncAPI document holds together, and its examples are what services write and read."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import jsonschema_rs
import pytest
import yaml

from emon_contracts.envelope import Undecodable, encode_headers, event_of
from emon_contracts.registry import MESSAGES

from documents.asyncapi import HEADERS

DOCUMENT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "docs" / "asyncapi.yaml").read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
KEY = re.compile(r"^[\w.-]+$")  # what AsyncAPI allows as the name of a component


def references(part: object) -> Iterator[str]:
    match part:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for value in cast("dict[str, object]", part).values():
                yield from references(value)
        case list():
            for value in cast("list[object]", part):
                yield from references(value)
        case _:
            return


def target(reference: str) -> Any:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    """What the value has against the schema, formats included. AsyncAPI's schemas are a superset of JSON Schema draft 7."""
    whole = {**schema, "components": {"schemas": SCHEMAS}}
    validator = jsonschema_rs.Draft7Validator(whole, validate_formats=True)
    return [error.message for error in validator.iter_errors(value)]


def test_every_reference_leads_somewhere() -> None:
    found = list(references(DOCUMENT))
    assert found
    for reference in found:
        assert target(reference)


def test_every_message_of_the_registry_is_in_one_channel_and_sent_once() -> None:
    names = {message.__name__ for message in MESSAGES.values()}
    assert set(DOCUMENT["components"]["messages"]) == names
    in_channels = [name for channel in DOCUMENT["channels"].values() for name in channel["messages"]]
    assert sorted(in_channels) == sorted(names)
    sent = [
        reference["$ref"].rpartition("/")[2]
        for operation in DOCUMENT["operations"].values()
        if operation["action"] == "send"
        for reference in operation["messages"]
    ]
    assert sorted(sent) == sorted(names)


def test_operations_use_messages_of_their_channel() -> None:
    for name, operation in DOCUMENT["operations"].items():
        channel = operation["channel"]["$ref"]
        assert operation["action"] in ("send", "receive")
        assert operation["messages"], name
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"]), name


def test_names_are_such_as_asyncapi_allows() -> None:
    for part in (DOCUMENT["channels"], DOCUMENT["operations"], DOCUMENT["components"]["messages"], SCHEMAS):
        assert all(KEY.match(name) for name in part)


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_the_example_of_a_message_is_valid(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    for example in message["examples"]:
        assert problems(message["payload"], example["payload"]) == []
        assert problems(message["headers"], example["headers"]) == []
        payload = MESSAGES[message["name"]].model_validate(example["payload"])
        assert event_of(example["headers"], payload).type == message["name"]


@pytest.mark.parametrize("with_everything", [True, False])
def test_headers_that_are_written_are_documented(with_everything: bool) -> None:
    written = dict(
        encode_headers(
            event_id=uuid4(),
            source="/meetings",
            type_="de.emon.meetings.meeting-scheduled.v1",
            time=datetime.now(UTC),
            subject=str(uuid4()),
            sequence=3,
            tenant="08115003" if with_everything else None,
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" if with_everything else None,
            replayed=with_everything,
        )
    )
    assert problems(HEADERS, written) == []
    assert set(written) == set(HEADERS["properties"] if with_everything else HEADERS["required"])


@pytest.mark.parametrize("missing", ["ce_id", "ce_type", "ce_subject", "ce_sequence", "ce_time"])
def test_headers_that_readers_need_are_required(missing: str) -> None:
    example = DOCUMENT["components"]["messages"]["MeetingScheduled"]["examples"][0]
    headers = {name: value for name, value in example["headers"].items() if name != missing}
    assert problems(HEADERS, headers)
    payload = MESSAGES["de.emon.meetings.meeting-scheduled.v1"].model_validate(example["payload"])
    with pytest.raises(Undecodable):
        event_of(headers, payload)
