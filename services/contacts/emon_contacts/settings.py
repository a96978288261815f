"""Settings of contacts."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from emon_contracts.values import DisplayName, EmailAddress
from emon_platform.settings import ServiceSettings


class ContactsSettings(ServiceSettings):
    """Besides those of every service."""

    model_config = SettingsConfigDict(json_schema_extra={"read_by": "worker"})

    admin_email: EmailAddress | None = Field(
        default=None,
        description="Address of the person who administers the platform; they exist from the first start",
    )
    admin_name: DisplayName = Field(default="Administration", description="Name of that person")
