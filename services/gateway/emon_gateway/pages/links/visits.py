"""A visit to the page behind a link: what the link says, and the way to the service that owns what it is about."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import FormData

from emon_contracts.actors import Actor, LinkCapability, LinkPurpose
from emon_gateway.parts import Parts
from emon_gateway.routing.proxy import headers_of
from emon_gateway.routing.services import Services, ServiceUnavailable
from emon_platform.signed_links import InvalidLink, SignedLink

SERVICE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody came by a link that was verified. `parts` and `services` are the gateway's own."""

    request: Request
    token: str
    link: SignedLink
    parts: Parts
    services: Services

    async def ask(
        self,
        service: str,
        method: str,
        target: str,
        *,
        purpose: LinkPurpose,
        body: Any = None,
        revision: int | None = None,
    ) -> tuple[int, Any]:
        """Status and JSON of a service's answer to the holder of this link. `revision`: of what they saw, if not the link's.

        Raises InvalidLink where what the link is about is gone, and ServiceUnavailable.
        """
        capability = LinkCapability(purpose, self.link.subject_id, self.link.revision if revision is None else revision)
        headers = headers_of(Actor(self.link.person_id, link=capability), service, self.parts, datetime.now(UTC))
        status, answer = await self.services[service].ask_json(method, target, headers, SERVICE_TIMEOUT_S, body)
        if status in (403, 404, 410):
            raise InvalidLink("what it is about is gone")
        if status >= 500 or status == 401:
            raise ServiceUnavailable(service, f"status {status}")
        return status, answer


@dataclass(frozen=True, slots=True)
class LinkPage:
    """What a page does. `show` changes nothing; `act` gets the form that the page sent."""

    show: Callable[[Visit], Awaitable[Response]]
    act: Callable[[Visit, FormData], Awaitable[Response]]
