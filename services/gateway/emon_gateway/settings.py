"""Settings of the gateway. They come from the environment, with the prefix EMON_."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

from limits import RateLimitItem, parse
from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from emon_platform.settings import ServiceSettings


def _rate(text: str) -> str:
    parse(text)  # raises ValueError with what it expects
    return text


Rate = Annotated[str, AfterValidator(_rate), Field(examples=["200/second", "30/hour"])]


class GatewaySettings(ServiceSettings):
    """What the gateway needs besides what every service does."""

    model_config = SettingsConfigDict(json_schema_extra={"read_by": "api"})

    contacts_url: str = Field(description="Where contacts answers by HTTP")
    meetings_url: str = Field(description="Where meetings answers by HTTP")
    feedback_url: str = Field(description="Where feedback answers by HTTP")
    notifications_url: str = Field(description="Where notifications answers by HTTP")
    actor_token_private_key_file: Path = Field(description="Private key (JWK) with which actor tokens are signed")
    signed_link_public_key_file: Path = Field(description="Public key (JWK) with which links in mails are verified")
    session_lifetime: timedelta = Field(default=timedelta(hours=10), description="A session ends this long after sign-in")
    session_idle: timedelta = Field(
        default=timedelta(minutes=30), description="A session ends when it was not used for this long"
    )
    rate_per_session: Rate = Field(default="500/second", description="Requests of one session")
    rate_per_address: Rate = Field(default="100/second", description="Requests without a session from one network address")
    rate_of_sign_in_per_address: Rate = Field(default="300/minute", description="Sign-in links asked for from one address")
    rate_of_sign_in_per_mailbox: Rate = Field(
        default="60/hour", description="Sign-in links for one mailbox; above it requests are taken and nothing is mailed"
    )
    rate_of_anonymous_feedback_per_address: Rate = Field(
        default="100/hour", description="Anonymous feedback and messages from one network address: each is mailed to somebody"
    )
    streams_per_session: int = Field(
        default=5,
        ge=1,
        description="Streams of /v1/today/events that one session may have open",
        json_schema_extra={"unit": "streams"},
    )
    streams_per_process: int = Field(
        default=1000, ge=1, description="Streams of /v1/today/events in one process", json_schema_extra={"unit": "streams"}
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(), description="Networks (JSON list) of proxies before the gateway whose X-Forwarded-For is believed"
    )

    @property
    def service_urls(self) -> dict[str, str]:
        """Where the services are, by name."""
        return {
            "contacts": self.contacts_url,
            "meetings": self.meetings_url,
            "feedback": self.feedback_url,
            "notifications": self.notifications_url,
        }


def rate_of(text: Rate) -> RateLimitItem:
    """The rate that a setting means."""
    return parse(text)
