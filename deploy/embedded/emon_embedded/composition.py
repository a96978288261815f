"""What the services are made of, put together as they are here; nothing is started, nothing is connected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emon_embedded import services
from emon_embedded.credentials import keep_credentials
from emon_embedded.home import open_home
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.services import ADMIN_EMAIL_DEFAULT, SERVICES, Surroundings, service_environment
from emon_platform.consumer.subscriptions import Subscription
from emon_platform.database import Database
from emon_platform.service import Service
from emon_platform.settings import PREFIX, ServiceSettings

NOWHERE = "127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Composed:
    """A service with settings that lead nowhere."""

    service: Service[Any]
    settings: ServiceSettings

    def subscriptions(self) -> Sequence[Subscription]:
        """What it listens to. Composing asks the database nothing, so that it need not be there."""
        return self.service.worker(self.settings, Database(None, 0.0)).subscriptions


def composed_services(folder: Path) -> Mapping[str, Composed]:
    """Every service that has a database, by name, with keys of its own in `folder`, which must last as long as they are used."""
    surroundings = _surroundings(folder)
    return {part.name: _composed(part, surroundings) for part in SERVICES if part.has_database}


def subscriptions_of_services() -> Mapping[str, Sequence[Subscription]]:
    """What each service listens to."""
    with TemporaryDirectory(prefix="emon-composition-") as folder:
        return {name: composed.subscriptions() for name, composed in composed_services(Path(folder)).items()}


def _composed(part: services.Service, surroundings: Surroundings) -> Composed:
    service: Service[Any] = import_module(f"{part.module}.app").SERVICE
    environment = service_environment(part, surroundings, operator={})
    settings = service.settings(**{name.removeprefix(PREFIX).lower(): value for name, value in environment.items()})
    return Composed(service, settings)


def _surroundings(folder: Path) -> Surroundings:
    home = open_home(folder)
    keep_credentials(home, [])
    names = [part.name for part in SERVICES]
    url = f"postgresql://{NOWHERE}/nothing"
    return Surroundings(
        home=home,
        kafka_bootstrap=NOWHERE,
        public_url=f"http://{NOWHERE}",
        dashboard_url=f"http://{NOWHERE}",
        smtp_url=f"smtp://{NOWHERE}",
        admin_email=ADMIN_EMAIL_DEFAULT,
        ports=dict.fromkeys(names, 1),
        operations_ports=dict.fromkeys(names, 1),
        databases={name: ServiceDatabase(name=name, owner_url=url, api_url=url, worker_url=url) for name in names},
    )
