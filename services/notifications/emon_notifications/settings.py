"""Settings of notifications."""

from datetime import timedelta
from pathlib import Path

from pydantic import AwareDatetime, Field, field_validator
from pydantic_settings import SettingsConfigDict

from emon_contracts.values import EmailAddress, Line
from emon_notifications.rendering import Sender
from emon_platform.settings import ServiceSettings


class NotificationsSettings(ServiceSettings):
    """Where mail goes, and whom it comes from."""

    model_config = SettingsConfigDict(json_schema_extra={"read_by": "worker"})

    smtp_url: str = Field(
        default="smtp://127.0.0.1:1025", description="Mail server: smtp://[user:password@]host[:port] or smtps://…"
    )
    mail_from: EmailAddress = Field(default="noreply@emon.example", description="Address that mail comes from; bounces go to it")
    mail_reply_to: EmailAddress | None = Field(
        default=None,
        description="Address that answers go to, also those of calendars; unset: EMON_MAIL_FROM",
    )
    mail_sender_name: Line = Field(default="EmON", description="Name that mail comes from")
    mail_connections: int = Field(
        default=4,
        ge=1,
        le=32,
        description="Connections to the mail server, at most, for each worker",
        json_schema_extra={"unit": "connections"},
    )
    mails_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Mails that each worker sends in a minute at most; unset: no limit",
        json_schema_extra={"unit": "mails a minute"},
    )
    signed_link_private_key_file: Path | None = Field(
        default=None, description="Private key (JWK) with which links in mails are signed; the worker needs it"
    )
    dashboard_url: str | None = Field(
        default=None,
        description="Where the dashboard is reached from outside; sign-in links lead there. Unset: to the gateway's own page",
    )
    hold_events_before: AwareDatetime | None = Field(
        default=None,
        description="RFC 3339: what happened earlier is held until staff release it, and so is what the ledger still had to "
        "send. For the start after a restore that cannot be noticed, such as one together with Kafka's data",
    )

    introduce_after: timedelta = Field(
        default=timedelta(days=7),
        ge=timedelta(0),
        le=timedelta(days=30),
        description="ISO 8601 duration, 0 to P30D: so long after somebody became known, a mail of its own tells them who entered "
        "them, unless another mail did (GDPR Art. 14(3)(a) allows a month at most); 0: at once",
    )

    @field_validator("introduce_after", mode="before")
    @classmethod
    def _zero_needs_no_unit(cls, value: object) -> object:
        return timedelta(0) if value == "0" else value

    def sender(self) -> Sender:
        """Whom mail comes from."""
        return Sender(
            name=self.mail_sender_name,
            address=self.mail_from,
            reply_to=self.mail_reply_to or self.mail_from,
            domain=self.mail_from.rpartition("@")[2],
            public_url=self.public_url,
            sign_in_url=self.dashboard_url or self.public_url,
        )
