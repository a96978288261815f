"""How an application is served: the same for every service."""

import uvicorn
from fastapi import FastAPI
from uvicorn.config import Config

from emon_platform import collector
from emon_platform.settings import ProcessSettings

SHUTDOWN_TIMEOUT_S = 10


def serve_app(app: FastAPI, settings: ProcessSettings) -> None:
    """Runs until SIGTERM or SIGINT; then finishes what is under way. Answers that have no end ask `app.state.is_stopping`."""
    config = Config(
        app,
        host=settings.service_host,
        port=settings.service_port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # uvicorn would believe X-Forwarded-For of everybody on this machine
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )
    collector.settle()
    server = uvicorn.Server(config)
    app.state.is_stopping = lambda: server.should_exit
    server.run()
