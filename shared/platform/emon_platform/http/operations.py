"""What a process tells those who run it, on a port of its own: nothing of it is for whoever uses the service."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from emon_platform.http.health import Check, Remarks, liveness_router, readiness_router


async def _is_starting() -> Sequence[str]:
    return ["it starts"]


@dataclass
class Operations:
    """Filled while a service starts. `before_metrics` brings figures up to date that are found when somebody asks."""

    checks: list[Check] = field(default_factory=lambda: [_is_starting])
    remarks: list[Remarks] = field(default_factory=list[Remarks])
    before_metrics: list[Callable[[], Awaitable[None]]] = field(default_factory=list[Callable[[], Awaitable[None]]])

    def started(self) -> None:
        """From now on what the checks say is all there is."""
        self.checks.remove(_is_starting)


def operations_app(operations: Operations) -> FastAPI:
    """`/health/live`, `/health/ready` and `/metrics`."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.include_router(liveness_router())
    app.include_router(readiness_router(operations.checks, operations.remarks))
    app.include_router(_metrics_router(operations))
    return app


def _metrics_router(operations: Operations) -> APIRouter:
    router = APIRouter()

    @router.get("/metrics")
    async def metrics() -> Response:  # pyright: ignore[reportUnusedFunction]
        for refresh in operations.before_metrics:
            await refresh()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
