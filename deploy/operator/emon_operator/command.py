"""The command `emon`. All subcommands but `up` act on the platform that runs in the same home."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from emon_embedded.platform_run import CannotRun, Options, run_platform
from emon_embedded.screen import Screen
from emon_operator import dead_letters, importing
from emon_operator.backup import commands as backups
from emon_operator.bundling import bundle
from emon_operator.demonstration import demo
from emon_operator.doctor.command import doctor
from emon_operator.platform import HOME_DEFAULT, Home
from emon_operator.provisioning import provision
from emon_operator.secret_files import secrets

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.add_typer(importing.commands, name="import")
app.add_typer(dead_letters.commands, name="dead-letters")
app.add_typer(backups.erasures, name="erasures")
app.add_typer(backups.republish, name="republish")
app.add_typer(backups.offsets, name="offsets")
app.command()(backups.backup)
app.command()(backups.verify)
app.command()(backups.restore)
app.command()(bundle)
app.command()(demo)
app.command()(secrets)
app.command()(provision)
app.command()(doctor)

Port = Annotated[int, typer.Option(envvar="EMON_PORT", min=1, max=65535, help="Port of the gateway on 127.0.0.1.")]
DashboardPort = Annotated[
    int, typer.Option(envvar="EMON_DASHBOARD_PORT", min=1, max=65535, help="Port of the dashboard on 127.0.0.1.")
]
MailPort = Annotated[int, typer.Option(envvar="EMON_MAIL_PORT", min=1, max=65535, help="Port of the mail page on 127.0.0.1.")]

PORT_DEFAULT = 8080
MAIL_PORT_DEFAULT = 8025
DASHBOARD_PORT_DEFAULT = 8081


@app.callback()
def emon() -> None:
    """EmON: municipalities, volunteers and paid staff in refugee aid."""


@app.command()
def up(
    home: Home = HOME_DEFAULT,
    port: Port = PORT_DEFAULT,
    mail_port: MailPort = MAIL_PORT_DEFAULT,
    dashboard_port: DashboardPort = DASHBOARD_PORT_DEFAULT,
) -> None:
    """Runs the whole platform on this machine, without Docker and without root, until Ctrl-C."""
    try:
        asyncio.run(run_platform(Options(home=home, port=port, mail_port=mail_port, dashboard_port=dashboard_port), Screen()))
    except CannotRun as failure:
        Console(stderr=True, highlight=False).print(f"[bold red]EmON cannot run:[/] {escape(str(failure))}", soft_wrap=True)
        raise typer.Exit(1) from failure
