"""What the services are made of, as the embedded platform puts them together; nothing is started, nothing is connected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emon_embedded.credentials import keep_credentials
from emon_embedded.home import open_home
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.services import ADMIN_EMAIL_DEFAULT, GATEWAY, SERVICES, Surroundings, service_environment
from emon_gateway.routing.openapi import merge
from emon_platform.consumer.subscriptions import Subscription
from emon_platform.database import Database
from emon_platform.service import Service, build
from emon_platform.settings import PREFIX

NOWHERE = "127.0.0.1:1"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Composition:
    """What each service listens to, and the OpenAPI document of the whole platform as the gateway serves it."""

    subscriptions: Mapping[str, Sequence[Subscription]]
    openapi: Document


@cache
def composition() -> Composition:
    """Composes every service of the embedded platform."""
    with TemporaryDirectory(prefix="emon-documents-") as folder:
        surroundings = _surroundings(Path(folder))
        subscriptions: dict[str, Sequence[Subscription]] = {}
        openapi: dict[str, Document] = {}
        for part in (part for part in SERVICES if part.has_database):
            service: Service[Any] = import_module(f"{part.module}.app").SERVICE
            environment = service_environment(part, surroundings, operator={})
            settings = service.settings(**{name.removeprefix(PREFIX).lower(): value for name, value in environment.items()})
            # Composing asks the database nothing, so that it need not be there.
            subscriptions[part.name] = service.worker(settings, Database(None, 0.0)).subscriptions
            openapi[part.name] = build(service, settings).openapi()
    return Composition(subscriptions, merge(openapi.pop(GATEWAY), openapi))


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
