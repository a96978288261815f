"""How an application is served: the same for every service, and beside it what is for those who run it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
import uvloop
from fastapi import FastAPI
from uvicorn.config import Config

from emon_platform import collector
from emon_platform.http.operations import Operations, operations_app
from emon_platform.settings import ProcessSettings

SHUTDOWN_TIMEOUT_S = 10


def serve_app(app: FastAPI, settings: ProcessSettings) -> None:
    """Runs until SIGTERM or SIGINT; then finishes what is under way. Answers that have no end ask `app.state.is_stopping`."""
    operations: Operations = app.state.operations
    server = uvicorn.Server(_config(app, settings.service_host, settings.service_port))
    app.state.is_stopping = lambda: server.should_exit
    # Its date would be set by the loop that waits for signals.
    beside = _config(operations_app(operations), settings.operations_host, settings.operations_port, date_header=False)
    collector.settle()

    async def both() -> None:
        async with _serving(beside):
            await server.serve()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(both())


def _config(app: FastAPI, host: str, port: int, *, date_header: bool = True) -> Config:
    return Config(
        app,
        host=host,
        port=port,
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=date_header,
        proxy_headers=False,  # uvicorn would believe X-Forwarded-For of everybody on this machine
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )


@asynccontextmanager
async def _serving(config: Config) -> AsyncGenerator[None]:
    """Serves beside a server that minds the signals: from before it starts until after it ended."""
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield
    finally:
        await server.shutdown()
