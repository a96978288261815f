"""`emon provision`: what a platform needs of its PostgreSQL and its Kafka before it can start, as often as it is run.

Databases and roles for each service, topics, accounts, and the rights of each account. What exists stays, passwords are set to
those in the files, and rights that no code needs any more are taken back.
"""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from confluent_kafka import KafkaException
from pydantic import Field

from emon_embedded.composition import subscriptions_of_services
from emon_embedded.service_databases import DatabaseServer, create_service_databases, role_names
from emon_operator.kafka_accounts import Administration, KafkaUnreachable
from emon_operator.kafka_rights import rights_of_all
from emon_operator.secret_files import (
    SECRETS_FOLDER_DEFAULT,
    SERVICES_WITH_DATABASE,
    account_password_file,
    password_in,
    role_password_file,
)
from emon_platform.broker import ensure_topics
from emon_platform.failures import is_transient
from emon_platform.kafka_edge import KafkaError
from emon_platform.settings import KafkaSettings, settings_from_environment

LOOK_EVERY_S = 1.0


class ProvisioningSettings(KafkaSettings):
    """Where PostgreSQL and Kafka are, as their administrators come to them, and where the passwords of services are."""

    secrets_folder: Path = Field(
        default=Path(SECRETS_FOLDER_DEFAULT), description="Folder with the files that `emon secrets` makes"
    )
    postgresql: str = Field(description="Where PostgreSQL is, host:port")
    postgresql_superuser: str = Field(default="postgres", description="The role there that may make databases and roles")
    kafka_replication_factor: int = Field(
        default=1,
        ge=1,
        description="On how many brokers each partition of a new topic is kept",
        json_schema_extra={"unit": "brokers"},
    )


class Unprovided(Exception):
    """Something did not answer in time, or not as it must; the message says what."""


def provision(
    within_s: Annotated[
        float, typer.Option("--within", help="How long to wait until PostgreSQL and Kafka answer, in seconds")
    ] = 120.0,
) -> None:
    """Makes databases, roles, topics, accounts and rights as they are to be, whatever of them exists already."""
    settings = settings_from_environment(ProvisioningSettings)
    try:
        asyncio.run(_databases(settings, within_s))
        provide_broker(settings, within_s)
    except (KafkaException, KafkaError, KafkaUnreachable, OSError, Unprovided, asyncpg.PostgresError) as failure:
        typer.echo(f"Not provided: {failure}", err=True)
        raise typer.Exit(1) from failure


async def _databases(settings: ProvisioningSettings, within_s: float) -> None:
    folder = settings.secrets_folder
    server = DatabaseServer(
        settings.postgresql, password_in(role_password_file(folder, "superuser")), settings.postgresql_superuser
    )
    passwords = {role: password_in(role_password_file(folder, role)) for role in role_names(SERVICES_WITH_DATABASE)}
    deadline = time.monotonic() + within_s
    while True:
        try:
            await create_service_databases(server, SERVICES_WITH_DATABASE, passwords)
            break
        except Exception as error:
            if not is_transient(error):
                raise
            if time.monotonic() > deadline:
                raise Unprovided(f"PostgreSQL at {settings.postgresql} does not answer ({type(error).__name__})") from error
            await asyncio.sleep(LOOK_EVERY_S)
    typer.echo(f"{len(SERVICES_WITH_DATABASE)} databases and {len(passwords)} roles are as they are to be.")


def provide_broker(settings: ProvisioningSettings, within_s: float) -> None:
    """Topics, accounts and rights. Raises KafkaUnreachable, KafkaException, KafkaError, and OSError for a file of secrets."""
    subscriptions = subscriptions_of_services()
    passwords = {name: password_in(account_password_file(settings.secrets_folder, name)) for name in subscriptions}
    administration = Administration(settings.kafka)
    administration.wait_until_it_answers(within_s)
    asyncio.run(ensure_topics(settings.kafka, replication_factor=settings.kafka_replication_factor))
    administration.set_passwords(passwords)
    came, went = administration.set_rights(passwords.keys(), rights_of_all(subscriptions))
    typer.echo(f"Topics and {len(passwords)} accounts are as they are to be; {came} rights were granted, {went} taken back.")
