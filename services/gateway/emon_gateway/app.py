"""The gateway: what it is made of."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI

from emon_gateway.limits.rates import Rates
from emon_gateway.pages import anonymous_feedback, problems, sign_in as sign_in_pages
from emon_gateway.pages.links import routes as links
from emon_gateway.pages.rendering import assets, form_media_types
from emon_gateway.parts import Parts
from emon_gateway.routing import openapi, proxy, services
from emon_gateway.routing.actor_tokens import ActorTokens
from emon_gateway.routing.nameless import Nameless
from emon_gateway.routing.readiness import readiness_of
from emon_gateway.settings import GatewaySettings
from emon_gateway.sign_in import repository, routes as sign_in
from emon_gateway.sign_in.dispatch import SignInDispatch
from emon_gateway.sign_in.rules import Terms
from emon_gateway.sign_in.subscribers import end_sessions_of_erased
from emon_platform import directory
from emon_platform.consumer import dead_letters, inbox
from emon_platform.database import Database, Transaction
from emon_platform.http.health import Check
from emon_platform.service import Service, Worker
from emon_platform.signed_links import load_key
from emon_platform.timers import Timer

SWEEP_EVERY_S = 3600.0


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
    app.add_middleware(Nameless)  # added last, so the outermost


@asynccontextmanager
async def resources(settings: GatewaySettings, app: FastAPI) -> AsyncGenerator[Sequence[Check]]:
    """Connections to the services; the gateway is ready once they are."""
    async with services.connected(settings.service_urls) as connected:
        app.state.services = connected
        yield [readiness_of(service) for service in connected.values()]


def worker(_settings: GatewaySettings, database: Database) -> Worker:
    """What runs besides the routes."""
    return Worker(
        subscriptions=directory.subscriptions(after_people=end_sessions_of_erased),
        parts=(SignInDispatch(database),),
        timers=(
            Timer("sweep sign-in", SWEEP_EVERY_S, _sweep_sign_in),
            Timer("sweep inbox", SWEEP_EVERY_S, inbox.sweep),
            Timer("sweep dead letters", SWEEP_EVERY_S, dead_letters.sweep),
        ),
    )


async def _sweep_sign_in(tx: Transaction) -> None:
    await repository.sweep(tx, datetime.now(UTC))


SERVICE = Service(
    name="gateway",
    title="EmON gateway",
    settings=GatewaySettings,
    routers=(
        sign_in.strangers,
        sign_in.router,
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
)
