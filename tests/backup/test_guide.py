"""The operator's guide: each command in it is one that `emon` knows, with the options that it has."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from emon_operator.command import app

GUIDE = Path(__file__).parents[2] / "docs" / "backup.md"
COMMANDS = [line for block in re.findall(r"```\n(.*?)```", GUIDE.read_text(), re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_of_the_guide_exists(line: str, tmp_path: Path) -> None:
    program, *words = shlex.split(line)
    assert program == "emon"
    (tmp_path / "erasures.jsonl").touch()
    arguments = [str(tmp_path / Path(word).name) if word.startswith("/") else word for word in words]
    command: Any = typer.main.get_command(app)
    context: Any = command.context_class(command)
    while hasattr(command, "resolve_command"):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None, name
        command = found
        context = command.context_class(command, parent=context)
    command.make_context(command.name, arguments, parent=context)
