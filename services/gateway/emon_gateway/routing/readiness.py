"""Whether the services behind the gateway are ready: the platform is, once all its parts are."""

from collections.abc import Sequence
from typing import Any

from emon_gateway.routing.services import Service, ServiceUnavailable
from emon_platform.http.health import CHECK_TIMEOUT_S, Check


def readiness_of(service: Service) -> Check:
    """Asks the service; each of its troubles is named with it."""

    async def check() -> Sequence[str]:
        try:
            status, health = await service.ask_json("GET", "/health/ready", {}, CHECK_TIMEOUT_S)
        except ServiceUnavailable:
            return [f"{service.name}: does not answer"]
        if status == 200:
            return []
        return [f"{service.name}: {trouble}" for trouble in _troubles(health)] or [f"{service.name}: status {status}"]

    return check


def _troubles(health: Any) -> list[str]:
    found = health.get("troubles") if isinstance(health, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return [str(trouble) for trouble in found] if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
