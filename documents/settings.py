"""`docs/settings.md`: every setting of services, of the command `emon` and of the embedded platform, from their own fields."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic_settings import BaseSettings

from emon_operator.doctor.installation import SETTINGS
from emon_operator.variables import SETTINGS as OF_COMMANDS, options
from emon_platform.settings import ProcessSettings, ServiceSettings, variable_of

from documents.schemas import Undocumented
from documents.tables import HEADING, table

COLUMNS = ("setting", "meaning", "default", "unit", "read by")
EVERYBODY = "api, worker"
UNITS_BY_FORMAT = {
    "path": "path",
    "file-path": "path",
    "duration": "ISO 8601 duration",
    "date-time": "RFC 3339 time",
    "ipv4network": "JSON list of networks",
    "email": "address",
}

INTRODUCTION = """\
Settings are environment variables. A service that misses one, or cannot read one, ends at its start and names each with what it
is for; `emon doctor` says the same of all services at once, and finds what contradicts each other and what nobody reads.

`read by` is the process: `api`, `worker` and `migrate` as in `python -m emon_contacts worker`; `all` is api and worker. Where
several services share one environment, as for `emon doctor`, `EMON_CONTACTS_DATABASE_API_URL` is `EMON_DATABASE_API_URL` of
contacts alone, and so for every service and setting.
"""
OPERATOR = "Read by the command `emon` itself, and by the platform that `emon up` runs. A flag on the command line comes first.\n"
GIVEN_ON = """\
`emon up` decides the addresses, ports, passwords and keys of its services itself. From its own environment it takes
`EMON_PUBLIC_URL`, `EMON_DASHBOARD_URL`, `EMON_SMTP_URL` and `EMON_ADMIN_EMAIL`, and hands all other settings above on to the
services.
"""


def settings_markdown() -> str:
    """The document as text. Raises Undocumented for a setting that does not say what it is."""
    parts = [f"# Settings\n\n{HEADING}\n\n{INTRODUCTION}", _section("Every service", ServiceSettings, ())]
    for service, kind in sorted(SETTINGS.items()):
        known = ServiceSettings if issubclass(kind, ServiceSettings) else ProcessSettings
        inherited = [*known.model_fields]
        if [name for name in kind.model_fields if name not in inherited]:
            above = "" if known is ServiceSettings else f"Besides {_named(inherited)}, as every service has them.\n\n"
            parts.append(_section(service, kind, inherited, above))
    parts.append(f"## The command emon\n\n{OPERATOR}\n{table(COLUMNS, _of_operator())}\n{GIVEN_ON}")
    return "\n".join(parts)


def _section(title: str, kind: type[BaseSettings], without: Iterable[str], above: str = "") -> str:
    return f"## {title}\n\n{above}{table(COLUMNS, _rows(kind, {*without}))}"


def _named(fields: Iterable[str]) -> str:
    return ", ".join(f"`{variable_of(name)}`" for name in fields)


def _rows(kind: type[BaseSettings], without: set[str], read_by: str = EVERYBODY) -> Iterator[tuple[str, ...]]:
    schema = kind.model_json_schema()
    properties: Mapping[str, Any] = schema["properties"]
    read_by = str(schema.get("read_by", read_by))
    for name, field in kind.model_fields.items():
        if name in without:
            continue
        variable = variable_of(name)
        if not field.description:
            raise Undocumented(f"{variable} of {kind.__name__} needs a description: what it is for, and what it may be.")
        default = "must be set" if field.is_required() else _shown(field.annotation, field.default)
        unit = str(properties[name].get("unit") or _unit(properties[name], variable))
        yield f"`{variable}`", field.description, default, unit, str(properties[name].get("read_by", read_by))


def _of_operator() -> Iterator[tuple[str, ...]]:
    seen: dict[str, tuple[str, ...]] = {}
    for option in options():
        unit = _unit(
            TypeAdapter(option.kind).json_schema(), option.variable, "port" if option.variable.endswith("PORT") else None
        )
        who = f"`{option.command}`" if option.variable not in seen else "every command"
        meaning = f"{option.meaning} `{option.flag}`"
        seen[option.variable] = (f"`{option.variable}`", meaning, _shown(option.kind, option.default), unit, who)
    yield from seen.values()
    for command, kind in OF_COMMANDS.items():
        yield from _rows(kind, {*ServiceSettings.model_fields}, read_by=f"`{command}`")


def _shown(annotation: Any, default: object) -> str:
    if default is None or default in ("", ()):
        return "unset"
    if isinstance(default, Path):
        return f"`{default}`"
    return f"`{TypeAdapter(annotation).dump_python(default, mode='json')}`"


def _unit(schema: Mapping[str, Any], variable: str, unit: str | None = None) -> str:
    """What the value counts or is. Raises Undocumented for a number that does not say."""
    choices: list[Mapping[str, Any]] = [schema, *schema.get("anyOf", ())]
    for choice in choices:
        if (known := UNITS_BY_FORMAT.get(str(choice.get("format", "")))) is not None:
            return known
        if choice.get("type") == "array":
            return "JSON list"
        if choice.get("type") in ("integer", "number"):
            if unit is None:
                raise Undocumented(f'{variable} is a number: say of what, with json_schema_extra={{"unit": "…"}}.')
            return unit
    if variable.endswith("_URL"):
        return "URL"
    examples = [str(example) for choice in choices for example in choice.get("examples", ())]
    return f"such as {', '.join(f'`{example}`' for example in examples)}" if examples else "text"
