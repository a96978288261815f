"""What is examined: the settings of each service, of the platform in a home or as the environment names its parts."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from pydantic_settings import BaseSettings

from emon_contacts import schema as contacts_schema
from emon_contacts.settings import ContactsSettings
from emon_dashboard.settings import DashboardSettings
from emon_embedded.home import Home
from emon_embedded.running_platform import RunningPlatform
from emon_embedded.service_databases import KINDS_OF_ROLE
from emon_embedded.services import DASHBOARD, GATEWAY, SERVICES, Surroundings, service_environment
from emon_feedback import schema as feedback_schema
from emon_feedback.settings import FeedbackSettings
from emon_gateway import schema as gateway_schema
from emon_gateway.settings import GatewaySettings
from emon_meetings import schema as meetings_schema
from emon_meetings.settings import MeetingsSettings
from emon_notifications import schema as notifications_schema
from emon_notifications.settings import NotificationsSettings
from emon_operator.platform import with_database_urls
from emon_platform.kafka_access import KafkaAccess
from emon_platform.settings import PREFIX, KafkaSettings, WrongSettings, settings_from, variable_of

SETTINGS: Mapping[str, type[BaseSettings]] = MappingProxyType(
    {
        "contacts": ContactsSettings,
        "meetings": MeetingsSettings,
        "feedback": FeedbackSettings,
        "notifications": NotificationsSettings,
        "gateway": GatewaySettings,
        "dashboard": DashboardSettings,
    }
)
SCHEMAS: Mapping[str, Any] = MappingProxyType(
    {
        "contacts": contacts_schema,
        "meetings": meetings_schema,
        "feedback": feedback_schema,
        "notifications": notifications_schema,
        "gateway": gateway_schema,
    }
)
# One of these in the environment means: not the platform in the home.
EXTERNAL_SIGNS = ("POSTGRESQL", "KAFKA_BOOTSTRAP", "DATABASE_OWNER_URL", "DATABASE_API_URL", "DATABASE_WORKER_URL")


@dataclass(frozen=True)
class Installation:
    """`environments`: of each service, as its processes get it. `settings`: what it means, of those where it means something.

    `wrong` says by service and variable what is missing or malformed. `home` is the folder of an embedded platform.
    """

    environments: Mapping[str, Mapping[str, str]]
    settings: Mapping[str, BaseSettings]
    wrong: Mapping[str, Mapping[str, str]]
    home: Home | None = None
    operations_urls: Mapping[str, str] = field(default_factory=dict[str, str])

    def database_urls(self) -> dict[str, dict[str, str]]:
        """By service and kind of role; those that are set, also where something else is missing or wrong."""
        found: dict[str, dict[str, str]] = {}
        for service in (service for service in self.environments if service in SCHEMAS):
            settings = self.settings.get(service)
            for kind in KINDS_OF_ROLE:
                field = f"database_{kind}_url"
                url = getattr(settings, field) if settings else self.environments[service].get(variable_of(field))
                if url is not None:
                    found.setdefault(service, {})[kind] = url
        return found

    def said(self, variable: str) -> dict[str, str]:
        """What each service is told by a variable, of those that read it."""
        return {
            service: environment[variable]
            for service, environment in self.environments.items()
            if variable in environment and variable.removeprefix(PREFIX).lower() in SETTINGS[service].model_fields
        }

    def kafka(self) -> dict[str, KafkaAccess]:
        """How each service comes to Kafka, also where something else is missing or wrong."""
        found: dict[str, KafkaAccess] = {}
        for service in self.said(variable_of("kafka_bootstrap")):
            with suppress(WrongSettings):  # said among the settings
                found[service] = settings_from(KafkaSettings, self.environments[service]).kafka
        return found

    def notifications(self) -> NotificationsSettings | None:
        """The settings of notifications, unless they are missing or wrong."""
        found = self.settings.get("notifications")
        return found if isinstance(found, NotificationsSettings) else None

    def public_urls(self) -> list[str]:
        """Where people reach the platform: the gateway, and the dashboard."""
        urls = {*self.said(variable_of("public_url")).values(), *self.said(variable_of("dashboard_url")).values()}
        return sorted(url for url in urls if urlsplit(url).hostname)


def installation_in(folder: Path, running: RunningPlatform, environment: Mapping[str, str]) -> Installation:
    """The embedded platform that runs in this home. `environment` is taken for that in which it was started."""
    home = Home(folder.expanduser().resolve())
    urls = {name: service.url for name, service in running.services.items()}
    around = Surroundings(
        home=home,
        kafka_bootstrap=running.kafka_bootstrap,
        public_url=running.public_url,
        dashboard_url=running.dashboard_url,
        smtp_url=running.smtp_url,
        admin_email=running.admin_email,
        ports={
            **{name: urlsplit(url).port or 0 for name, url in urls.items()},
            GATEWAY: urlsplit(running.gateway_url).port or 0,
            DASHBOARD: urlsplit(running.dashboard_url or "").port or 0,
        },
        operations_ports={name: urlsplit(url).port or 0 for name, url in running.operations_urls.items()},
        databases={name: service.database for name, service in running.services.items()},
    )
    parts = [part for part in SERVICES if part.name in urls or (part.name == DASHBOARD and running.dashboard_url)]
    return _read({part.name: service_environment(part, around, environment) for part in parts}, home, running.operations_urls)


def installation_of(environment: Mapping[str, str], services: Sequence[str] = tuple(SETTINGS)) -> Installation:
    """The platform whose parts the environment names: EMON_X for every service, EMON_CONTACTS_X for contacts alone.

    EMON_POSTGRESQL stands for all databases. Raises OSError for a file of passwords that cannot be read.
    """
    environment = with_database_urls(environment)
    common = {name: value for name, value in environment.items() if not _is_of_one_service(name)}
    environments = {
        service: common
        | {
            PREFIX + name.removeprefix(f"{PREFIX}{service.upper()}_"): value
            for name, value in environment.items()
            if _is_of_one_service(name) and name.startswith(f"{PREFIX}{service.upper()}_")
        }
        for service in services
    }
    return _read(environments, None, {})


def is_external(environment: Mapping[str, str]) -> bool:
    """Whether the environment names parts of a platform, so that the one in the home is not meant."""
    return any(name.startswith(PREFIX) and name.endswith(EXTERNAL_SIGNS) for name in environment)


def _is_of_one_service(variable: str) -> bool:
    """EMON_CONTACTS_KAFKA_BOOTSTRAP is; EMON_CONTACTS_URL is a setting of the gateway by that name."""
    for service, kind in SETTINGS.items():
        prefix = f"{PREFIX}{service.upper()}_"
        if variable.startswith(prefix) and variable.removeprefix(prefix).lower() in kind.model_fields:
            return True
    return False


def _read(environments: Mapping[str, Mapping[str, str]], home: Home | None, operations_urls: Mapping[str, str]) -> Installation:
    settings: dict[str, BaseSettings] = {}
    wrong: dict[str, Mapping[str, str]] = {}
    for service, environment in environments.items():
        try:
            settings[service] = settings_from(SETTINGS[service], environment)
        except WrongSettings as found:
            wrong[service] = found.wrong
    return Installation(environments, settings, wrong, home, operations_urls)


def known_variables() -> set[str]:
    """Every variable that some service reads, with and without the name of the service in it, or a file in its place."""
    fields = {(service, name) for service, kind in SETTINGS.items() for name in kind.model_fields}
    names = {variable_of(name) for _, name in fields} | {variable_of(f"{service}_{name}") for service, name in fields}
    return names | {f"{name}_FILE" for name in names}
