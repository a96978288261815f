"""Every environment variable that the command `emon` and the embedded platform read themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import signature
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from pydantic_settings import BaseSettings
from typer.models import OptionInfo

from emon_embedded.settings import EmbeddedSettings
from emon_operator.backup.places import TrialSettings
from emon_operator.bundling import ImageSettings
from emon_operator.command import app
from emon_operator.provisioning import ProvisioningSettings
from emon_platform.settings import variable_of


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a command that a variable stands for as well."""

    variable: str
    command: str
    flag: str
    meaning: str
    kind: Any
    default: Any


# What is no option: by the commands that read it.
SETTINGS: Mapping[str, type[BaseSettings]] = MappingProxyType(
    {
        "emon up": EmbeddedSettings,
        "emon bundle": ImageSettings,
        "emon provision": ProvisioningSettings,
        "emon verify --deep": TrialSettings,
    }
)


def options(commands: typer.Typer = app, above: str = "emon") -> Iterator[Option]:
    """Those of all commands, in the order in which `emon --help` lists them."""
    for command in commands.registered_commands:
        if command.callback is not None:
            name = command.name or command.callback.__name__.rstrip("_").replace("_", "-")
            yield from _options_of(command.callback, f"{above} {name}")
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            yield from options(group.typer_instance, f"{above} {group.name}")


def operator_variables() -> frozenset[str]:
    """Their names."""
    of_settings = {variable_of(name) for kind in SETTINGS.values() for name in kind.model_fields}
    return frozenset({option.variable for option in options()} | of_settings)


def _options_of(callback: Any, command: str) -> Iterator[Option]:
    defaults = signature(callback).parameters
    for parameter, hint in get_type_hints(callback, include_extras=True).items():
        kind, *said = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        for option in said:
            if isinstance(option, OptionInfo) and isinstance(option.envvar, str):
                flag = f"--{parameter.replace('_', '-')}"
                yield Option(option.envvar, command, flag, option.help or "", kind, defaults[parameter].default)
