"""`emon import`: the register of municipalities, organisations and people, into the platform that runs here.

It needs no sign-in: it is the operator's own machine, and the operator acts everywhere.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from emon_contacts.imports.commands import Outcome, import_organisations, import_people
from emon_contacts.municipalities.commands import Imported, import_register
from emon_contacts.municipalities.register_file import Malformed, read_register, read_successors
from emon_contracts.actors import OPERATOR
from emon_contracts.refusals import Refused
from emon_operator.platform import HOME_DEFAULT, Home, api_url
from emon_platform.database import Database
from emon_platform.failures import is_transient

commands = typer.Typer(no_args_is_help=True, help="Takes lists over: municipalities, organisations, people.")

# Exit codes: 0 the import is done, as HTTP answers 200; 1 nothing was imported; 2, with --strict alone, some was rejected.
SOME_REJECTED = 2
LINES_SHOWN_MAX = 20

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The file to import")]
Strict = Annotated[bool, typer.Option("--strict", help="End with exit code 2 where rows or lines were rejected")]
Value = TypeVar("Value")
ShowProgress = Callable[[int, int], None]

_out = Console(highlight=False, markup=False, soft_wrap=True)
_err = Console(highlight=False, markup=False, soft_wrap=True, stderr=True)


@commands.command()
def municipalities(
    file: File,
    home: Home = HOME_DEFAULT,
    successors: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, readable=True, help="CSV `ags,successor`: what closed ones became part of"),
    ] = None,
    accept_closures: Annotated[
        bool, typer.Option("--accept-closures", help="Close however many municipalities the file no longer has")
    ] = False,
    strict: Strict = False,
) -> None:
    """Imports the official register (GV100AD of the Federal Statistical Office, UTF-8 or ISO-8859-1)."""
    register = read_register(file.read_bytes())
    known_successors, malformed_successors = ({}, ()) if successors is None else read_successors(successors.read_bytes())

    async def work(database: Database, progress: ShowProgress) -> Imported:
        return await import_register(
            database, OPERATOR, register, successors=known_successors, accept_closures=accept_closures, progress=progress
        )

    imported = _run(home, "Municipalities", work)
    if imported.outdated_states:
        _out.print(f"Newer than this file ({imported.as_of}) and left as they are: states {', '.join(imported.outdated_states)}.")
    _out.print(
        f"As of {imported.as_of}: {len(register.municipalities)} municipalities read; {imported.new} new, "
        f"{imported.changed} changed, {imported.closed} closed, {imported.unchanged} unchanged."
    )
    rejected = _show_malformed(file, register.malformed) + _show_malformed(successors or file, malformed_successors)
    if rejected and strict:
        raise typer.Exit(SOME_REJECTED)


@commands.command()
def organisations(file: File, home: Home = HOME_DEFAULT, strict: Strict = False) -> None:
    """Imports organisations from CSV with the columns name,kind,ags."""
    _import_list(file, home, "Organisations", import_organisations, strict=strict)


@commands.command()
def people(file: File, home: Home = HOME_DEFAULT, strict: Strict = False) -> None:
    """Imports people from CSV with the columns email,display_name,locale,organisation,engagement[,ags]."""
    _import_list(file, home, "People", import_people, strict=strict)


def _import_list(file: Path, home: Path, title: str, import_list: Callable[..., Awaitable[Outcome]], *, strict: bool) -> None:
    content = file.read_bytes()

    async def work(database: Database, progress: ShowProgress) -> Outcome:
        return await import_list(database, OPERATOR, content, progress)

    outcome = _run(home, title, work)
    _out.print(f"{outcome.accepted} accepted, {len(outcome.rejected)} rejected.")
    beside = file.with_name(f"{file.name}.rejected.csv")
    if not outcome.rejected:
        beside.unlink(missing_ok=True)  # of an earlier try
        return
    for item in outcome.rejected:
        _out.print(f"row {item.row}, {item.column}: {item.reason}")
    try:
        beside.write_bytes(outcome.rejected_csv)
        _out.print(f"The rejected rows are in {beside}: mend them there, and import that file.")
    except OSError as error:
        _err.print(
            f"The rejected rows could not be written to {beside} ({error.strerror}): mend them in {file}, and import it again."
        )
    if strict:
        raise typer.Exit(SOME_REJECTED)


def _run(home: Path, title: str, work: Callable[[Database, ShowProgress], Awaitable[Value]]) -> Value:
    url = api_url(home, "contacts")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_err, transient=True) as bar:
        task = bar.add_task(title, total=None)

        async def run() -> Value:
            database = await Database.connect(url, name="emon import", size_max=1)
            try:
                return await work(database, lambda done, total: bar.update(task, completed=done, total=total))
            finally:
                await database.close()

        try:
            return asyncio.run(run())
        except Refused as refused:
            for refusal in refused.refusals:
                _err.print(refusal.detail)
            raise typer.Exit(1) from refused
        except Exception as error:
            if not is_transient(error):
                raise
            _err.print(f"The database of contacts does not answer ({type(error).__name__}). Is the platform running?")
            raise typer.Exit(1) from error


def _show_malformed(file: Path, malformed: tuple[Malformed, ...]) -> int:
    for item in malformed[:LINES_SHOWN_MAX]:
        _out.print(f"{file.name}, line {item.line}: {item.reason}")
    if len(malformed) > LINES_SHOWN_MAX:
        _out.print(f"{file.name}: {len(malformed) - LINES_SHOWN_MAX} more lines are malformed.")
    return len(malformed)
