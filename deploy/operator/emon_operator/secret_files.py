"""`emon secrets`: the passwords and keys of a platform in containers, a file for each, made once.

A container's account is not the one that owns these files, so each may be read by everybody; the folder may be entered by its
owner alone, and what mounts a file out of it is the engine, which may do anything.
"""

from pathlib import Path
from typing import Annotated

import typer

from emon_embedded.credentials import KEY_PURPOSES, keep_key_pair, new_password
from emon_embedded.home import write_private_file
from emon_embedded.service_databases import role_names
from emon_embedded.services import SERVICES

SERVICES_WITH_DATABASE = tuple(service.name for service in SERVICES if service.has_database)
POSTGRESQL = "postgresql"
KAFKA = "kafka"
KAFKA_ADMINISTRATOR = "admin"
SECRETS_FOLDER_DEFAULT = "secrets"
SMTP_URL_DEFAULT = "smtp://mail:1025"


def role_password_file(folder: Path, role: str) -> Path:
    """That of a role in PostgreSQL: `postgresql_contacts_api_password`."""
    return folder / f"{POSTGRESQL}_{role}_password"


def account_password_file(folder: Path, account: str) -> Path:
    """That of an account in Kafka: `kafka_contacts_password`."""
    return folder / f"{KAFKA}_{account}_password"


def password_in(file: Path) -> str:
    """What the file holds. Raises OSError."""
    return file.read_text(encoding="utf-8").strip()


def password_files(folder: Path) -> list[Path]:
    """Every one that a platform needs."""
    roles = ["superuser", *role_names(SERVICES_WITH_DATABASE)]
    accounts = [KAFKA_ADMINISTRATOR, *SERVICES_WITH_DATABASE]
    return [
        *(role_password_file(folder, role) for role in roles),
        *(account_password_file(folder, account) for account in accounts),
    ]


def keep_secret_files(folder: Path) -> None:
    """Makes what is missing and never changes what is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for file in password_files(folder):
        if not file.exists():
            write_private_file(file, new_password())
    mail_server = folder / "smtp_url"
    if not mail_server.exists():
        write_private_file(mail_server, SMTP_URL_DEFAULT)
    for purpose in KEY_PURPOSES:
        keep_key_pair(folder, purpose)
    for file in folder.iterdir():
        file.chmod(0o644)


def secrets(
    folder: Annotated[Path, typer.Argument(help="Where they are kept; docker-compose.yml expects them in ./secrets")],
) -> None:
    """Makes the passwords and keys of a platform in containers; those that are there stay as they are."""
    keep_secret_files(folder)
    typer.echo(f"The secrets are in {folder.absolute()}. Keep a copy where backups are kept: links in mails need the keys.")
