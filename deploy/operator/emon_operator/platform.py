"""Where the platform is that a command acts on: the one that runs in the same home, or the one the environment names."""

import os
from pathlib import Path
from typing import Annotated

import typer

from emon_embedded.running_platform import RunningPlatform, running_platform

Home = Annotated[Path, typer.Option(envvar="EMON_HOME", help="Folder that holds all data of the platform on this machine.")]
HOME_DEFAULT = Path(".emon")


def running(home: Path) -> RunningPlatform:
    """The platform that runs in this home. Ends the command with what to do where there is none."""
    found = running_platform(home)
    if found is None:
        typer.echo(f"No platform runs in {home.absolute()}. Start one with `make up`, or name its home with --home.", err=True)
        raise typer.Exit(1)
    return found


def worker_url(home: Path, service: str) -> str:
    """The database of a service, for the role of its worker; EMON_DATABASE_WORKER_URL comes first."""
    if url := os.environ.get("EMON_DATABASE_WORKER_URL"):
        return url
    services = running(home).services
    if service not in services:
        raise typer.BadParameter(f"There is no service {service}; there are {', '.join(sorted(services))}.")
    return services[service].database.worker_url
