"""Where the platform is that a command acts on: the one that runs in the same home, or the one the environment names.

The environment names all databases by EMON_POSTGRESQL (host:port), with the passwords in the files of EMON_SECRETS_FOLDER; or
each by EMON_CONTACTS_DATABASE_API_URL and the like; or a single one by EMON_DATABASE_API_URL or EMON_DATABASE_WORKER_URL.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from emon_embedded.running_platform import RunningPlatform, running_platform
from emon_embedded.service_databases import KINDS_OF_ROLE, DatabaseServer, ServiceDatabase, role_names, service_database
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


def database_setting(service: str, role: str) -> str:
    """The environment variable for a database, such as EMON_CONTACTS_DATABASE_OWNER_URL."""
    return f"EMON_{service.upper()}_DATABASE_{role.upper()}_URL"


def with_database_urls(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, and where EMON_POSTGRESQL says where all databases are, the URL of each by its own name as well.

    What is named itself counts more. Raises OSError for a password that cannot be read.
    """
    place = environment.get("EMON_POSTGRESQL")
    if place is None:
        return dict(environment)
    found: dict[str, str] = {}
    for service in SERVICES_WITH_DATABASE:
        database = _database_at(place, environment, service)
        for role, url in zip(KINDS_OF_ROLE, (database.owner_url, database.api_url, database.worker_url), strict=True):
            found[database_setting(service, role)] = url
    return found | dict(environment)


def _database(home: Path, service: str) -> ServiceDatabase:
    if service not in SERVICES_WITH_DATABASE:
        raise typer.BadParameter(f"There is no service {service}; there are {', '.join(sorted(SERVICES_WITH_DATABASE))}.")
    place = os.environ.get("EMON_POSTGRESQL")
    return running(home).services[service].database if place is None else _database_at(place, os.environ, service)


def _database_at(place: str, environment: Mapping[str, str], service: str) -> ServiceDatabase:
    folder = Path(environment.get("EMON_SECRETS_FOLDER", SECRETS_FOLDER_DEFAULT))
    passwords = {role: password_in(role_password_file(folder, role)) for role in role_names((service,))}
    return service_database(DatabaseServer(place), service, passwords)
