"""Which changes of a message's JSON Schema break somebody. `docs/changing-events.md` says why, rule by rule.

Producers and consumers are deployed one after the other, and a topic holds what earlier producers wrote. So a consumer of
the recorded schema meets messages of the new one, and a consumer of the new schema meets recorded messages. Both must go well.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

Schema = dict[str, Any]

OLD_CONSUMERS = "consumers that are not updated yet refuse what the new producer writes"
NEW_CONSUMERS = "updated consumers refuse what was written before"

# Says what it is about; changes nothing about which messages are valid.
_WORDS = frozenset({"title", "description", "examples", "deprecated", "default", "$defs", "$schema", "$id", "$comment"})


def breaking_changes(recorded: Schema, current: Schema) -> list[str]:
    """What breaks producers or consumers of the recorded schema, each with its place; empty if nothing does."""
    return list(_compare(_resolved(recorded, recorded), _resolved(current, current), "the message"))


def _resolved(schema: Any, root: Schema) -> Any:
    """The schema with its references replaced by what they refer to: names of definitions are nobody's business."""
    match schema:
        case {"$ref": str(reference), **beside}:
            target = root["$defs"][reference.rpartition("/")[2]]
            return _resolved({**target, **beside}, root)
        case dict():
            return {key: _resolved(value, root) for key, value in cast("Schema", schema).items() if key != "$defs"}
        case list():
            return [_resolved(item, root) for item in cast("list[Any]", schema)]
        case _:
            return schema


def _compare(old: Schema, new: Schema, place: str) -> Iterator[str]:
    if _is_object(old) and _is_object(new):
        yield from _compare_fields(old, new, place)
    if "items" in old and "items" in new:
        yield from _compare(old["items"], new["items"], f"each item of {place}")
    if "anyOf" in old or "anyOf" in new:
        yield from _compare_alternatives(old, new, place)
        return
    if old.get("type") != new.get("type"):
        yield f"{place}: the type was {_type(old)} and is {_type(new)}; {OLD_CONSUMERS}"
        return
    if "enum" in old or "enum" in new:
        yield from _compare_values(old, new, place)
    yield from _compare_bounds(old, new, place)


def _is_object(schema: Schema) -> bool:
    return schema.get("type") == "object" and "properties" in schema


def _type(schema: Schema) -> str:
    return str(schema.get("type", "anything"))


def _compare_fields(old: Schema, new: Schema, place: str) -> Iterator[str]:
    before: Mapping[str, Schema] = old["properties"]
    after: Mapping[str, Schema] = new["properties"]
    demanded_before, demanded_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in before:
        field = f"`{name}` of {place}"
        if name not in after:
            yield f"{field}: the field was removed; {OLD_CONSUMERS}, or go on without what it said"
            continue
        if name in demanded_after - demanded_before:
            yield f"{field}: the field is required now; {NEW_CONSUMERS}"
        if name in demanded_before - demanded_after:
            yield f"{field}: the field is optional now; {OLD_CONSUMERS}"
        yield from _compare(before[name], after[name], field)
    for name in after.keys() - before.keys():
        field = f"`{name}` of {place}"
        if name in demanded_after:
            yield f"{field}: the new field is required; {NEW_CONSUMERS}. Give it a default"
        if old.get("additionalProperties") is False:
            yield f"{field}: a field was added where the recorded schema forbids others; {OLD_CONSUMERS}"


def _compare_alternatives(old: Schema, new: Schema, place: str) -> Iterator[str]:
    """Alternatives are matched by their type: a value that may be null has two."""
    before = {_type(item): item for item in old.get("anyOf", [old])}
    after = {_type(item): item for item in new.get("anyOf", [new])}
    for kind in before.keys() - after.keys():
        yield f"{place}: it can be {kind} no more; {NEW_CONSUMERS}"
    for kind in after.keys() - before.keys():
        yield f"{place}: it can be {kind} now; {OLD_CONSUMERS}"
    for kind in before.keys() & after.keys():
        yield from _compare(before[kind], after[kind], place)


def _compare_values(old: Schema, new: Schema, place: str) -> Iterator[str]:
    before, after = old.get("enum"), new.get("enum")
    if before is None or after is None:
        breaks = OLD_CONSUMERS if before else NEW_CONSUMERS
        yield f"{place}: its values were {before or 'open'} and are {after or 'open'}; {breaks}"
        return
    for value in before:
        if value not in after:
            yield f"{place}: the value {value!r} was removed; {NEW_CONSUMERS}"
    for value in after:
        if value not in before:
            yield f"{place}: the value {value!r} was added; {OLD_CONSUMERS}"


_COMPARED_ELSEWHERE = frozenset({"type", "properties", "required", "items", "anyOf", "enum"})
_LEAST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_MOST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})


def _compare_bounds(old: Schema, new: Schema, place: str) -> Iterator[str]:
    for keyword in sorted((old.keys() | new.keys()) - _WORDS - _COMPARED_ELSEWHERE):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        if keyword == "additionalProperties" and after is not False:
            # Taking more than before breaks nobody; who writes more is seen where its field is added.
            continue
        if _is_narrower(keyword, before, after):
            breaks = NEW_CONSUMERS
        elif _is_narrower(keyword, after, before):
            breaks = OLD_CONSUMERS
        else:
            breaks = f"{OLD_CONSUMERS}, or {NEW_CONSUMERS}"
        yield f"{place}: {keyword} was {_said(before)} and is {_said(after)}; {breaks}"


def _is_narrower(keyword: str, before: Any, after: Any) -> bool:
    if after is None:
        return False
    if before is None or keyword == "additionalProperties":
        return True
    return (keyword in _LEAST and after > before) or (keyword in _MOST and after < before)


def _said(value: Any) -> str:
    return "not said" if value is None else repr(value)
