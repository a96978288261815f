"""The gateway: what it is made of."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from fastapi import FastAPI

from emon_gateway.limits.rates import Rates
from emon_gateway.network import routes as network
from emon_gateway.pages import anonymous_feedback, problems, sign_in as sign_in_pages
from emon_gateway.pages.links import routes as links
from emon_gateway.pages.rendering import assets, form_media_types
from emon_gateway.parts import Parts
from emon_gateway.read_model import repository as read_model, subscribers
from emon_gateway.routing import openapi, proxy, services
from emon_gateway.routing.actor_tokens import ActorTokens
from emon_gateway.routing.nameless import Nameless
from emon_gateway.routing.readiness import readiness_of
from emon_gateway.settings import GatewaySettings
from emon_gateway.sign_in import repository, routes as sign_in
from emon_gateway.sign_in.dispatch import SignInDispatch
from emon_gateway.sign_in.rules import Terms
from emon_gateway.sign_in.subscribers import end_sessions_of_erased
from emon_gateway.today import routes as today
from emon_gateway.today.streams import Watchers
from emon_platform import directory
from emon_platform.changes import Listening
from emon_platform.consumer import dead_letters, inbox
from emon_platform.consumer.subscriptions import Subscription
from emon_platform.database import Database, Transaction
from emon_platform.http.health import Check
from emon_platform.service import Service, Worker
from emon_platform.signed_links import load_key
from emon_platform.timers import Timer

SWEEP_EVERY_S = 3600.0
LOOK_WHETHER_STOPPING_EVERY_S = 0.2


def prepare(settings: GatewaySettings, app: FastAPI) -> None:
    """What the routes work with."""
    app.state.parts = Parts(
        terms=Terms(lifetime=settings.session_lifetime, idle=settings.session_idle),
        rates=Rates(settings),
        link_key=load_key(settings.signed_link_public_key_file),
        actor_tokens=ActorTokens(load_key(settings.actor_token_private_key_file)),
        public_origin=settings.public_url.rstrip("/"),
    )
    app.state.document = openapi.MergedDocument(app)
    app.state.watchers = Watchers(settings.streams_per_session, settings.streams_per_process)
    app.add_middleware(Nameless)  # added last, so the outermost


@asynccontextmanager
async def resources(settings: GatewaySettings, app: FastAPI) -> AsyncGenerator[Sequence[Check]]:
    """Connections to the services, ready once they are; and the one that hears of changes."""
    watchers: Watchers = app.state.watchers
    listening = Listening(settings.database_api_url, "gateway changes", watchers.hear)
    tasks = [asyncio.create_task(listening.run()), asyncio.create_task(_end_streams_when_stopping(app))]
    try:
        async with services.connected(settings.service_urls) as connected:
            app.state.services = connected
            yield [readiness_of(service) for service in connected.values()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _end_streams_when_stopping(app: FastAPI) -> None:
    while not app.state.is_stopping():
        await asyncio.sleep(LOOK_WHETHER_STOPPING_EVERY_S)
    app.state.watchers.close()


def subscriptions() -> Sequence[Subscription]:
    """Listens to the directory, and to what needs somebody."""
    return (*directory.subscriptions(after_people=after_people), *subscribers.subscriptions())


def worker(_settings: GatewaySettings, database: Database) -> Worker:
    """What runs besides the routes."""
    return Worker(
        subscriptions=subscriptions(),
        parts=(SignInDispatch(database),),
        timers=(
            Timer("sweep sign-in", SWEEP_EVERY_S, _sweep_sign_in),
            Timer("sweep read model", SWEEP_EVERY_S, _sweep_read_model),
            Timer("sweep inbox", SWEEP_EVERY_S, inbox.sweep),
            Timer("sweep dead letters", SWEEP_EVERY_S, dead_letters.sweep),
        ),
    )


async def after_people(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """Whoever was erased is signed out, and nothing about them is shown any more; others may see what their grants let them."""
    await end_sessions_of_erased(tx, person_ids)
    await subscribers.note_people(tx, person_ids)


async def _sweep_sign_in(tx: Transaction) -> None:
    await repository.sweep(tx, datetime.now(UTC))


async def _sweep_read_model(tx: Transaction) -> None:
    await read_model.sweep(tx, datetime.now(UTC))


SERVICE = Service(
    name="gateway",
    title="EmON gateway",
    settings=GatewaySettings,
    routers=(
        sign_in.strangers,
        sign_in.router,
        today.router,
        network.router,
        proxy.proxy_router(),
        openapi.router,
        sign_in_pages.router,
        links.router,
        anonymous_feedback.router,
        problems.router,
        assets,
    ),
    worker=worker,
    prepare=prepare,
    verifies_actors=False,
    resources=resources,
    also_media_types=form_media_types,
    openapi_url=None,
    is_public=True,
)
