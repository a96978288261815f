"""Importing lists over HTTP, on a real database."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest
from httpx import Response

from emon_contacts.imports import repository
from emon_contracts.actors import Actor, Role
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningPostgreSQL
from emon_platform.database import Database

from tests.contacts.conftest import ELSEWHERE, HERE, NEARBY, Api, Outbox, coordinator_of, member

CSV = {"Content-Type": "text/csv"}
HEADER = "email,display_name,locale,organisation,engagement\n"


async def send(api: Api, actor: Actor, resource: str, content: str | bytes, **headers: str) -> Response:
    body = content.encode() if isinstance(content, str) else content
    return await api.as_(actor).post(f"/v1/{resource}/imports", content=body, headers={**CSV, **headers})


async def test_good_organisations_in_and_bad_ones_back(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    content = (
        "name;kind;ags\r\n"
        f"Helferkreis Süd;helper_circle;{HERE}\r\n"
        f"Fremd;helper_circle;{ELSEWHERE}\r\n"
        f"HELFERKREIS süd;helper_circle;{HERE}\r\n"
        f"Helferkreis Süd;parish;{HERE}\r\n"
        f"Kein;club;{HERE}\r\n"
    ).encode("windows-1252")
    answer = await send(api, coordinator, "organisations", content)
    assert answer.status_code == 200, answer.text
    outcome = answer.json()
    assert outcome["accepted"] == 2
    assert [(item["row"], item["column"]) for item in outcome["rejected"]] == [(3, "ags"), (5, "kind"), (6, "kind")]
    assert len(await outbox.events()) == 2
    listed = (await api.as_(coordinator).get("/v1/organisations")).json()["items"]
    assert [item["name"] for item in listed] == ["Helferkreis Süd"]
    again = await send(api, coordinator, "organisations", content)
    assert again.json()["accepted"] == 2
    assert len(await outbox.events()) == 2


async def test_rejected_rows_are_kept_for_who_sent_them(api: Api, coordinator: Actor) -> None:
    answer = await send(api, coordinator, "organisations", f"name,kind,ags\nKreis,club,{HERE}\nZwei,other,{HERE}\n")
    path = f"/v1/organisations/imports/{answer.json()['id']}/rejected.csv"
    rejected = await api.as_(coordinator).get(path)
    assert rejected.headers["content-type"] == "text/csv; charset=utf-8"
    first, second = rejected.content.decode("utf-8-sig").splitlines()
    assert first == "name,kind,ags,reason"
    assert second.startswith(f'Kreis,club,{HERE},"kind: ')
    mended = rejected.content.replace(b",club,", b",other,")
    assert (await send(api, coordinator, "organisations", mended)).json() | {"id": ""} == {
        "id": "",
        "accepted": 1,
        "rejected": [],
    }
    for actor in (coordinator_of(HERE), coordinator_of(ELSEWHERE)):
        assert (await api.as_(actor).get(path)).status_code == 404
    assert (await api.as_(coordinator).get(path.replace("organisations", "people"))).status_code == 404


async def test_rejected_rows_are_kept_for_a_day(
    api: Api, coordinator: Actor, worker: Database, postgresql: RunningPostgreSQL, urls: ServiceDatabase
) -> None:
    answer = await send(api, coordinator, "organisations", f"name,kind,ags\nKreis,club,{HERE}\n")
    path = f"/v1/organisations/imports/{answer.json()['id']}/rejected.csv"

    async def age(hours: int) -> int:
        """Lets the clock go on, which only the superuser can; answers how many imports the sweep leaves."""
        superuser = await asyncpg.connect(postgresql.superuser_url, database=urls.name, ssl=False)
        await superuser.execute("UPDATE imports SET created_at = now() - make_interval(hours => $1)", hours)
        await superuser.close()
        status = (await api.as_(coordinator).get(path)).status_code
        async with worker.unscoped() as tx:
            await repository.sweep(tx)
            left = await tx.fetchval("SELECT count(*) FROM imports")
        assert status == (200 if left else 404)
        return left

    assert await age(23) == 1
    assert await age(25) == 0


async def test_people_come_in_once(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    circle = await api.organisation(coordinator, "Helferkreis Süd")
    await outbox.clear()
    content = HEADER + "".join(
        f"{email},{name},{locale},helferkreis SÜD,volunteer\n"
        for email, name, locale in (
            ("kim@example.org", "Kim Muster", "en"),
            ("kim@example.org", "Robin Muster", ""),
            ("", "Erna Muster", "de-simple"),
            ("KIM@example.org", "kim muster", "de"),
            ("", "erna muster", ""),
        )
    )
    answer = await send(api, coordinator, "people", content)
    assert answer.json() | {"id": ""} == {"id": "", "accepted": 5, "rejected": []}
    people = (await api.as_(coordinator).get("/v1/people", params={"organisation_id": circle["id"]})).json()["items"]
    assert [(item["display_name"], item["email"], item["locale"]) for item in people] == [
        ("Erna Muster", None, "de-simple"),
        ("Kim Muster", "kim@example.org", "en"),
        ("Robin Muster", "kim@example.org", "de"),
    ]
    assert len(await outbox.events("directory.people")) == 3
    await outbox.clear()
    assert (await send(api, coordinator, "people", content)).json()["accepted"] == 5
    assert await outbox.events() == []


async def test_bad_rows_of_people_come_back(api: Api, outbox: Outbox) -> None:
    both = coordinator_of(HERE, NEARBY)
    await api.organisation(both, "Café Welt", ags=HERE)
    await api.organisation(both, "Café Welt", ags=NEARBY)
    await api.organisation(coordinator_of(ELSEWHERE), "Fremder Kreis", ags=ELSEWHERE)
    content = HEADER.replace("\n", ",ags\n") + (
        f"a@example.org,A,de,Café Welt,volunteer,{NEARBY}\n"
        "b@example.org,B,de,Café Welt,volunteer,\n"
        f"c@example.org,C,de,Café Welt,volunteer,{ELSEWHERE}\n"
        "d@example.org,D,de,Fremder Kreis,volunteer,\n"
        "e@example.org,E,de,Niemand,volunteer,\n"
        "f@example.org,F\x00,de,Café Welt,volunteer,\n"
        "g@example.org,G =?utf-8?q?x?=,de,Café Welt,volunteer,\n"
    )
    answer = (await send(api, both, "people", content)).json()
    assert answer["accepted"] == 1
    assert [(item["row"], item["column"]) for item in answer["rejected"]] == [
        (3, "organisation"),
        (4, "ags"),
        (5, "organisation"),
        (6, "organisation"),
        (7, "display_name"),
        (8, "display_name"),
    ]
    foreign, unknown = answer["rejected"][2:4]
    assert foreign["reason"] == unknown["reason"]
    rejected = await api.as_(both).get(f"/v1/people/imports/{answer['id']}/rejected.csv")
    assert b"F\x00" in rejected.content


async def test_importing_somebody_known_elsewhere_reveals_nothing(api: Api, outbox: Outbox) -> None:
    here, elsewhere = coordinator_of(HERE), coordinator_of(ELSEWHERE)
    await api.organisation(here)
    other = await api.organisation(elsewhere, "Café Welt", ags=ELSEWHERE)
    await api.person(elsewhere, "Kim Muster", other, email="kim@example.org", locale="en")
    await outbox.clear()
    known = await send(api, here, "people", HEADER + "kim@example.org,Kim Muster,de,Helferkreis Asyl,volunteer\n")
    new = await send(api, here, "people", HEADER + "robin@example.org,Robin,de,Helferkreis Asyl,volunteer\n")
    assert known.json() | {"id": ""} == new.json() | {"id": ""} == {"id": "", "accepted": 1, "rejected": []}
    record, *_ = await outbox.events("directory.people")
    assert record.sequence == 2
    assert {membership["ags"] for membership in record.body["memberships"]} == {HERE, ELSEWHERE}


async def test_two_imports_of_the_same_people_at_once_make_them_once(api: Api, outbox: Outbox) -> None:
    both = coordinator_of(HERE, NEARBY)
    for name in ("Kreis Eins", "Kreis Zwei"):
        await api.organisation(both, name)
    await outbox.clear()
    rows = [
        f"{f'p{index}@example.org' if index % 3 else ''},Person {index},de,Kreis {('Eins', 'Zwei')[index % 2]},volunteer\n"
        for index in range(2500)
    ]
    answers = await asyncio.gather(
        *(send(api, both, "people", HEADER + "".join(order)) for order in (rows, rows[::-1], rows[1000:] + rows[:1000]))
    )
    assert [answer.json()["accepted"] for answer in answers] == [2500] * 3
    records = await outbox.events("directory.people")
    assert len(records) == 2500
    assert {record.sequence for record in records} == {1}


async def test_a_list_that_is_none_is_refused(api: Api, coordinator: Actor) -> None:
    circle = await api.organisation(coordinator)
    for content in ("", "name,kind\nA,other\n", "name,kind,ags,colour\n", b"\x81\n"):
        answer = await send(api, coordinator, "organisations", content)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == "unreadable-list"
    wrong = await send(api, coordinator, "organisations", "{}", **{"Content-Type": "application/json"})
    assert wrong.status_code == 415
    large = await send(api, coordinator, "organisations", b"x" * (8 * 1024 * 1024 + 1))
    assert large.status_code == 413
    assert (await send(api, member(Role.VOLUNTEER, circle["id"]), "people", HEADER)).status_code == 403
    assert (await send(api, Actor(uuid4()), "people", HEADER)).status_code == 403


@pytest.mark.parametrize("resource", ["organisations", "people"])
async def test_nobody_reads_the_rows_of_an_unknown_import(api: Api, coordinator: Actor, resource: str) -> None:
    assert (await api.as_(coordinator).get(f"/v1/{resource}/imports/{uuid4()}/rejected.csv")).status_code == 404
    assert (await api.client.get(f"/v1/{resource}/imports/{uuid4()}/rejected.csv")).status_code == 401
