"""The dashboard: what it is made of."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from emon_dashboard import information
from emon_dashboard.circles import routes as circles
from emon_dashboard.deliveries import routes as deliveries
from emon_dashboard.failures import FAILURES, failure_page
from emon_dashboard.feedback import routes as feedback
from emon_dashboard.gateway import Gateway
from emon_dashboard.imports import routes as imports
from emon_dashboard.meetings import routes as meetings
from emon_dashboard.network import routes as network
from emon_dashboard.own import routes as own
from emon_dashboard.people import routes as people
from emon_dashboard.rendering.pages import manifest
from emon_dashboard.settings import DashboardSettings
from emon_dashboard.sign_in import routes as sign_in
from emon_dashboard.today import routes as today
from emon_platform import metrics, tracing
from emon_platform.http.context import RequestContext
from emon_platform.http.health import liveness_router
from emon_platform.http.operations import Operations
from emon_platform.http.server import serve_app
from emon_platform.settings import settings_from_environment
from emon_platform.telemetry import configure_logging

ROUTERS = (
    information.router,
    sign_in.router,
    today.router,
    imports.router,
    meetings.router,
    circles.router,
    people.router,
    own.router,
    feedback.router,
    deliveries.router,
    network.router,
)


def build(settings: DashboardSettings) -> FastAPI:
    """The application."""
    manifest()  # fails at the start, and not at the first page, where assets are missing
    operations = Operations()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        app.state.gateway = Gateway(settings.gateway_url)
        operations.checks.append(app.state.gateway.is_ready)
        operations.started()
        try:
            yield
        finally:
            await app.state.gateway.close()
            await tracing.flush()

    app = FastAPI(
        title="EmON dashboard", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.state.settings = settings
    app.state.operations = operations
    for failure in (*FAILURES, HTTPException, RequestValidationError):
        app.add_exception_handler(failure, failure_page)
    app.include_router(liveness_router())
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(RequestContext)
    return app


def run() -> None:
    """Runs with the settings of the environment, until SIGTERM or SIGINT."""
    settings = settings_from_environment(DashboardSettings)
    configure_logging("dashboard", settings.log_level)
    tracing.configure("dashboard")
    metrics.say_build("dashboard", "api")
    serve_app(build(settings), settings)
