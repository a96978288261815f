"""Settings that every service has. They come from the environment, with the prefix EMON_.

`EMON_…_FILE` may name a file that holds the value of `EMON_…` instead: for secrets, which an environment shows to whoever may
look at the process.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, create_model, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError
from pydantic_settings.sources import EnvSettingsSource, PydanticBaseSettingsSource

from emon_platform.kafka_access import KafkaAccess, SaslMechanism

PREFIX = "EMON_"

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class WrongSettings(Exception):
    """Settings that are missing or wrong: a sentence for each, by the name of its variable."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"{name}: {what}" for name, what in wrong.items()))
        self.wrong = wrong


class EnvironmentSettings(BaseSettings):
    """Settings that come from the environment, or from the files that it names; what it says itself counts more."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)


class ProcessSettings(EnvironmentSettings):
    """What whatever answers by HTTP needs."""

    service_host: str = Field(default="127.0.0.1", description="Address on which the service listens for HTTP")
    service_port: int = Field(
        default=8000, description="Port on which the service listens for HTTP", json_schema_extra={"unit": "port"}
    )
    operations_host: str = Field(
        default="127.0.0.1", description="Address on which /metrics and /health/ready answer, for those who run the service alone"
    )
    operations_port: int = Field(
        default=9000, description="Port on which /metrics and /health/ready answer", json_schema_extra={"unit": "port"}
    )
    log_level: str = Field(default="INFO", description="Least severity that is logged: DEBUG, INFO, WARNING or ERROR")


class MigrationSettings(EnvironmentSettings):
    """All that `migrate` needs to know: the database, in each of the three roles. A URL may leave its password to its setting."""

    database_owner_url: str = Field(
        description="PostgreSQL URL of the role that owns the tables",
        json_schema_extra={"read_by": "migrate"},
    )
    database_owner_password: SecretStr | None = Field(
        default=None,
        description="The password of the role in EMON_DATABASE_OWNER_URL",
        json_schema_extra={"read_by": "migrate"},
    )
    database_api_url: str = Field(
        description="PostgreSQL URL of the role that serves requests, under row-level security; migrate grants it its rights",
        json_schema_extra={"read_by": "api, migrate"},
    )
    database_api_password: SecretStr | None = Field(
        default=None,
        description="The password of the role in EMON_DATABASE_API_URL",
        json_schema_extra={"read_by": "api, migrate"},
    )
    database_worker_url: str = Field(
        description="PostgreSQL URL of the role for relay, consumers and timers; migrate grants it its rights",
        json_schema_extra={"read_by": "worker, migrate"},
    )
    database_worker_password: SecretStr | None = Field(
        default=None,
        description="The password of the role in EMON_DATABASE_WORKER_URL",
        json_schema_extra={"read_by": "worker, migrate"},
    )

    @model_validator(mode="before")
    @classmethod
    def _passwords_belong_to_urls(cls, values: dict[str, Any]) -> dict[str, Any]:
        urls = {
            f"database_{kind}_url": with_password(values[f"database_{kind}_url"], values[f"database_{kind}_password"])
            for kind in ("owner", "api", "worker")
            if f"database_{kind}_url" in values and f"database_{kind}_password" in values
        }
        return values | urls


class KafkaSettings(EnvironmentSettings):
    """How to come to Kafka."""

    kafka_bootstrap: str = Field(
        description="Kafka bootstrap servers, host:port separated by commas", json_schema_extra={"read_by": "worker"}
    )
    kafka_username: str | None = Field(default=None, description="Who we are to Kafka; unset: it is not told")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="The password of EMON_KAFKA_USERNAME")
    kafka_sasl_mechanism: SaslMechanism = Field(
        default="SCRAM-SHA-256", description="How the password is proved: SCRAM-SHA-256, SCRAM-SHA-512, or PLAIN (with TLS alone)"
    )
    kafka_tls: bool = Field(default=False, description="Whether connections to Kafka are encrypted, and its certificate verified")
    kafka_authorities_file: Path | None = Field(
        default=None, description="Certificates (PEM) of whom to trust to vouch for Kafka; unset: whom the system trusts"
    )

    @property
    def kafka(self) -> KafkaAccess:
        """All of it."""
        return KafkaAccess(
            bootstrap=self.kafka_bootstrap,
            username=self.kafka_username,
            password=self.kafka_password.get_secret_value(),
            mechanism=self.kafka_sasl_mechanism,
            tls=self.kafka_tls,
            authorities_file=self.kafka_authorities_file,
        )


class ServiceSettings(ProcessSettings, MigrationSettings, KafkaSettings):
    """A service adds its own settings in a subclass; every one of them has a description."""

    public_url: str = Field(default="http://127.0.0.1:8080", description="Where the gateway is reached from outside")
    actor_token_public_key_file: Path | None = Field(
        default=None,
        description="Public key (JWK) with which actor tokens are verified; every service but the gateway itself needs it",
        json_schema_extra={"read_by": "api"},
    )
    worker_instance: str | None = Field(
        default=None,
        description="Name of this worker among those of its service. One that starts again under its name takes over at once; "
        "without a name, the partitions of a killed worker wait for its session to time out",
        json_schema_extra={"read_by": "worker"},
    )


def with_password(url: str, password: str) -> str:
    """The URL with this password for the role that it names."""
    parts = urlsplit(url)
    role, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{role.partition(':')[0]}:{quote(password, safe='')}@{place}"))


def settings_from_environment(kind: type[SettingsT]) -> SettingsT:
    """The settings, or the end of the process with every setting that is missing or wrong, and what it is for."""
    try:
        return settings_from(kind, os.environ)
    except WrongSettings as found:
        wrong = (f"  {name}: {what}" for name, what in found.wrong.items())
        raise SystemExit("These settings are missing or wrong:\n" + "\n".join(wrong)) from None


def settings_from(kind: type[SettingsT], environment: Mapping[str, str]) -> SettingsT:
    """The settings as a process reads them that was started with this environment. Raises WrongSettings."""
    source = EnvSettingsSource(kind)
    source.env_vars = {name.lower(): value for name, value in environment.items()}
    try:
        values = _from_files(kind, environment) | source()
    except SettingsError as error:
        name = next(name for name in kind.model_fields if f'"{name}"' in str(error))
        raise WrongSettings({variable_of(name): f"Must be JSON. {_meaning(kind, name)}"}) from None
    try:
        return cast("type[SettingsT]", create_model(kind.__name__, __base__=(_Given, kind))).model_validate(values)
    except ValidationError as error:
        names = {str(item["loc"][0]): item["msg"] for item in error.errors()}
        raise WrongSettings({variable_of(name): f"{said}. {_meaning(kind, name)}" for name, said in names.items()}) from None


def _from_files(kind: type[BaseSettings], environment: Mapping[str, str]) -> dict[str, Any]:
    files = {name: environment.get(f"{variable_of(name)}_FILE") for name in kind.model_fields}
    values: dict[str, Any] = {}
    for name, file in files.items():
        try:
            if file:
                values[name] = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise WrongSettings({f"{variable_of(name)}_FILE": f"Cannot be read: {error}"}) from None
    return values


class _Given(BaseSettings):
    """Reads what it is given, and not the environment of this process as well."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def variable_of(field: str) -> str:
    """The environment variable of a field."""
    return f"{PREFIX}{field.upper()}"


def _meaning(kind: type[BaseSettings], name: str) -> str:
    field = kind.model_fields.get(name)
    return (field.description if field else None) or ""
