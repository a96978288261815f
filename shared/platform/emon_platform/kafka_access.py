"""How a program comes to Kafka: where the brokers are, and how both sides prove who they are."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

SaslMechanism = Literal["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"]


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """Without a username nobody is asked who they are; with `tls` the broker's certificate is verified."""

    bootstrap: str
    username: str | None = None
    password: str = field(default="", repr=False)
    mechanism: SaslMechanism = "SCRAM-SHA-256"
    tls: bool = False
    authorities_file: Path | None = None

    @property
    def protocol(self) -> str:
        """In Kafka's own words."""
        return ("SASL_" if self.username else "") + ("SSL" if self.tls else "PLAINTEXT")

    def ssl_context(self) -> ssl.SSLContext | None:
        """Whom to trust, where connections are encrypted. Raises OSError where the file cannot be read."""
        return ssl.create_default_context(cafile=self.authorities_file) if self.tls else None

    def client_options(self) -> dict[str, Any]:
        """What every client of aiokafka takes."""
        options = {"bootstrap_servers": self.bootstrap, "security_protocol": self.protocol, "ssl_context": self.ssl_context()}
        if self.username is None:
            return options
        return options | {
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }
