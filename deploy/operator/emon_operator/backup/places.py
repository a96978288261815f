"""Where the databases and the broker are: as the environment says, or of the platform in a home."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pydantic import Field

from emon_contracts.topics import TOPICS, Topic
from emon_embedded.running_platform import RunningPlatform
from emon_embedded.service_databases import KINDS_OF_ROLE
from emon_operator.platform import database_setting, with_database_urls
from emon_platform.consumer.offsets import Partition
from emon_platform.consumer.subscriptions import Subscription
from emon_platform.kafka_access import KafkaAccess
from emon_platform.migrations import Migration
from emon_platform.settings import EnvironmentSettings, KafkaSettings, settings_from

SERVICES = ("contacts", "meetings", "feedback", "notifications", "gateway")
PARTITIONS: Sequence[Partition] = [Partition(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]


class SettingsMissing(Exception):
    """The environment names some databases and not all; the message lists what is missing."""


class TrialSettings(EnvironmentSettings):
    """Where a backup is restored for trial."""

    trial_database_url: str | None = Field(
        default=None,
        description="PostgreSQL URL of a role that may create databases and roles, for a trial; unset: a server of its own",
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A service's database, by role."""

    owner_url: str
    api_url: str
    worker_url: str


@dataclass(frozen=True, slots=True)
class Places:
    """All databases by service, and the broker."""

    databases: Mapping[str, Place]
    kafka: KafkaAccess


def places_of_environment(environment: Mapping[str, str]) -> Places | None:
    """What the environment names; None where it names no database. Raises SettingsMissing where it names some, and OSError."""
    environment = with_database_urls(environment)
    names = [database_setting(service, role) for service in SERVICES for role in KINDS_OF_ROLE]
    if not any(name in environment for name in names):
        return None
    missing = [name for name in (*names, "EMON_KAFKA_BOOTSTRAP") if not environment.get(name)]
    if missing:
        raise SettingsMissing(f"These settings are missing: {', '.join(missing)}")
    urls = {service: [environment[database_setting(service, role)] for role in KINDS_OF_ROLE] for service in SERVICES}
    kafka = settings_from(KafkaSettings, environment).kafka
    return Places({service: Place(*of_roles) for service, of_roles in urls.items()}, kafka)


def places_of_platform(platform: RunningPlatform) -> Places:
    """Those of a platform in a home."""
    databases = {name: service.database for name, service in platform.services.items()}
    return Places(
        {name: Place(item.owner_url, item.api_url, item.worker_url) for name, item in databases.items()},
        KafkaAccess(platform.kafka_bootstrap),
    )


# Services are imported when they are asked for: no other command has to wait for them.
def migrations_of(service: str) -> list[Migration]:
    """All migrations of a service that this version knows."""
    return import_module(f"emon_{service}.schema").migrations()


def subscriptions_of(service: str) -> Sequence[Subscription]:
    """What a service listens to; nothing, where it does not."""
    app: Any = import_module(f"emon_{service}.app")
    return app.subscriptions() if hasattr(app, "subscriptions") else ()


def topics_of(service: str) -> list[Topic]:
    """The topics a service listens to."""
    return [subscription.topic for subscription in subscriptions_of(service)]
