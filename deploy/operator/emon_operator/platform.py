"""Where the platform is that a command acts on: the one that runs in the same home, or the one the environment names.

The environment names all databases by EMON_POSTGRESQL (host:port), with the passwords in the files of EMON_SECRETS_FOLDER; or a
single one by EMON_DATABASE_API_URL or EMON_DATABASE_WORKER_URL.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from emon_embedded.running_platform import RunningPlatform, running_platform
from emon_embedded.service_databases import DatabaseServer, ServiceDatabase, role_names, service_database
from emon_operator.secret_files import SECRETS_FOLDER_DEFAULT, SERVICES_WITH_DATABASE, password_in, role_password_file

Home = Annotated[Path, typer.Option(envvar="EMON_HOME", help="Folder that holds all data of the platform on this machine.")]
HOME_DEFAULT = Path(".emon")


def running(home: Path) -> RunningPlatform:
    """The platform that runs in this home. Ends the command with what to do where there is none."""
    found = running_platform(home)
    if found is None:
        typer.echo(f"No platform runs in {home.absolute()}. Start one with `make up`, or name its home with --home.", err=True)
        raise typer.Exit(1)
    return found


def api_url(home: Path, service: str) -> str:
    """The database of a service, for the role that serves requests; EMON_DATABASE_API_URL comes first."""
    return os.environ.get("EMON_DATABASE_API_URL") or _database(home, service).api_url


def worker_url(home: Path, service: str) -> str:
    """The database of a service, for the role of its worker; EMON_DATABASE_WORKER_URL comes first."""
    return os.environ.get("EMON_DATABASE_WORKER_URL") or _database(home, service).worker_url


def _database(home: Path, service: str) -> ServiceDatabase:
    if service not in SERVICES_WITH_DATABASE:
        raise typer.BadParameter(f"There is no service {service}; there are {', '.join(sorted(SERVICES_WITH_DATABASE))}.")
    place = os.environ.get("EMON_POSTGRESQL")
    if place is None:
        return running(home).services[service].database
    folder = Path(os.environ.get("EMON_SECRETS_FOLDER", SECRETS_FOLDER_DEFAULT))
    passwords = {role: password_in(role_password_file(folder, role)) for role in role_names((service,))}
    return service_database(DatabaseServer(place), service, passwords)
