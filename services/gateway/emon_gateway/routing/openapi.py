"""One OpenAPI document for the whole platform: the gateway's own, and of each service what is reached through the gateway."""

import asyncio
import copy
from collections.abc import Mapping
from typing import Any, cast

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic_core import to_json

from emon_gateway.routing.proxy import METHODS, ConnectedServices, unavailable
from emon_gateway.routing.services import DOCUMENT_TIMEOUT_S, Services, ServiceUnavailable
from emon_gateway.routing.table import is_nameless, service_of
from emon_gateway.sign_in.caller import COUNTED_STRANGER
from emon_platform.http.app import problem_answers

log = structlog.get_logger()

Document = dict[str, Any]

TITLE = "EmON"
DESCRIPTION = (
    "Volunteers and paid staff in refugee aid: who is responsible, when they meet, and who was told. "
    "Sign in by a link that is mailed to you, and send the access token of your session as bearer token."
)
REFRESHED_AFTER_S = 60.0
# What the gateway itself may answer on every route that it passes on.
GATEWAY_ANSWERS = (401, 429, 503)
_SCHEMA_PREFIX = "#/components/schemas/"


def merge(own: Document, services: Mapping[str, Document]) -> Document:
    """The merged document. Schemas that are the same everywhere are shared; others of the same name bear their service's."""
    merged = copy.deepcopy(own)
    merged["info"] = {"title": TITLE, "description": DESCRIPTION, "version": own["info"]["version"]}
    components: Document = merged.setdefault("components", {})
    schemas: Document = components.setdefault("schemas", {})
    components.setdefault("securitySchemes", {})
    for name, document in services.items():
        theirs: Document = document.get("components", {}).get("schemas", {})
        renamed = _renamed(name, theirs, schemas)
        schemas.update({renamed.get(schema, schema): _with_references(body, renamed) for schema, body in theirs.items()})
        components["securitySchemes"].update(document.get("components", {}).get("securitySchemes", {}))
        for path, item in document.get("paths", {}).items():
            if service_of(_sample(path)) == name:
                merged.setdefault("paths", {})[path] = _documented(name, path, _with_references(item, renamed))
    merged["paths"] = dict(sorted(merged.get("paths", {}).items()))
    components["schemas"] = dict(sorted(schemas.items()))
    return merged


def _sample(path: str) -> bytes:
    """A path as it may come over the wire: something stands for each parameter."""
    return path.replace("{", "").replace("}", "").encode()


def _renamed(service: str, theirs: Document, taken: Document) -> dict[str, str]:
    """New names for schemas that another has the name of, and for those that refer to a renamed one and so differ too."""
    renamed: dict[str, str] = {}
    while True:
        clashing = [
            schema
            for schema, body in theirs.items()
            if schema not in renamed and schema in taken and _with_references(body, renamed) != taken[schema]
        ]
        if not clashing:
            return renamed
        renamed |= {schema: f"{service.capitalize()}{schema}" for schema in clashing}


def _with_references(part: object, renamed: Mapping[str, str]) -> Any:
    match part:
        case str():
            # References stand as values; no other text of a document begins like one.
            return _reference(part, renamed)
        case dict():
            items = cast("Document", part)
            return {key: _with_references(value, renamed) for key, value in items.items()}
        case list():
            return [_with_references(value, renamed) for value in cast("list[object]", part)]
        case _:
            return part


def _reference(reference: str, renamed: Mapping[str, str]) -> str:
    schema = reference.removeprefix(_SCHEMA_PREFIX)
    return _SCHEMA_PREFIX + renamed[schema] if reference.startswith(_SCHEMA_PREFIX) and schema in renamed else reference


def _documented(service: str, path: str, item: Document) -> Document:
    nameless = is_nameless(path)
    for method, operation in item.items():
        if method.upper() not in METHODS:
            continue
        operation.setdefault("tags", [service])
        operation["operationId"] = f"{service}_{operation.get('operationId', method)}"
        operation["security"] = [] if nameless else [{"bearer": []}]
        answers: Document = operation.setdefault("responses", {})
        for status, answer in problem_answers(*GATEWAY_ANSWERS).items():
            if not (nameless and status == 401):
                answers.setdefault(str(status), answer)
    return item


class MergedDocument:
    """The merged document, made anew when it is older than `refreshed_after_s`. A service that is down keeps its last one."""

    def __init__(self, own: FastAPI, refreshed_after_s: float = REFRESHED_AFTER_S) -> None:
        self._own = own
        self._refreshed_after_s = refreshed_after_s
        self._services: dict[str, Document] = {}
        self._bytes = b""
        self._made_at: float | None = None
        self._making = asyncio.Lock()

    async def read(self, services: Services) -> bytes:
        """The document as JSON. Raises ServiceUnavailable for a service that was never seen."""
        async with self._making:
            now = asyncio.get_running_loop().time()
            if self._made_at is None or now - self._made_at >= self._refreshed_after_s:
                found = await asyncio.gather(*(self._fetch(name, services) for name in services))
                self._bytes = to_json(merge(self._own.openapi(), self._services))
                # Complete only when every service answered; otherwise it is tried again with the next request.
                self._made_at = now if all(found) else None
            return self._bytes

    async def _fetch(self, name: str, services: Services) -> bool:
        try:
            status, document = await services[name].ask_json("GET", "/openapi.json", {}, DOCUMENT_TIMEOUT_S)
            if status != 200 or not isinstance(document, dict):
                raise ServiceUnavailable(name, f"status {status}")
        except ServiceUnavailable:
            if name not in self._services:
                raise
            log.warning("document_not_refreshed", of=name)
            return False
        self._services[name] = document
        return True


router = APIRouter(include_in_schema=False, dependencies=[COUNTED_STRANGER])


@router.get("/openapi.json")
async def openapi_document(request: Request, services: ConnectedServices) -> Response:
    """The merged document."""
    document: MergedDocument = request.app.state.document
    try:
        return Response(await document.read(services), media_type="application/json")
    except ServiceUnavailable as error:
        raise unavailable(error.service) from error
