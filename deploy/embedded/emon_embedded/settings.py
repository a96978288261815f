"""What the embedded platform reads itself. All else in its environment goes on to the services."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from emon_platform.settings import PREFIX


class EmbeddedSettings(BaseSettings):
    """Where PostgreSQL and Kafka come from, and where they are kept."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    cache: Path | None = Field(
        default=None,
        description="Folder in which what was fetched is kept for all homes; unset: emon in the user's folder of caches",
    )
    maven_url: str | None = Field(
        default=None, description="Mirror of the Maven repository from which PostgreSQL and Kafka are fetched"
    )
