"""Each rule of docs/changing-events.md: which change of a message breaks whom."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from documents.compatibility import NEW_CONSUMERS, OLD_CONSUMERS, breaking_changes

Fields = dict[str, Any]


class Open(BaseModel):
    """As payloads are: fields that are not known are passed over."""

    model_config = ConfigDict(extra="ignore")


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OpenWithMore(Open):
    more: int = 0


class ClosedWithMore(Closed):
    more: int = 0


def schema(fields: Fields) -> dict[str, Any]:
    return create_model("Message", __base__=Open, **fields).model_json_schema()


def changes(before: Fields, after: Fields) -> list[str]:
    return breaking_changes(schema(before), schema(after))


HARMLESS: dict[str, tuple[Fields, Fields]] = {
    "nothing": ({"a": (int, ...)}, {"a": (int, ...)}),
    "a new optional field": ({"a": (int, ...)}, {"a": (int, ...), "b": (str | None, None)}),
    "a new optional field of an object inside": ({"a": (Open, ...)}, {"a": (OpenWithMore, ...)}),
    "other words": (
        {"a": (Annotated[int, Field(description="x", title="y", examples=[1])], ...)},
        {"a": (Annotated[int, Field(description="z", examples=[2])], ...)},
    ),
    "fields in another order": ({"a": (int, ...), "b": (int, ...)}, {"b": (int, ...), "a": (int, ...)}),
    "other fields are no longer forbidden": ({"a": (Closed, ...)}, {"a": (Open, ...)}),
    "another default": ({"a": (int, 1)}, {"a": (int, 2)}),
}


@pytest.mark.parametrize("rule", HARMLESS)
def test_breaks_nobody(rule: str) -> None:
    assert changes(*HARMLESS[rule]) == []


BREAKING: dict[str, tuple[Fields, Fields, str, str]] = {
    "a new field where others are forbidden": (
        {"a": (Closed, ...)},
        {"a": (ClosedWithMore, ...)},
        "`more` of `a`",
        OLD_CONSUMERS,
    ),
    "a new required field": ({}, {"a": (int, ...)}, "`a` of the message", NEW_CONSUMERS),
    "a field becomes required": ({"a": (int, 1)}, {"a": (int, ...)}, "`a`", NEW_CONSUMERS),
    "a field becomes optional": ({"a": (int, ...)}, {"a": (int, 1)}, "`a`", OLD_CONSUMERS),
    "a required field is removed": ({"a": (int, ...)}, {}, "`a`", OLD_CONSUMERS),
    "an optional field is removed": ({"a": (int, 1)}, {}, "`a`", OLD_CONSUMERS),
    "another type": ({"a": (int, ...)}, {"a": (str, ...)}, "integer and is string", OLD_CONSUMERS),
    "another format": (
        {"a": (Annotated[str, Field(json_schema_extra={"format": "uuid"})], ...)},
        {"a": (Annotated[str, Field(json_schema_extra={"format": "date"})], ...)},
        "format was 'uuid' and is 'date'",
        NEW_CONSUMERS,
    ),
    "another pattern": (
        {"a": (Annotated[str, Field(pattern="^a$")], ...)},
        {"a": (Annotated[str, Field(pattern="^b$")], ...)},
        "pattern",
        OLD_CONSUMERS,
    ),
    "a pattern where there was none": (
        {"a": (str, ...)},
        {"a": (Annotated[str, Field(pattern="^b$")], ...)},
        "not said",
        NEW_CONSUMERS,
    ),
    "another constant": ({"a": (Literal["x"], ...)}, {"a": (Literal["y"], ...)}, "const", OLD_CONSUMERS),
    "may be null": ({"a": (int, ...)}, {"a": (int | None, ...)}, "null now", OLD_CONSUMERS),
    "may be null no more": ({"a": (int | None, ...)}, {"a": (int, ...)}, "null no more", NEW_CONSUMERS),
    "one more type": ({"a": (int | None, ...)}, {"a": (int | str | None, ...)}, "string now", OLD_CONSUMERS),
    "an enum gains a value": (
        {"a": (Literal["x", "y"], ...)},
        {"a": (Literal["x", "y", "z"], ...)},
        "'z' was added",
        OLD_CONSUMERS,
    ),
    "an enum loses a value": (
        {"a": (Literal["x", "y", "z"], ...)},
        {"a": (Literal["x", "y"], ...)},
        "'z' was removed",
        NEW_CONSUMERS,
    ),
    "open text becomes an enum": ({"a": (str, ...)}, {"a": (Literal["x", "y"], ...)}, "its values were open", NEW_CONSUMERS),
    "a limit is tightened": (
        {"a": (Annotated[int, Field(le=9)], ...)},
        {"a": (Annotated[int, Field(le=8)], ...)},
        "maximum was 9 and is 8",
        NEW_CONSUMERS,
    ),
    "a least length rises": (
        {"a": (Annotated[str, Field(min_length=1)], ...)},
        {"a": (Annotated[str, Field(min_length=2)], ...)},
        "minLength",
        NEW_CONSUMERS,
    ),
    "a limit is loosened": (
        {"a": (Annotated[int, Field(le=8)], ...)},
        {"a": (Annotated[int, Field(le=9)], ...)},
        "maximum",
        OLD_CONSUMERS,
    ),
    "a limit is dropped": ({"a": (Annotated[int, Field(le=8)], ...)}, {"a": (int, ...)}, "maximum", OLD_CONSUMERS),
    "other fields are forbidden": ({"a": (Open, ...)}, {"a": (Closed, ...)}, "additionalProperties", NEW_CONSUMERS),
    "items of a list": ({"a": (list[int], ...)}, {"a": (list[str], ...)}, "each item of `a`", OLD_CONSUMERS),
    "an object inside a list": ({"a": (list[OpenWithMore], ...)}, {"a": (list[Open], ...)}, "`more` of each item", OLD_CONSUMERS),
    "inside what may be null": (
        {"a": (Annotated[int | None, Field(le=9)], ...)},
        {"a": (Annotated[int | None, Field(le=8)], ...)},
        "maximum",
        NEW_CONSUMERS,
    ),
}


@pytest.mark.parametrize("rule", BREAKING)
def test_breaks_somebody(rule: str) -> None:
    before, after, place, side = BREAKING[rule]
    found = changes(before, after)
    assert len(found) == 1, found
    assert place in found[0]
    assert side in found[0]


def test_every_breaking_change_is_named_at_once() -> None:
    found = changes({"a": (int, ...), "b": (int, ...)}, {"a": (str, ...), "c": (int, ...)})
    assert len(found) == 3


def test_another_name_of_a_definition_changes_nothing() -> None:
    inside = {"type": "object", "properties": {"x": {"type": "integer"}}}
    before = {"type": "object", "properties": {"a": {"$ref": "#/$defs/One"}}, "$defs": {"One": inside}}
    after = {"type": "object", "properties": {"a": {"$ref": "#/$defs/Other"}}, "$defs": {"Other": inside}}
    assert breaking_changes(before, after) == []
