"""`emon doctor`: examines an installation, says what is wrong with it and how to mend it, and changes nothing."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from emon_embedded.services import SERVICES
from emon_operator.doctor.examination import TIME_LIMIT_S, Subject, examine
from emon_operator.doctor.findings import Finding, Level, worst
from emon_operator.platform import HOME_DEFAULT, Home

SERVICE_NAMES = tuple(part.name for part in SERVICES)
_SIGNS = {Level.OK: "[green]ok[/]      ", Level.WARNING: "[yellow]warning[/] ", Level.PROBLEM: "[bold red]problem[/] "}


def doctor(
    home: Home = HOME_DEFAULT,
    service: Annotated[
        list[str] | None, typer.Option(help="Only this one, where the environment names the parts of one service.")
    ] = None,
    skip: Annotated[list[Subject] | None, typer.Option(help="Leave this out.")] = None,
    send_to: Annotated[str | None, typer.Option(help="Send a test mail to this address. Without it, no mail is sent.")] = None,
    resolver: Annotated[
        str | None,
        typer.Option(envvar="EMON_DNS_RESOLVER", help="Name server (address[:port]) to ask about the sender's domain."),
    ] = None,
    dkim_selector: Annotated[
        str | None, typer.Option(envvar="EMON_DKIM_SELECTOR", help="Selector with which the mail server signs (DKIM).")
    ] = None,
    health_url: Annotated[
        list[str] | None,
        typer.Option(
            envvar="EMON_HEALTH_URLS", help="Where to ask /health/ready besides: the ports for operations of external parts."
        ),
    ] = None,
    within: Annotated[float, typer.Option(min=1, help="Seconds that each check may take.")] = TIME_LIMIT_S,
    as_json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON.")] = False,
) -> None:
    """Examines the platform in the home, or whose parts the environment names. Ends with 0 (ok), 1 (warnings) or 2 (problems)."""
    if strangers := {*(service or ())} - {*SERVICE_NAMES}:
        raise typer.BadParameter(f"There is no service {', '.join(sorted(strangers))}; there are {', '.join(SERVICE_NAMES)}.")
    # What reads the settings of every service takes half a second to import, for which no other command should wait.
    subjects = import_module("emon_operator.doctor.subjects")
    try:
        installation = subjects.installation(home, os.environ, service or SERVICE_NAMES)
    except OSError as failure:
        typer.echo(f"The passwords of the databases cannot be read: {failure}", err=True)
        raise typer.Exit(int(Level.PROBLEM)) from failure
    if installation is None:
        typer.echo(
            f"No platform runs in {home.absolute()}, and the environment names none. Start one with `make up`, name its home "
            "with --home, or set what docs/settings.md says.",
            err=True,
        )
        raise typer.Exit(int(Level.PROBLEM))
    wishes = subjects.Wishes(send_to=send_to, resolver=resolver, dkim_selector=dkim_selector, health_urls=tuple(health_url or ()))
    checks = subjects.checks_of(installation, wishes, skipped={*(skip or ())})
    findings = asyncio.run(examine(checks, within))
    _print_json(findings) if as_json else _print(findings)
    raise typer.Exit(int(worst(findings)))


def _print(findings: Sequence[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        console.print(f"{_SIGNS[finding.level]} {finding.subject:<13} {escape(finding.where)}: {escape(finding.what)}")
        if finding.mend:
            console.print(f"{'':23} [bold]→[/] {escape(finding.mend)}")
    counts = {level: sum(finding.level == level for finding in findings) for level in Level}
    console.print(f"\n{counts[Level.PROBLEM]} problems, {counts[Level.WARNING]} warnings, {counts[Level.OK]} fine.")


def _print_json(findings: Sequence[Finding]) -> None:
    said = {
        "examined_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "level": worst(findings).name.lower(),
        "findings": [asdict(finding) | {"level": finding.level.name.lower()} for finding in findings],
    }
    typer.echo(json.dumps(said, ensure_ascii=False, indent=2))
