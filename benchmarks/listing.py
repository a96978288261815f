"""A list: 50 of 20,000 organisations of a municipality behind a cursor, for an actor with a token, at 32 connections.

`python -m benchmarks listing`. Ours is contacts as it runs in production, one process. The peer is FastAPI, SQLAlchemy (asyncio,
asyncpg) and `response_model`, one uvicorn process with the same loop and parser, on the same tables, as the same role, under the
same row-level security: it verifies the same token, sets the same settings in its transaction, and answers the same JSON. The
same client asks both, and shows that it could ask more.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx
from joserfc.jwk import OKPKey

from benchmarks.comparison import Comparison
from benchmarks.http_load import CONNECTIONS, answers_per_second
from benchmarks.service import service
from benchmarks.surroundings import PEERS, Surroundings, contender, run_alone
from emon_contacts.names import identity_key, search_key
from emon_contacts.schema import migrations
from emon_contracts.actors import Actor, Grant, Role
from emon_embedded.service_databases import ServiceDatabase
from emon_platform.identity import sign_actor

ORGANISATIONS = 20_000
AGS = "08115003"
PATH = "/v1/organisations?limit=50"
# The client asks for these pages in turn; the cursor of the first leads into the midst of the list.
PAGES = 20
WARM_UP_S = 1.0
SECONDS = 6.0


async def fill(database: str) -> None:
    """A municipality with all the organisations."""
    names = [f"Freundeskreis Asyl {number:05}" for number in range(ORGANISATIONS)]
    ids = [UUID(int=number + 1) for number in range(ORGANISATIONS)]
    keys = [search_key(name) for name in names]
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            """
            INSERT INTO municipalities (ags, name, search_key, type_code, population, area_hectares, as_of)
            VALUES ($1, 'Musterstadt', 'musterstadt', '63', 100000, 10000, '2026-01-01')
            """,
            AGS,
        )
        await connection.copy_records_to_table(
            "organisations",
            columns=["id", "name", "search_key", "kind"],
            records=[(id_, name, key, "helper_circle") for id_, name, key in zip(ids, names, keys, strict=True)],
        )
        await connection.copy_records_to_table(
            "organisation_areas",
            columns=["organisation_id", "ags", "name_key", "search_key"],
            records=[(id_, AGS, identity_key(name), key) for id_, name, key in zip(ids, names, keys, strict=True)],
        )
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


class Caller:
    """A coordinator of the municipality, with a token as the gateway signs it."""

    def __init__(self, folder: Path) -> None:
        self._key = OKPKey.generate_key("Ed25519", auto_kid=True)
        self._actor = Actor(person_id=uuid4(), grants=(Grant(role=Role.COORDINATOR, ags=AGS),))
        self.public_key_file = folder / "actor-token.public.jwk"
        self.public_key_file.write_text(json.dumps(self._key.as_dict(private=False)))

    def headers(self) -> dict[str, str]:
        """For requests within the next minute."""
        return {"Authorization": f"Bearer {sign_actor(self._actor, 'contacts', self._key, datetime.now(UTC))}"}


async def pages(port: int, headers: dict[str, str]) -> tuple[list[str], list[str]]:
    """Paths of pages one after the other, and the names on the last one, to be compared."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        path, paths, names = PATH, list[str](), list[str]()
        for _ in range(PAGES):
            answer = (await client.get(path)).raise_for_status().json()
            names = [item["name"] for item in answer["items"]]
            path = f"{PATH}&cursor={answer['next_cursor']}"
            paths.append(path)
    assert len(names) == 50, f"{len(names)} organisations on a page"
    return paths, names


async def measured(port: int, headers: dict[str, str], paths: Sequence[str]) -> float:
    """Answers a second, after a warm-up."""
    await answers_per_second(port, headers, paths, WARM_UP_S)
    return await answers_per_second(port, headers, paths, SECONDS)


async def ours(found: Surroundings, urls: ServiceDatabase, caller: Caller) -> tuple[float, list[str]]:
    """Contacts, with its log as it is by default."""
    settings = {"EMON_ACTOR_TOKEN_PUBLIC_KEY_FILE": str(caller.public_key_file)}
    async with service("contacts", "api", urls, found.bootstrap, settings) as running:
        headers = caller.headers()
        paths, names = await pages(running.port, headers)
        return await measured(running.port, headers, paths), names


async def peer(urls: ServiceDatabase, caller: Caller) -> tuple[float, list[str]]:
    """FastAPI, SQLAlchemy and `response_model`, without a log."""
    arguments = {"url": urls.api_url, "public_key_file": str(caller.public_key_file), "connections": 10}
    async with contender(PEERS / "sqlalchemy_listing.py", arguments) as program:
        program.begin()
        port = int(await program.says())
        headers = caller.headers()
        paths, names = await pages(port, headers)
        return await measured(port, headers, paths), names


async def client_alone() -> float:
    """How many answers of that size the client gets from a server that does nothing else."""
    async with contender(Path(__file__).with_name("fixed_answer.py"), {}) as program:
        program.begin()
        return await answers_per_second(int(await program.says()), {}, ["/"], WARM_UP_S)


async def measure(found: Surroundings) -> list[Comparison]:
    """The client alone, ours, the peer."""
    urls = await found.database("contacts", migrations())
    await fill(found.postgresql.server.url(urls.name))
    caller = Caller(found.folder)
    alone = await client_alone()
    print(f"listing, the client alone: {alone:,.0f} answers/s over {CONNECTIONS} connections", flush=True)
    own, names = await ours(found, urls, caller)
    print(f"listing, ours: {own:,.0f} answers/s", flush=True)
    other, same_names = await peer(urls, caller)
    print(f"listing, FastAPI + SQLAlchemy: {other:,.0f} answers/s", flush=True)
    assert names == same_names, "the two list different organisations"
    assert alone > 2 * max(own, other), "the client is too slow to tell"
    return [
        Comparison("list of 50 of 20,000", "answers/s", own, "FastAPI + SQLAlchemy (asyncpg) + response_model", other, target=3)
    ]


if __name__ == "__main__":
    run_alone(measure)
