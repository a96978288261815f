"""A gateway on a real database, in front of four services."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from fastapi import FastAPI
from joserfc.jwk import OKPKey
from yarl import URL

from emon_contracts.actors import Grant
from emon_contracts.directory import MembershipRecord, PersonRecord
from emon_contracts.values import Locale
from emon_embedded.service_databases import ServiceDatabase
from emon_gateway.app import SERVICE, after_people
from emon_gateway.schema import migrations
from emon_gateway.settings import GatewaySettings
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import Database
from emon_platform.directory import save_people
from emon_platform.http.operations import operations_app
from emon_platform.identity import ActorVerifier
from emon_platform.service import build
from emon_platform.signed_links import Purpose, SignedLink, Signer

from tests.conftest import FreshDatabase
from tests.gateway.peers import Peer, serving


@dataclass(frozen=True)
class Keys:
    """The key pairs of gateway and notifications, and the files with what the gateway gets of them."""

    actor: OKPKey
    link: OKPKey
    actor_file: Path
    link_file: Path


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    actor, link = (OKPKey.generate_key("Ed25519", {"kid": name}) for name in ("actor", "link"))
    (folder / "actor").write_text(json.dumps(actor.as_dict(private=True)))
    (folder / "link").write_text(json.dumps(link.as_dict(private=False)))
    return Keys(actor, link, folder / "actor", folder / "link")


@pytest.fixture
async def urls(fresh_database: FreshDatabase) -> ServiceDatabase:
    return await fresh_database("gateway", migrations)


@pytest.fixture
async def worker(urls: ServiceDatabase) -> AsyncGenerator[Database]:
    database = await Database.connect(urls.worker_url, name="test worker")
    yield database
    await database.close()


@pytest.fixture
async def api(urls: ServiceDatabase) -> AsyncGenerator[Database]:
    database = await Database.connect(urls.api_url, name="test api")
    yield database
    await database.close()


@dataclass
class Platform:
    """The gateway by its URL, the services behind it, and what a test needs to set the scene."""

    url: str
    operations_url: str
    http: aiohttp.ClientSession
    peers: dict[str, Peer]
    peer_urls: dict[str, str]
    keys: Keys
    worker: Database
    app: FastAPI

    async def know(self, *people: PersonRecord, version: int = 1) -> None:
        """The directory tells the gateway of these people."""
        async with self.worker.unscoped() as tx:
            await after_people(tx, await save_people(tx, [StateRecord(item.key(), version, item) for item in people]))

    async def forget(self, person_id: UUID, version: int = 2) -> None:
        """The directory tells the gateway that somebody was erased."""
        async with self.worker.unscoped() as tx:
            await after_people(tx, await save_people(tx, [StateRecord(str(person_id), version, None)]))

    def link(
        self,
        person_id: UUID,
        purpose: Purpose = Purpose.SIGN_IN,
        *,
        subject_id: UUID | None = None,
        revision: int = 0,
        valid_for: timedelta = timedelta(minutes=30),
        key: OKPKey | None = None,
    ) -> str:
        """The token of a link, as notifications signs it."""
        now = datetime.now(UTC)
        link = SignedLink(purpose, uuid4(), subject_id or person_id, revision, person_id, now, now + valid_for)
        return Signer(key or self.keys.link).sign(link)

    async def post(self, path: str, body: object, **options: Any) -> aiohttp.ClientResponse:
        return await self.http.post(self.url + path, json=body, **options)

    async def get(self, path: str, token: str | None = None, **options: Any) -> aiohttp.ClientResponse:
        headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        return await self.http.get(URL(self.url + path, encoded=True), headers=headers, allow_redirects=False, **options)

    async def ready(self) -> aiohttp.ClientResponse:
        """What it says to those who run it."""
        return await self.http.get(f"{self.operations_url}/health/ready")

    async def sign_in(self, person: PersonRecord) -> str:
        """An access token for somebody whom the directory knows."""
        answer = await self.post("/v1/sessions", {"token": self.link(person.person_id)})
        assert answer.status == 201, await answer.text()
        return (await answer.json())["access_token"]

    def verifier(self, service: str) -> ActorVerifier:
        """What a service verifies actor tokens with."""
        return ActorVerifier(OKPKey.import_key(self.keys.actor.as_dict(private=False)), service)


def person(
    name: str = "Erika Muster",
    email: str | None = "erika@example.org",
    *,
    grants: tuple[Grant, ...] = (),
    memberships: tuple[MembershipRecord, ...] = (),
    person_id: UUID | None = None,
) -> PersonRecord:
    """Somebody in the directory."""
    return PersonRecord(
        person_id=person_id or uuid4(),
        display_name=name,
        email=email,
        locale=Locale.DE,
        memberships=memberships,
        grants=grants,
    )


Running = Callable[..., Awaitable[Platform]]


@pytest.fixture
async def run_platform(urls: ServiceDatabase, keys: Keys, worker: Database) -> AsyncGenerator[Running]:
    """Runs a gateway: `await run_platform(rate_per_session="3/minute", meetings_url=…)`; settings over the usual ones."""
    async with AsyncExitStack() as stack:

        async def run(*, with_worker: bool = False, **changed: object) -> Platform:
            peers = {name: Peer(name) for name in ("contacts", "meetings", "feedback", "notifications")}
            peer_urls = dict(zip(peers, await stack.enter_async_context(serving(*peers.values())), strict=True))
            settings = GatewaySettings.model_validate(
                {
                    "database_owner_url": urls.owner_url,
                    "database_api_url": urls.api_url,
                    "database_worker_url": urls.worker_url,
                    "kafka_bootstrap": "127.0.0.1:1",
                    "actor_token_private_key_file": keys.actor_file,
                    "signed_link_public_key_file": keys.link_file,
                    **{f"{name}_url": address for name, address in peer_urls.items()},
                    **changed,
                }
            )
            app = build(SERVICE, settings, with_worker=with_worker)
            url, operations_url = await stack.enter_async_context(serving(app, operations_app(app.state.operations)))
            http = await stack.enter_async_context(_client())
            return Platform(url, operations_url, http, peers, peer_urls, keys, worker, app)

        yield run


@asynccontextmanager
async def _client() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def platform(run_platform: Running) -> Platform:
    return await run_platform()
