"""The application of a service: routes, problems, limits, health, documentation."""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI

from emon_platform.http import problems
from emon_platform.http.bodies import BodyLimits, MediaTypes, no_other_media_types
from emon_platform.http.context import RequestContext
from emon_platform.http.health import liveness_router, readiness_router
from emon_platform.http.operations import Operations
from emon_platform.http.problems import Problem

# Every route names its permission: openapi_extra={"x-permission": Permission.…}. This one needs none: it opens a session, or is
# about nobody but the caller.
NO_PERMISSION = "none"

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def problem_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of a route's problems, for FastAPI's `responses`."""
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted(statuses)
    }


_DESCRIPTIONS = {
    400: "The body is not well-formed",
    401: "No valid access token",
    403: "The caller's roles do not allow this",
    404: "There is no such thing, or not for the caller",
    405: "Not a method of this resource",
    409: "It does not go with the present state",
    412: "It was changed since the caller read it",
    413: "The body is too large",
    415: "Not a media type of this resource",
    422: "Fields are not valid, or a rule stands against it",
    428: "If-Match is missing",
    429: "Too many requests",
    503: "Not available at the moment; see Retry-After",
}


def create_app(
    title: str,
    routers: Sequence[APIRouter],
    operations: Operations,
    lifespan: Lifespan,
    *,
    is_public: bool = False,
    also_media_types: MediaTypes = no_other_media_types,
    openapi_url: str | None = "/openapi.json",
) -> FastAPI:
    """Builds the application. Its OpenAPI document is served at `openapi_url`, without pages of its own.

    `is_public`: anybody can reach it, and is told no more of its health than that it lives. `also_media_types` says what bodies
    for a path may be besides JSON, such as the forms of pages.
    """
    app = FastAPI(
        title=title,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=openapi_url,
        responses=problem_answers(503),
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    problems.install(app)
    app.include_router(liveness_router())
    if not is_public:
        app.include_router(readiness_router(operations.checks, operations.remarks))
    for router in routers:
        app.include_router(router)
    _complete_document(app)
    app.add_middleware(BodyLimits, also_media_types=also_media_types)
    app.add_middleware(RequestContext)  # added last, so the outermost
    return app


_VALIDATION_ERROR = "#/components/schemas/HTTPValidationError"


def _complete_document(app: FastAPI) -> None:
    """Puts problems in the place of FastAPI's own validation error, which is never sent, and docstrings into summaries."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = original()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for item in document.get("paths", {}).values():
                for operation in item.values():
                    _summarise(operation)
                    if _VALIDATION_ERROR in str(operation["responses"].get("422")):
                        operation["responses"]["422"] = problem_answers(422)[422]
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(problem.pop("$defs"))
            schemas["Problem"] = problem
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # FastAPI's documented way to extend the document


def _summarise(operation: dict[str, Any]) -> None:
    """The first sentence of a route's docstring, where FastAPI made a summary up from the function's name."""
    made_up = operation["operationId"].replace("_", " ").title()
    if operation.get("summary") == made_up and "description" in operation:
        operation["summary"] = " ".join(re.split(r"\.(?:\s|$)", operation["description"], maxsplit=1)[0].split())
