"""Real services to stand behind the gateway: small ASGI applications on 127.0.0.1, well-behaved or not."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Answer = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass
class Seen:
    """A request as it reached a service."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


async def send_json(send: Send, body: object, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json"), *headers]})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client went away")
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


@dataclass
class Peer:
    """A service: it notes what it was asked, and answers `{"service": …}` unless told otherwise for a path."""

    name: str
    seen: list[Seen] = field(default_factory=list[Seen])
    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    begun: int = 0
    broken_off: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        path = scope["path"]
        if path == "/health/live":
            await send_json(send, {"status": "live"})
        elif path in self.answers:
            await self.answers[path](scope, receive, send)
        elif path == "/health/ready":
            await send_json(send, {"status": "ready", "troubles": []})
        elif path == "/openapi.json":
            await send_json(send, {"openapi": "3.1.0", "info": {"title": self.name, "version": "1"}, "paths": {}})
        else:
            await self._note(scope, receive)
            await send_json(send, {"service": self.name}, headers=((b"etag", b'"1"'), (b"set-cookie", b"a=b")))

    async def _note(self, scope: Scope, receive: Receive) -> None:
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        self.begun += 1
        try:
            body = await read_body(receive)
        except ConnectionError:
            self.broken_off += 1
            return
        self.seen.append(Seen(scope["method"], target, headers, body))


@asynccontextmanager
async def serving(*apps: ASGIApp) -> AsyncGenerator[list[str]]:
    """Runs applications by uvicorn on free ports of this process; gives their URLs."""
    servers = [_server(app) for app in apps]
    for server in servers:
        await server.startup()
        await server.on_tick(0)  # the Date header
    try:
        yield [f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}" for server in servers]
    finally:
        await asyncio.gather(*(_stop(server) for server in servers))


def _server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app, port=0, log_config=None, access_log=False, http="httptools", proxy_headers=False, timeout_graceful_shutdown=1
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server


async def _stop(server: uvicorn.Server) -> None:
    """As it stops by itself, but for the pause that uvicorn makes in any case: nobody asks it any more."""
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    await asyncio.sleep(0)  # then those are gone that were idle
    if server.server_state.connections:
        await server.shutdown()
    else:
        await server.lifespan.shutdown()


SOURCE_OF_A_PROCESS = """
import asyncio, uvicorn
async def app(scope, receive, send):
    if scope["type"] != "http": return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"{}"})
async def main():
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    task = asyncio.create_task(server.serve())
    while not server.started: await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await task
asyncio.run(main())
"""


@asynccontextmanager
async def peer_process() -> AsyncGenerator[tuple[str, asyncio.subprocess.Process]]:
    """A service in a process of its own, which can be stopped and killed."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SOURCE_OF_A_PROCESS, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()
