"""An example of a message, made from its JSON Schema: the `examples` of its fields, and plain values elsewhere."""

from typing import Any
from uuid import UUID

from pydantic import ValidationError

from emon_contracts.envelope import Payload

from documents.schemas import Schema, Undocumented

_BY_FORMAT = {"date-time": "2027-03-01T17:00:00Z", "date": "2027-03-01", "uri": "https://emon.example/"}
_BY_TYPE: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": False, "null": None}


def example_of(message: type[Payload]) -> Any:
    """A payload that the message itself takes. Raises Undocumented where a field needs an example in the code."""
    schema = message.model_json_schema()
    example = _Example(schema).of(schema, message.__name__)
    try:
        return message.model_validate(example).model_dump(mode="json")
    except ValidationError as error:
        fields = ", ".join(".".join(str(part) for part in item["loc"]) for item in error.errors())
        raise Undocumented(
            f"{message.__name__} needs Field(examples=[…]) for {fields}: a plain value is not valid there."
        ) from error


class _Example:
    """Gives each UUID a number of its own, so that ids can be told apart."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._ids = 0

    def of(self, schema: Schema, name: str) -> Any:
        if "$ref" in schema:
            return self.of(self._root["$defs"][schema["$ref"].rpartition("/")[2]], name)
        for told in ("examples", "enum"):
            if told in schema:
                return schema[told][0]
        for told in ("const", "default"):
            if told in schema:
                return schema[told]
        if "anyOf" in schema:
            return self.of(schema["anyOf"][0], name)
        match schema.get("type"):
            case "object":
                return {field: self.of(part, field) for field, part in schema.get("properties", {}).items()}
            case "array":
                return [self.of(schema["items"], name)] * max(1, schema.get("minItems", 1))
            case "string":
                return self._text(schema, name)
            case kind:
                return schema.get("minimum", _BY_TYPE.get(str(kind)))

    def _text(self, schema: Schema, name: str) -> str:
        if schema.get("format") == "uuid":
            self._ids += 1
            return str(UUID(int=0x01930000_0000_7000_8000_000000000000 + self._ids))
        return _BY_FORMAT.get(schema.get("format", ""), name)
