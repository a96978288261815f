"""Settings that every service has. They come from the environment, with the prefix EMON_."""

from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "EMON_"

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class ProcessSettings(BaseSettings):
    """What whatever answers by HTTP needs."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    service_host: str = Field(default="127.0.0.1", description="Address on which the service listens for HTTP")
    service_port: int = Field(default=8000, description="Port on which the service listens for HTTP")
    operations_host: str = Field(
        default="127.0.0.1", description="Address on which /metrics and /health/ready answer, for those who run the service alone"
    )
    operations_port: int = Field(default=9000, description="Port on which /metrics and /health/ready answer")
    log_level: str = Field(default="INFO", description="Least severity that is logged: DEBUG, INFO, WARNING or ERROR")


class ServiceSettings(ProcessSettings):
    """A service adds its own settings in a subclass; every one of them has a description."""

    database_owner_url: str = Field(description="PostgreSQL URL of the role that owns the tables; used by migrate alone")
    database_api_url: str = Field(description="PostgreSQL URL of the role that serves requests, under row-level security")
    database_worker_url: str = Field(description="PostgreSQL URL of the role for relay, consumers and timers")
    kafka_bootstrap: str = Field(description="Kafka bootstrap servers, host:port separated by commas")
    public_url: str = Field(default="http://127.0.0.1:8080", description="Where the gateway is reached from outside")
    actor_token_public_key_file: Path | None = Field(
        default=None, description="Public key (JWK) with which actor tokens of the gateway are verified"
    )
    worker_instance: str | None = Field(
        default=None,
        description="Name of this worker among those of its service. One that starts again under its name takes over at once; "
        "without a name, the partitions of a killed worker wait for its session to time out",
    )


class MigrationSettings(BaseSettings):
    """All that `migrate` needs to know."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    database_owner_url: str = Field(description="PostgreSQL URL of the role that owns the tables")
    database_api_url: str = Field(description="PostgreSQL URL of the role that serves requests; its name is granted rights")
    database_worker_url: str = Field(description="PostgreSQL URL of the role of the worker; its name is granted rights")


def settings_from_environment(kind: type[SettingsT]) -> SettingsT:
    """The settings, or the end of the process with every setting that is missing or wrong, and what it is for."""
    try:
        return kind()
    except ValidationError as error:
        wrong: list[str] = []
        for item in error.errors():
            name = str(item["loc"][0])
            field = kind.model_fields.get(name)
            wrong.append(f"  {PREFIX}{name.upper()}: {item['msg']}. {field.description if field else ''}")
        raise SystemExit("These settings are missing or wrong:\n" + "\n".join(wrong)) from None
