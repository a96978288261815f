"""Limits on bodies, before anything reads them: size and media type."""

from collections.abc import Callable, MutableMapping
from email.message import Message
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from emon_platform.http.problems import problem_response

JSON_BYTES_MAX = 1024 * 1024
IMPORT_BYTES_MAX = 8 * 1024 * 1024

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What lists may be that are imported, by how the path ends that takes them.
IMPORT_MEDIA_TYPES = {"/imports": (CSV,), "/import-drafts": (CSV, XLSX)}


# Which media types a body for this path may have besides those of the API.
MediaTypes = Callable[[str], tuple[str, ...]]


def no_other_media_types(_path: str) -> tuple[str, ...]:
    """What an application without pages takes besides the API's own."""
    return ()


def limit_of(path: str) -> int:
    """Bytes that a body for this path may have."""
    return IMPORT_BYTES_MAX if path.endswith(tuple(IMPORT_MEDIA_TYPES)) else JSON_BYTES_MAX


def media_types_of(path: str) -> tuple[str, ...]:
    """What a body for this path may be."""
    return next((types for end, types in IMPORT_MEDIA_TYPES.items() if path.endswith(end)), ("application/json",))


class BodyLimits:
    """ASGI middleware: 413 for a body over the limit, declared or not; 415 for another media type."""

    def __init__(self, app: ASGIApp, also_media_types: MediaTypes = no_other_media_types) -> None:
        self._app = app
        self._also = also_media_types

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = limit_of(scope["path"])
        declared = headers.get(b"content-length", b"")
        has_body = (declared.isdigit() and int(declared) > 0) or b"transfer-encoding" in headers
        if declared.isdigit() and int(declared) > limit:
            await _too_large(limit)(scope, receive, send)
            return
        allowed = media_types_of(scope["path"]) + self._also(scope["path"])
        if has_body and _media_type(headers.get(b"content-type", b"")) not in allowed:
            response = problem_response(
                415, "unsupported-media-type", f"Send {' or '.join(allowed)}.", headers={"Accept": ", ".join(allowed)}
            )
            await response(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counted() -> MutableMapping[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            # FastAPI passes its own kind of exception on while it reads a body, and turns any other into a 400.
            raise HTTPException(413)
        return message

    return counted


def _too_large(limit: int) -> ASGIApp:
    return problem_response(413, "body-too-large", f"At most {limit} bytes.", headers={"Connection": "close"})


def _media_type(content_type: bytes) -> str:
    message = Message()
    message["content-type"] = content_type.decode("latin-1")
    return message.get_content_type() if content_type else ""
