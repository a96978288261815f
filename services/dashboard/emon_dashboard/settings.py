"""Settings of the dashboard. They come from the environment, with the prefix EMON_."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from emon_contracts.values import EmailAddress
from emon_platform.settings import ProcessSettings


class DashboardSettings(ProcessSettings):
    """Where the gateway is, and what the pages say of those who run the platform."""

    model_config = SettingsConfigDict(json_schema_extra={"read_by": "api"})

    gateway_url: str = Field(description="Where the gateway answers by HTTP, as seen from the dashboard")
    public_url: str = Field(default="http://127.0.0.1:8080", description="Where the gateway is reached from outside")
    dashboard_url: str = Field(default="http://127.0.0.1:8081", description="Where the dashboard is reached from outside")
    operator_name: str = Field(default="", description="Who runs the platform, as the pages name them")
    accessibility_email: EmailAddress | None = Field(
        default=None, description="Address that reports of barriers go to; unset: they are given as feedback"
    )
