"""A page: 50 of 20,000 organisations as HTML, for a coordinator who is signed in.

`python -m benchmarks pages`. Ours is the whole chain as it runs in production, one process each: the dashboard asks the gateway
who comes and what the list holds, the gateway looks up the session each time and asks contacts, which answers under row-level
security. The peer is one Django application, served by gunicorn with a process for each processor: session and user from the
database, `ListView` with its pagination, `prefetch_related`, the same elements in its template. That pagination counts the list
for each page, which a cursor spares; so the peer is measured without that as well. All show the same names.
"""

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

import httpx
from joserfc.jwk import OKPKey

from benchmarks import listing
from benchmarks.comparison import Comparison
from benchmarks.http_load import Load, load
from benchmarks.service import service
from benchmarks.surroundings import PEERS, Surroundings, contender, run_alone
from emon_contacts.schema import migrations as contacts_migrations
from emon_contracts.actors import Grant, Role
from emon_contracts.directory import MunicipalityRecord, PersonRecord
from emon_contracts.values import Locale
from emon_embedded.ports import free_ports
from emon_embedded.service_databases import ServiceDatabase
from emon_gateway.schema import migrations as gateway_migrations
from emon_gateway.sign_in import repository
from emon_gateway.sign_in.commands import token_hash
from emon_gateway.sign_in.rules import Session
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import Database
from emon_platform.directory import save_municipalities, save_people

PATH = "/circles"
PAGES = 20
WARM_UP_S = 2.0
SECONDS = 8.0
A_FEW = 8  # connections
HTML_BYTES_MAX = 100 * 1024
FIRST_BYTE_MS_MAX = 100
NAME = re.compile(r"Freundeskreis Asyl \d{5}")
FURTHER = re.compile(r'href="(\?[^"]*)" rel="next"')


@dataclass(frozen=True, slots=True)
class Measured:
    """What a chain did: for one visitor, for a few at once, and how long its pages are."""

    alone: Load
    together: Load
    html_bytes: int
    names: Sequence[str]


class Keys:
    """The gateway's keys: a pair for tokens, and one for links, which nobody follows here."""

    def __init__(self, folder: Path) -> None:
        pairs = {name: OKPKey.generate_key("Ed25519", auto_kid=True) for name in ("actor-token", "signed-link")}
        for name, key in pairs.items():
            for half in ("private", "public"):
                (folder / f"{name}.{half}.jwk").write_text(json.dumps(key.as_dict(private=half == "private")))
        self.contacts = {"EMON_ACTOR_TOKEN_PUBLIC_KEY_FILE": str(folder / "actor-token.public.jwk")}
        self.gateway = {
            "EMON_ACTOR_TOKEN_PRIVATE_KEY_FILE": str(folder / "actor-token.private.jwk"),
            "EMON_SIGNED_LINK_PUBLIC_KEY_FILE": str(folder / "signed-link.public.jwk"),
        }


async def sign_in(urls: ServiceDatabase) -> str:
    """A coordinator of the municipality with an open session; answers its access token."""
    now = datetime.now(UTC)
    token, person_id = secrets.token_urlsafe(32), uuid4()
    grants = (Grant(role=Role.COORDINATOR, ags=listing.AGS),)
    person = PersonRecord(
        person_id=person_id, display_name="Erika Muster", email=None, locale=Locale.DE, memberships=(), grants=grants
    )
    municipality = MunicipalityRecord(ags=listing.AGS, name="Musterstadt", closed=False)
    worker = await Database.connect(urls.worker_url, name="benchmark")
    api = await Database.connect(urls.api_url, name="benchmark")
    try:
        async with worker.unscoped() as tx:
            await save_people(tx, [StateRecord(person.key(), 1, person)])
            await save_municipalities(tx, [StateRecord(municipality.key(), 1, municipality)])
        session = Session(token_hash(token), person_id, now, now, now + timedelta(hours=1))
        async with api.unscoped() as tx:
            await repository.act_as_holder_of(tx, session.token_hash)
            await repository.save_session(tx, session)
    finally:
        await worker.close()
        await api.close()
    return token


async def measured(port: int, cookie: str) -> Measured:
    """Walks through the list once, then measures."""
    headers = {"Cookie": cookie, "Accept-Language": "de"}
    path, paths, html = PATH, list[str](), ""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        for _ in range(PAGES):
            paths.append(path)
            html = (await client.get(path)).raise_for_status().text
            [further] = FURTHER.findall(html)
            path = PATH + further.replace("&amp;", "&")
    names = NAME.findall(html)
    assert len(names) == 50, f"{len(names)} organisations on a page"
    await load(port, headers, paths, WARM_UP_S, A_FEW)
    alone = await load(port, headers, paths, SECONDS, 1)
    return Measured(alone, await load(port, headers, paths, SECONDS, A_FEW), len(html.encode()), names)


async def ours(found: Surroundings) -> Measured:
    """The chain, with the logs that it has by default."""
    contacts = await found.database("contacts", contacts_migrations())
    gateway = await found.database("gateway", gateway_migrations())
    await listing.fill(found.postgresql.server.url(contacts.name))
    token, keys = await sign_in(gateway), Keys(found.folder)
    async with service("contacts", "api", contacts, found.bootstrap, keys.contacts) as behind:
        # No page of this benchmark asks another service; but the gateway is ready once all of them are.
        urls = {
            f"EMON_{name}_URL": f"http://127.0.0.1:{behind.port}"
            for name in ("CONTACTS", "MEETINGS", "FEEDBACK", "NOTIFICATIONS")
        }
        limits = {"EMON_RATE_PER_SESSION": "1000000/second"}
        async with service("gateway", "api", gateway, found.bootstrap, {**keys.gateway, **urls, **limits}) as door:
            settings = {"EMON_GATEWAY_URL": f"http://127.0.0.1:{door.port}"}
            async with service("dashboard", "api", gateway, found.bootstrap, settings) as pages:
                return await measured(pages.port, f"__Host-session={token}")


async def peer(found: Surroundings, *, counts: bool) -> Measured:
    """Django in a database of its own on the same PostgreSQL. Its pagination `counts` the whole list for each page."""
    database = await found.postgresql.fresh_database("contacts")
    [port] = free_ports(1)
    arguments = {"url": database.owner_url, "port": port, "organisations": listing.ORGANISATIONS, "counts": counts}
    async with contender(PEERS / "django_pages.py", arguments) as program:
        program.begin()
        return await measured(port, f"sessionid={await program.says()}; csrftoken={'x' * 32}")


def first_byte(what: Load) -> tuple[float, float]:
    """Milliseconds: the median, and what 99 of 100 keep within."""
    return median(what.first_byte_s) * 1000, quantiles(what.first_byte_s, n=100)[98] * 1000


def told(name: str, what: Measured) -> str:
    """One line of figures."""
    (median_ms, p99_ms), (busy_median_ms, busy_p99_ms) = first_byte(what.alone), first_byte(what.together)
    return (
        f"pages, {name}: first byte {median_ms:.1f} ms, p99 {p99_ms:.1f} ms; over {A_FEW} connections {busy_median_ms:.1f} ms, "
        f"p99 {busy_p99_ms:.1f} ms, {what.together.answers_per_second:,.0f} pages/s; {what.html_bytes:,} bytes"
    )


async def measure(found: Surroundings) -> list[Comparison]:
    """Ours, then the peer as its documentation shows it, then the peer without what our list does not do."""
    own = await ours(found)
    print(told("ours", own), flush=True)
    other = await peer(found, counts=True)
    print(told("Django", other), flush=True)
    spared = await peer(found, counts=False)
    print(told("Django that does not count", spared), flush=True)
    assert own.names == other.names == spared.names, "they list different organisations"
    name = "Django templates + ORM, gunicorn"
    (own_ms, own_p99_ms), (other_ms, other_p99_ms) = first_byte(own.alone), first_byte(other.alone)
    (own_busy_ms, own_busy_p99_ms), (other_busy_ms, other_busy_p99_ms) = first_byte(own.together), first_byte(other.together)
    own_rate, other_rate, spared_rate = (what.together.answers_per_second for what in (own, other, spared))
    few = f"over {A_FEW} connections"
    return [
        Comparison("page of 50 of 20,000, first byte", "ms", own_ms, name, other_ms, at_most=FIRST_BYTE_MS_MAX),
        Comparison("page, first byte, p99", "ms", own_p99_ms, name, other_p99_ms, at_most=FIRST_BYTE_MS_MAX),
        Comparison(f"page, first byte, {few}", "ms", own_busy_ms, name, other_busy_ms, at_most=FIRST_BYTE_MS_MAX),
        Comparison(f"page, first byte, {few}, p99", "ms", own_busy_p99_ms, name, other_busy_p99_ms),
        Comparison(f"pages {few}", "pages/s", own_rate, name, other_rate, target=2),
        Comparison(f"pages {few}, beside one that does not count", "pages/s", own_rate, f"{name}, no count", spared_rate),
        Comparison("page, its size", "bytes", own.html_bytes, name, other.html_bytes, at_most=HTML_BYTES_MAX),
    ]


if __name__ == "__main__":
    run_alone(measure)
