"""A service's routes, asked over HTTP as the gateway asks them: in the name of an actor, with a token that the gateway signs."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from joserfc.jwk import OKPKey

from emon_contracts.actors import Actor
from emon_embedded.service_databases import ServiceDatabase
from emon_platform.database import Database
from emon_platform.identity import sign_actor
from emon_platform.service import Service, build

# Routes publish through the outbox; no broker is needed to serve them.
NO_BROKER = "127.0.0.1:1"
# Each test brings its own.
NO_DATABASE = ServiceDatabase("", "", "", "")


class ServiceApi:
    """Requests in the name of an actor; `client` is nobody's."""

    def __init__(self, service: str, transport: ASGITransport, key: OKPKey) -> None:
        self._service = service
        self._transport = transport
        self._key = key
        self.client = self._client({})

    def as_(self, actor: Actor | None) -> AsyncClient:
        """A client in the name of this actor; None is nobody."""
        if actor is None:
            return self.client
        token = sign_actor(actor, self._service, self._key, datetime.now(UTC))
        return self._client({"Authorization": f"Bearer {token}"})

    def _client(self, headers: dict[str, str]) -> AsyncClient:
        return AsyncClient(transport=self._transport, base_url=f"http://{self._service}", headers=headers)


def settings_for(service: Service[Any], urls: ServiceDatabase, folder: Path, key: OKPKey, **more: Any) -> Any:
    """Settings of a service on this database, which believes tokens of this key; `more` of them for this service alone."""
    public = folder / "actor-token.public.jwk"
    public.write_text(json.dumps(key.as_dict(private=False)))
    return service.settings(
        database_owner_url=urls.owner_url,
        database_api_url=urls.api_url,
        database_worker_url=urls.worker_url,
        kafka_bootstrap=NO_BROKER,
        actor_token_public_key_file=public,
        **more,
    )


_applications: dict[tuple[object, ...], tuple[FastAPI, OKPKey]] = {}


def _application(service: Service[Any], more: dict[str, Any]) -> tuple[FastAPI, OKPKey]:
    """Built once for a whole run: FastAPI gets ready for a first request in more time than most tests take."""
    kind = (service.name, *more.items())
    if kind not in _applications:
        key = OKPKey.generate_key("Ed25519")
        with TemporaryDirectory() as folder:
            settings = settings_for(service, NO_DATABASE, Path(folder), key, **more)
            _applications[kind] = build(service, settings, with_worker=False), key
    return _applications[kind]


@asynccontextmanager
async def serving(service: Service[Any], urls: ServiceDatabase, **more: Any) -> AsyncGenerator[tuple[ASGITransport, OKPKey]]:
    """Serves the routes of a service on this database, without its worker, to one test at a time.

    Gives the way to them, and the key that signs actors. `more` settings are for this service alone.
    """
    app, key = _application(service, more)
    app.state.database = await Database.connect(urls.api_url, name=f"{service.name} api")
    yield ASGITransport(app), key
    await app.state.database.close()
