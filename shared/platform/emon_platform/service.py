"""What a service is made of, and how it runs. A worker serves its health as well."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import structlog
from fastapi import APIRouter, FastAPI

from emon_platform import figures, metrics, tracing
from emon_platform.consumer.runtime import Consumer
from emon_platform.consumer.subscriptions import Subscription
from emon_platform.database import Database
from emon_platform.failures import is_transient
from emon_platform.figures import DatabaseFigures, Figures
from emon_platform.http.app import create_app
from emon_platform.http.bodies import MediaTypes, no_other_media_types
from emon_platform.http.health import Check, database_check
from emon_platform.http.operations import Operations
from emon_platform.http.server import serve_app
from emon_platform.identity import ActorVerifier
from emon_platform.relay import Relay
from emon_platform.settings import ServiceSettings, settings_from_environment
from emon_platform.signed_links import load_key
from emon_platform.telemetry import configure_logging
from emon_platform.timers import Timer, run_timers

log = structlog.get_logger()

RESTART_PAUSE_S = 5.0
CONNECT_PAUSE_S = 0.5
WORKER_TRANSACTION_TIMEOUT_S = 10.0
API_TRANSACTION_TIMEOUT_S = 60.0

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


class Part(Protocol):
    """Something that runs until cancelled and can say what ails it."""

    def trouble(self) -> list[str]: ...
    def run(self) -> Coroutine[Any, Any, None]: ...


@dataclass(frozen=True, slots=True)
class Worker:
    """What a service does besides answering requests. The relay comes by itself, and so do the figures of what all have."""

    subscriptions: Sequence[Subscription] = ()
    timers: Sequence[Timer] = ()
    parts: Sequence[Part] = ()
    figures: Sequence[Figures] = ()


@dataclass(frozen=True)
class Service(Generic[SettingsT]):
    """The composition of a service; each `app.py` holds one."""

    name: str
    title: str
    settings: type[SettingsT]
    routers: Sequence[APIRouter]
    worker: Callable[[SettingsT, Database], Worker]
    # What the routes need besides the database: called with the application before it serves.
    prepare: Callable[[SettingsT, FastAPI], None] = field(default=lambda _settings, _app: None)
    # Whether requests carry actor tokens of the gateway. The gateway itself is the one that does not.
    verifies_actors: bool = True
    # What the routes hold open while they serve, such as connections to others; gives further checks for readiness.
    resources: Callable[[SettingsT, FastAPI], AbstractAsyncContextManager[Sequence[Check]]] | None = None
    also_media_types: MediaTypes = no_other_media_types
    # None where the service documents itself by a route of its own.
    openapi_url: str | None = "/openapi.json"
    # Whether anybody can reach its port.
    is_public: bool = False


def run(service: Service[Any], *, with_api: bool, with_worker: bool) -> None:
    """Runs a service with the settings of the environment, until SIGTERM or SIGINT."""
    settings = settings_from_environment(service.settings)
    configure_logging(service.name, settings.log_level)
    tracing.configure(service.name)
    metrics.say_build(service.name, "all" if with_api and with_worker else "api" if with_api else "worker")
    serve(service, settings, with_api=with_api, with_worker=with_worker)


def serve(service: Service[Any], settings: ServiceSettings, *, with_api: bool, with_worker: bool) -> None:
    """Runs until SIGTERM or SIGINT; then finishes what is under way."""
    serve_app(build(service, settings, with_api=with_api, with_worker=with_worker), settings)


def build(service: Service[Any], settings: ServiceSettings, *, with_api: bool = True, with_worker: bool = True) -> FastAPI:
    """The application with everything that runs beside it."""
    operations = Operations()
    checks = operations.checks

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(tracing.flush)
            if with_api:
                database = await _connect(settings.database_api_url, f"{service.name} api", API_TRANSACTION_TIMEOUT_S)
                stack.push_async_callback(database.close)
                checks.append(database_check("database", database))
                app.state.database = database
                if service.resources is not None:
                    checks.extend(await stack.enter_async_context(service.resources(settings, app)))
            if with_worker:
                database = await _connect(settings.database_worker_url, f"{service.name} worker", WORKER_TRANSACTION_TIMEOUT_S)
                stack.push_async_callback(database.close)
                checks.append(database_check("worker database", database))
                parts, worker = _work(service, settings, database)
                checks.extend(_part_check(part) for part in parts)
                operations.remarks.extend(part.remarks for part in parts if isinstance(part, Consumer))
                operations.before_metrics.append(_count_troubles(parts))
                in_database = DatabaseFigures(database, _figures(worker))
                operations.before_metrics.append(in_database.refresh)
                stack.push_async_callback(in_database.close)
                tasks = [asyncio.create_task(_keep_running(part)) for part in parts]
                tasks.append(asyncio.create_task(run_timers(database, worker.timers)))
                stack.push_async_callback(_stop, tasks)
            operations.started()
            yield

    app = create_app(
        service.title,
        service.routers if with_api else (),
        operations,
        lifespan,
        is_public=service.is_public,
        also_media_types=service.also_media_types,
        openapi_url=service.openapi_url,
    )
    app.state.operations = operations
    # Requests that would go on for ever end when this says so: a server that stops waits for those that are under way.
    app.state.is_stopping = lambda: False
    if with_api:
        if service.verifies_actors:
            if settings.actor_token_public_key_file is None:
                raise ValueError("EMON_ACTOR_TOKEN_PUBLIC_KEY_FILE must name the gateway's public key")
            app.state.verifier = ActorVerifier(load_key(settings.actor_token_public_key_file), service.name)
        service.prepare(settings, app)
    return app


def _figures(worker: Worker) -> Sequence[Figures]:
    of_consumer = (figures.of_dead_letters,) if worker.subscriptions else ()
    return (figures.of_outbox, *of_consumer, *worker.figures)


def _count_troubles(parts: Sequence[Part]) -> Callable[[], Awaitable[None]]:
    async def count() -> None:
        for part in parts:
            metrics.part_troubles.labels(type(part).__name__).set(len(part.trouble()))

    return count


def _work(service: Service[Any], settings: ServiceSettings, database: Database) -> tuple[list[Part], Worker]:
    worker = service.worker(settings, database)
    parts: list[Part] = [Relay(settings.database_worker_url, settings.kafka, service.name), *worker.parts]
    if worker.subscriptions:
        instance = settings.worker_instance
        parts.append(Consumer(service.name, settings.kafka, database, worker.subscriptions, instance))
    return parts, worker


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _connect(url: str, name: str, transaction_timeout_s: float) -> Database:
    while True:
        try:
            return await Database.connect(url, name=name, transaction_timeout_s=transaction_timeout_s)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("database_unreachable", name=name, reason=type(error).__name__)
            await asyncio.sleep(CONNECT_PAUSE_S)


async def _keep_running(part: Part) -> None:
    while True:
        try:
            await part.run()
            log.error("part_ended", part=type(part).__name__)
        except Exception as error:
            log.error("part_failed", part=type(part).__name__, exc_info=error)
        await asyncio.sleep(RESTART_PAUSE_S)


def _part_check(part: Part) -> Check:
    async def check() -> Sequence[str]:
        return part.trouble()

    return check
