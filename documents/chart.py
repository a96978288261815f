"""What the Helm chart says of itself: its schema knows the settings of each service, and its README every value.

Values are described in the schema alone, settings in the code alone.
"""

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from pydantic_settings import BaseSettings

from emon_embedded.services import SERVICES
from emon_platform.settings import PREFIX

from documents.schemas import Undocumented
from documents.tables import table

CHART = Path("deploy/helm/emon")
SETTINGS_OF = "settings-of-"
VALUES_BEGIN = "## Values\n"

SETTINGS_INTRODUCTION = """\
## Settings of services

`services.NAME.settings` holds settings by the names of their environment variables, as text. A name that the service does not
know is refused. What the chart itself sets, such as URLs of databases, stands in no table.
"""

Json = dict[str, Any]


def chart_files(root: Path) -> dict[Path, str]:
    """The schema of values and the README, as they are to be. Raises Undocumented for a value without description or default."""
    folder = root / CHART
    schema: Json = json.loads((folder / "values.schema.json").read_text(encoding="utf-8"))
    set_by_chart = variables_of_templates(folder)
    for service in SERVICES:
        schema["definitions"][f"{SETTINGS_OF}{service.name}"] = _settings_schema(settings_of(service.name), set_by_chart)
    values: Json = yaml.safe_load((folder / "values.yaml").read_text(encoding="utf-8"))
    by_hand, _, _ = (folder / "README.md").read_text(encoding="utf-8").partition(VALUES_BEGIN)
    return {
        CHART / "values.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
        CHART / "README.md": by_hand + VALUES_BEGIN + _tables(schema, values),
    }


def settings_of(service: str) -> type[BaseSettings]:
    """The settings of a service, which bear its name."""
    return getattr(import_module(f"emon_{service}.settings"), f"{service.title()}Settings")


def variables_of_templates(folder: Path) -> frozenset[str]:
    """The environment variables that the chart sets, each of which stands in a template as it is."""
    templates = [file for suffix in ("tpl", "yaml") for file in (folder / "templates").glob(f"*.{suffix}")]
    return frozenset(name for file in templates for name in re.findall(rf"\b{PREFIX}[A-Z_]+", file.read_text(encoding="utf-8")))


def _settings_schema(settings: type[BaseSettings], set_by_chart: frozenset[str]) -> Json:
    names = {f"{PREFIX}{name.upper()}": field.description for name, field in settings.model_fields.items()}
    free = {name: text for name, text in names.items() if not {name, f"{name}_FILE"} & set_by_chart}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"type": "string", "description": text} for name, text in free.items()},
    }


def _tables(schema: Json, values: Json) -> str:
    parts = ["\n", table(("value", "default", "what it is for"), _rows(schema, schema, values, ())), "\n", SETTINGS_INTRODUCTION]
    for service in SERVICES:
        settings: Json = schema["definitions"][f"{SETTINGS_OF}{service.name}"]["properties"]
        if settings:
            rows = ((f"`{name}`", setting["description"]) for name, setting in settings.items())
            parts += [f"\n### {service.name.capitalize()}\n\n", table(("setting", "what it is for"), rows)]
    return "".join(parts)


def _rows(schema: Json, at: Json, defaults: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    properties: Mapping[str, Json] = at["properties"]
    if properties.keys() != defaults.keys():
        raise Undocumented(f"{'.'.join(path) or CHART}: schema and values.yaml differ in {properties.keys() ^ defaults.keys()}")
    for name, own in properties.items():
        here = (*path, name)
        if "description" not in own:
            raise Undocumented(f"{'.'.join(here)} has no description in {CHART}/values.schema.json")
        resolved = _resolved(schema, own)
        if defaults[name] and all("description" in each for each in resolved.get("properties", {"": {}}).values()):
            yield from _rows(schema, resolved, defaults[name], here)
        else:
            yield f"`{'.'.join(here)}`", f"`{json.dumps(defaults[name], ensure_ascii=False)}`", own["description"]


def _resolved(schema: Json, at: Json) -> Json:
    [reference] = at.get("allOf", [{}])
    return schema["definitions"][reference["$ref"].rpartition("/")[2]] if reference else at
