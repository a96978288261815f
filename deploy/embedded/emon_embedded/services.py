"""The platform's services, and the environment each of them gets: what it needs, and no secret of another."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from emon_embedded.credentials import ACTOR_TOKEN, SIGNED_LINK, private_key_file, public_key_file
from emon_embedded.home import Home
from emon_embedded.ports import LOOPBACK
from emon_embedded.service_databases import ServiceDatabase

ADMIN_EMAIL_DEFAULT = "admin@emon.example"
GATEWAY = "gateway"
DASHBOARD = "dashboard"


@dataclass(frozen=True)
class Service:
    """A service, run as `python -m MODULE {migrate,all}`, and what it needs beyond its database and Kafka.

    One without a database has nothing to migrate, and no part in Kafka.
    """

    name: str
    module: str
    signs: tuple[str, ...] = ()
    verifies: tuple[str, ...] = ()
    sends_mail: bool = False
    knows_administrator: bool = False
    calls: tuple[str, ...] = ()
    has_database: bool = True


SERVICES = (
    Service("contacts", "emon_contacts", verifies=(ACTOR_TOKEN,), knows_administrator=True),
    Service("meetings", "emon_meetings", verifies=(ACTOR_TOKEN,)),
    Service("feedback", "emon_feedback", verifies=(ACTOR_TOKEN,)),
    Service("notifications", "emon_notifications", verifies=(ACTOR_TOKEN,), signs=(SIGNED_LINK,), sends_mail=True),
    Service(
        GATEWAY,
        "emon_gateway",
        signs=(ACTOR_TOKEN,),
        verifies=(SIGNED_LINK,),
        calls=("contacts", "meetings", "feedback", "notifications"),
    ),
    Service(DASHBOARD, "emon_dashboard", calls=(GATEWAY,), has_database=False),
)


@dataclass(frozen=True)
class Surroundings:
    """Where everything is that services need to know of."""

    home: Home
    kafka_bootstrap: str
    public_url: str
    dashboard_url: str | None
    smtp_url: str
    admin_email: str
    ports: Mapping[str, int]
    operations_ports: Mapping[str, int]
    databases: Mapping[str, ServiceDatabase]

    def url(self, service: str) -> str:
        """Where a service answers by HTTP."""
        return f"http://{LOOPBACK}:{self.ports[service]}"

    def operations_url(self, service: str) -> str:
        """Where a service tells those who run it how it is."""
        return f"http://{LOOPBACK}:{self.operations_ports[service]}"


def service_environment(service: Service, around: Surroundings, operator: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The operator's own environment, without what is meant for other services, and with what is meant for this one."""
    for_everyone = {key: value for key, value in operator.items() if key not in _given_to_some(around)}
    return for_everyone | {
        "EMON_SERVICE_HOST": LOOPBACK,
        "EMON_SERVICE_PORT": str(around.ports[service.name]),
        "EMON_OPERATIONS_HOST": LOOPBACK,
        "EMON_OPERATIONS_PORT": str(around.operations_ports[service.name]),
        "EMON_PUBLIC_URL": around.public_url,
        **({"EMON_DASHBOARD_URL": around.dashboard_url} if around.dashboard_url else {}),
        **(_of_database(around.databases[service.name], around) if service.has_database else {}),
        **{_key_setting(purpose, "PRIVATE"): str(private_key_file(around.home.secrets, purpose)) for purpose in service.signs},
        **{_key_setting(purpose, "PUBLIC"): str(public_key_file(around.home.secrets, purpose)) for purpose in service.verifies},
        **({"EMON_SMTP_URL": around.smtp_url} if service.sends_mail else {}),
        **({"EMON_ADMIN_EMAIL": around.admin_email} if service.knows_administrator else {}),
        **{_url_setting(name): around.url(name) for name in service.calls},
    }


def _of_database(database: ServiceDatabase, around: Surroundings) -> dict[str, str]:
    return {
        "EMON_DATABASE_OWNER_URL": database.owner_url,
        "EMON_DATABASE_API_URL": database.api_url,
        "EMON_DATABASE_WORKER_URL": database.worker_url,
        "EMON_KAFKA_BOOTSTRAP": around.kafka_bootstrap,
        "EMON_WORKER_INSTANCE": "embedded",
    }


def _given_to_some(around: Surroundings) -> set[str]:
    """Settings that we decide: those of the operator's shell (the URL of a mail server may hold a password) go to nobody else."""
    keys = {_key_setting(purpose, half) for purpose in (ACTOR_TOKEN, SIGNED_LINK) for half in ("PRIVATE", "PUBLIC")}
    return keys | {_url_setting(name) for name in around.ports} | {"EMON_SMTP_URL", "EMON_ADMIN_EMAIL"}


def _key_setting(purpose: str, half: str) -> str:
    return f"EMON_{purpose.replace('-', '_').upper()}_{half}_KEY_FILE"


def _url_setting(service: str) -> str:
    return f"EMON_{service.upper()}_URL"
