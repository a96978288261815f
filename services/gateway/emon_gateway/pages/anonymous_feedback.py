"""`/anonymous-feedback/{secret}`: where an anonymous author reads the answer, rates it, and writes back.

Nobody is signed in here, and nothing is asked of the session that a browser may have (routing/nameless.py).
"""

import re
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from emon_contracts.actors import ANONYMOUS
from emon_gateway.pages import feedback
from emon_gateway.pages.links.visits import SERVICE_TIMEOUT_S
from emon_gateway.pages.rendering import page
from emon_gateway.parts import Parts
from emon_gateway.routing.proxy import ConnectedServices, headers_of
from emon_gateway.routing.services import Services, ServiceUnavailable
from emon_gateway.sign_in.caller import GatewayParts
from emon_platform.http.browsers import came_from_elsewhere
from emon_platform.http.problems import RETRY_AFTER_S, ProblemError
from emon_platform.signed_links import InvalidLink

router = APIRouter(prefix="/anonymous-feedback", include_in_schema=False)

FORM_FIELDS_MAX = 10
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,64}")


@router.get("/{secret}")
async def show(secret: str, request: Request, parts: GatewayParts, services: ConnectedServices) -> Response:
    """The page of the secret. Does nothing."""
    return await _answered(request, parts, feedback.show(request, _asking(secret, parts, services)))


@router.post("/{secret}")
async def act(secret: str, request: Request, parts: GatewayParts, services: ConnectedServices) -> Response:
    """Takes a form of the page."""
    if came_from_elsewhere(request, parts.public_origin):
        return page(request, "notice.html", 403, title="foreign_form", action=None)
    async with request.form(max_files=0, max_fields=FORM_FIELDS_MAX) as form:
        return await _answered(request, parts, feedback.act(request, form, _asking(secret, parts, services)))


def _asking(secret: str, parts: Parts, services: Services) -> feedback.Ask:
    async def ask(method: str, path: str, body: Any) -> tuple[int, Any]:
        if not _SECRET.fullmatch(secret):
            raise InvalidLink("no secret")
        headers = headers_of(ANONYMOUS, "feedback", parts, datetime.now(UTC))
        target = f"/v1/anonymous-feedback/{secret}{path}"
        status, answer = await services["feedback"].ask_json(method, target, headers, SERVICE_TIMEOUT_S, body)
        if status in (403, 404):
            raise InvalidLink("no such secret")
        if status >= 500 or status == 401:
            raise ServiceUnavailable("feedback", f"status {status}")
        return status, answer

    return ask


async def _answered(request: Request, parts: Parts, response: Awaitable[Response]) -> Response:
    try:
        await parts.rates.count_stranger(request)
        return await response
    except ProblemError as error:
        headers = {"Retry-After": error.response.headers["Retry-After"]}
        return page(request, "notice.html", 429, headers=headers, title="too_many", action=None)
    except InvalidLink:
        return page(request, "notice.html", 404, title="page-link-invalid", action=None)
    except ServiceUnavailable:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return page(request, "notice.html", 503, headers=headers, title="unavailable", action=None)
