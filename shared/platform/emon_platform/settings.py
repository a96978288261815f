"""Settings that every service has. They come from the environment, with the prefix EMON_.

`EMON_…_FILE` may name a file that holds the value of `EMON_…` instead: for secrets, which an environment shows to whoever may
look at the process.
"""

import os
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from emon_platform.kafka_access import KafkaAccess, SaslMechanism

PREFIX = "EMON_"

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class _Files(PydanticBaseSettingsSource):
    """The values that stand in files."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        file = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        return Path(file).read_text(encoding="utf-8").strip() if file else None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class EnvironmentSettings(BaseSettings):
    """Settings that come from the environment, or from the files that it names; what it says itself counts more."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _Files(settings_cls)


class ProcessSettings(EnvironmentSettings):
    """What whatever answers by HTTP needs."""

    service_host: str = Field(default="127.0.0.1", description="Address on which the service listens for HTTP")
    service_port: int = Field(default=8000, description="Port on which the service listens for HTTP")
    operations_host: str = Field(
        default="127.0.0.1", description="Address on which /metrics and /health/ready answer, for those who run the service alone"
    )
    operations_port: int = Field(default=9000, description="Port on which /metrics and /health/ready answer")
    log_level: str = Field(default="INFO", description="Least severity that is logged: DEBUG, INFO, WARNING or ERROR")


class MigrationSettings(EnvironmentSettings):
    """All that `migrate` needs to know: the database, in each of the three roles. A URL may leave its password to its setting."""

    database_owner_url: str = Field(description="PostgreSQL URL of the role that owns the tables; used by migrate alone")
    database_owner_password: SecretStr | None = Field(default=None, description="Its password")
    database_api_url: str = Field(description="PostgreSQL URL of the role that serves requests, under row-level security")
    database_api_password: SecretStr | None = Field(default=None, description="Its password")
    database_worker_url: str = Field(description="PostgreSQL URL of the role for relay, consumers and timers")
    database_worker_password: SecretStr | None = Field(default=None, description="Its password")

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

    kafka_bootstrap: str = Field(description="Kafka bootstrap servers, host:port separated by commas")
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
        default=None, description="Public key (JWK) with which actor tokens of the gateway are verified"
    )
    worker_instance: str | None = Field(
        default=None,
        description="Name of this worker among those of its service. One that starts again under its name takes over at once; "
        "without a name, the partitions of a killed worker wait for its session to time out",
    )


def with_password(url: str, password: str) -> str:
    """The URL with this password for the role that it names."""
    parts = urlsplit(url)
    role, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{role.partition(':')[0]}:{quote(password, safe='')}@{place}"))


def settings_from_environment(kind: type[SettingsT]) -> SettingsT:
    """The settings, or the end of the process with every setting that is missing or wrong, and what it is for."""
    try:
        return kind()
    except OSError as error:
        raise SystemExit(f"A file that a setting names cannot be read: {error}") from None
    except ValidationError as error:
        wrong: list[str] = []
        for item in error.errors():
            name = str(item["loc"][0])
            field = kind.model_fields.get(name)
            wrong.append(f"  {PREFIX}{name.upper()}: {item['msg']}. {field.description if field else ''}")
        raise SystemExit("These settings are missing or wrong:\n" + "\n".join(wrong)) from None
