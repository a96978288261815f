"""The register over HTTP and from the command, on a real database."""

import asyncio
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from emon_contacts.municipalities.commands import import_register
from emon_contacts.municipalities.register_file import read_register
from emon_contacts.schema import migrations
from emon_contracts.actors import OPERATOR, Actor
from emon_contracts.refusals import Forbidden, Refused
from emon_platform.database import Database

from tests.conftest import FreshDatabase
from tests.contacts.conftest import Api, Outbox
from tests.contacts.register import encoded, municipality, sample, state

# The fixture's municipalities carry the same date, and sample() describes other ones of the same district.
SAMPLE = [*sample("20260228"), municipality("08999001", "Anderswo", "20260228")]


async def test_importing_twice_changes_nothing(database: Database, outbox: Outbox) -> None:
    seen: list[tuple[int, int]] = []
    first = await import_register(
        database, OPERATOR, read_register(encoded(SAMPLE)), progress=lambda done, total: seen.append((done, total))
    )
    # 08115003 and 08115004 were there under other names.
    assert (first.new, first.changed, first.closed, first.unchanged) == (19, 3, 0, 0)
    assert (seen[0], seen[-1]) == ((0, 22), (22, 22))
    records = await outbox.events("directory.municipalities")
    assert len(records) == 22
    assert {(record.subject, record.sequence) for record in records} >= {("08115001", 1), ("08115003", 2)}
    await outbox.clear()
    for encoding in ("utf-8", "iso-8859-1"):
        again = await import_register(database, OPERATOR, read_register(encoded(SAMPLE, encoding)))
        assert (again.new, again.changed, again.closed, again.unchanged) == (0, 0, 0, 22)
    assert await outbox.events() == []


async def test_merged_municipalities_are_closed_with_a_successor(
    database: Database, outbox: Outbox, api: Api, coordinator: Actor
) -> None:
    await import_register(database, OPERATOR, read_register(encoded(SAMPLE)))
    await outbox.clear()
    later = [line.replace("20260228", "20260331", 1) for line in SAMPLE if "Neudorf 16" not in line]
    imported = await import_register(database, OPERATOR, read_register(encoded(later)), successors={"08115020": "08115019"})
    assert (imported.new, imported.changed, imported.closed) == (0, 0, 1)
    [record] = await outbox.events()
    assert (record.sequence, record.body["closed"], record.body["successor"]) == (2, True, "08115019")
    read = (await api.as_(coordinator).get("/v1/municipalities/08115020")).json()
    assert (read["closed_on"], read["successor"]) == ("2026-03-31", "08115019")
    older = await import_register(database, OPERATOR, read_register(encoded(SAMPLE)))
    assert (older.new, older.changed, older.outdated_states) == (0, 0, ("08",))


async def test_what_is_no_register_is_refused_whole(database: Database, coordinator: Actor) -> None:
    for content in (b"", b"name,kind,ags\n", encoded([state("Baden-Württemberg")])):
        with pytest.raises(Refused):
            await import_register(database, OPERATOR, read_register(content))
    with pytest.raises(Forbidden):
        await import_register(database, coordinator, read_register(encoded(SAMPLE)))


async def test_municipalities_are_found_by_state_and_name(api: Api, coordinator: Actor, database: Database) -> None:
    await import_register(database, OPERATOR, read_register(encoded([*SAMPLE, municipality("09115002", "Ilsberg")])))

    async def names(**params: Any) -> list[str]:
        answer = await api.as_(coordinator).get("/v1/municipalities", params=params)
        assert answer.status_code == 200, answer.text
        return [item["name"] for item in answer.json()["items"]]

    assert await names(state="08", name="Ils") == ["Ilsdorf, Stadt"]
    assert await names(name="ils") == ["Ilsberg", "Ilsdorf, Stadt"]
    assert await names(name="muehlh") == await names(name="MÜHLH") == ["Mühlhausen an der Würm"]
    assert await names(name="100%") == await names(state="16") == []
    assert (await names(state="08"))[:3] == ["Anderswo", "Änderungen", "Großöhringen"]
    page = (await api.as_(coordinator).get("/v1/municipalities", params={"limit": 2})).json()
    rest = await names(limit=2, cursor=page["next_cursor"])
    assert [item["name"] for item in page["items"]] + rest == (await names())[:4]
    for params in ({"state": "17"}, {"name": "a\x00"}, {"limit": 0}, {"cursor": "x"}):
        assert (await api.as_(coordinator).get("/v1/municipalities", params=params)).status_code == 422


async def test_one_municipality(api: Api, coordinator: Actor) -> None:
    answer = await api.as_(coordinator).get("/v1/municipalities/08115003")
    assert answer.json()["name"] == "Musterstadt"
    assert answer.headers["etag"]
    for ags in ("08115999", "8115003", "x"):
        assert (await api.as_(coordinator).get(f"/v1/municipalities/{ags}")).status_code == 404
    assert (await api.client.get("/v1/municipalities/08115003")).status_code == 401


async def test_the_official_register_imports_in_seconds(fresh_database: FreshDatabase, register_file: Path) -> None:
    content = await asyncio.to_thread(register_file.read_bytes)
    urls = await fresh_database("contacts", migrations)
    database = await Database.connect(urls.api_url, name="test api")
    try:
        started = perf_counter()
        file = read_register(content)
        assert file.malformed == ()
        assert (await import_register(database, OPERATOR, file)).new == len(file.municipalities) == 10_981
        again = await import_register(database, OPERATOR, file)
        assert (again.new, again.changed, again.closed) == (0, 0, 0)
        assert perf_counter() - started < 60, "a limit against runaway, not a measurement"
        of_state = [item for item in file.municipalities if item.ags.startswith("08")]
        assert len(of_state) == 1103
    finally:
        await database.close()
