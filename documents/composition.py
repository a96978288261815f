"""What the documents are made of: the subscriptions of each service, and the API of the whole platform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emon_embedded.composition import composed_services
from emon_embedded.services import GATEWAY
from emon_gateway.routing.openapi import merge
from emon_platform.consumer.subscriptions import Subscription
from emon_platform.service import build

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
        services = composed_services(Path(folder))
        subscriptions = {name: composed.subscriptions() for name, composed in services.items()}
        openapi = {name: build(composed.service, composed.settings).openapi() for name, composed in services.items()}
    return Composition(subscriptions, merge(openapi.pop(GATEWAY), openapi))
