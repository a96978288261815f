"""Organisations over HTTP, on a real database."""

import asyncio
import base64
from typing import Any
from uuid import uuid4

import pytest

from emon_contracts.actors import Actor, Role

from tests.contacts.conftest import CLOSED, ELSEWHERE, HERE, NEARBY, Api, Outbox, coordinator_of, member


async def test_registering_tells_the_directory(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    answer = await api.as_(coordinator).post(
        "/v1/organisations", json={"name": "Helferkreis Asyl", "kind": "helper_circle", "ags": HERE}
    )
    assert answer.status_code == 201
    created = answer.json()
    assert answer.headers["location"] == f"/v1/organisations/{created['id']}"
    assert created == {"id": created["id"], "name": "Helferkreis Asyl", "kind": "helper_circle", "municipalities": [HERE]}
    read = await api.as_(coordinator).get(answer.headers["location"])
    assert read.json() == created
    assert read.headers["etag"] == answer.headers["etag"]
    fact, record = await outbox.events()
    assert (fact.type, fact.sequence) == ("de.emon.contacts.organisation-registered.v1", 1)
    assert (record.type, record.sequence) == ("de.emon.directory.organisation.v1", 1)
    assert record.body["name"] == "Helferkreis Asyl"
    assert "Helferkreis" not in str(fact.body)


@pytest.mark.parametrize("ags", ["08000000", CLOSED, ELSEWHERE])
async def test_unknown_closed_and_foreign_municipalities_are_refused_alike(api: Api, coordinator: Actor, ags: str) -> None:
    answer = await api.as_(coordinator).post("/v1/organisations", json={"name": "Kreis", "kind": "helper_circle", "ags": ags})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["code"], error["pointer"]) == ("unknown-municipality", "/ags")


async def test_every_malformed_field_at_once(api: Api, coordinator: Actor) -> None:
    answer = await api.as_(coordinator).post(
        "/v1/organisations", json={"name": "Kreis\nBcc: x", "kind": "club", "ags": "8115003", "more": 1}
    )
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/name", "/kind", "/ags", "/more"}


async def test_pointers_of_a_malformed_change_lead_to_its_fields(api: Api, coordinator: Actor) -> None:
    circle = await api.organisation(coordinator)
    path = f"/v1/organisations/{circle['id']}"
    answer = await api.as_(coordinator).patch(path, json={"name": "", "kind": "club"}, headers={"If-Match": "*"})
    assert sorted(error["pointer"] for error in answer.json()["errors"]) == ["/kind", "/name"]


async def test_a_name_stands_for_one_organisation_in_a_municipality(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    await api.organisation(coordinator)
    again = {"name": "HELFERKREIS  asyl", "kind": "helper_circle", "ags": HERE}
    answer = await api.as_(coordinator).post("/v1/organisations", json=again)
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "organisation-exists"
    assert len(await outbox.events()) == 2
    await api.organisation(coordinator_of(NEARBY), ags=NEARBY)


async def test_only_coordinators_register(api: Api, coordinator: Actor) -> None:
    circle = await api.organisation(coordinator)
    for actor in (member(Role.VOLUNTEER, circle["id"]), member(Role.STAFF, circle["id"]), Actor(uuid4())):
        answer = await api.as_(actor).post("/v1/organisations", json={"name": "X", "kind": "other", "ags": HERE})
        assert answer.status_code == 403
    assert (await api.client.get("/v1/organisations")).status_code == 401


async def test_what_belongs_to_another_municipality_does_not_exist(api: Api, coordinator: Actor, stranger: Actor) -> None:
    circle = await api.organisation(coordinator)
    path = f"/v1/organisations/{circle['id']}"
    assert (await api.as_(stranger).get(path)).status_code == 404
    assert (await api.as_(stranger).patch(path, json={"name": "Meins"}, headers={"If-Match": "*"})).status_code == 404
    assert (await api.as_(stranger).get("/v1/organisations")).json()["items"] == []
    assert (await api.as_(stranger).get("/v1/organisations", params={"ags": HERE})).json()["items"] == []
    assert (await api.as_(member(Role.VOLUNTEER, circle["id"])).get(path)).status_code == 200
    assert (await api.as_(member(Role.VOLUNTEER, uuid4())).get(path)).status_code == 404
    # A role in the circle ends at the municipality that gave it.
    assert (await api.as_(member(Role.VOLUNTEER, circle["id"], ELSEWHERE)).get(path)).status_code == 404


async def test_changing_needs_the_state_that_was_read(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    circle = await api.organisation(coordinator)
    client, path = api.as_(coordinator), f"/v1/organisations/{circle['id']}"
    assert (await client.patch(path, json={"name": "Neu"})).status_code == 428
    read = (await client.get(path)).headers["etag"]
    changed = await client.patch(path, json={"name": "Helferkreis Mitte"}, headers={"If-Match": read})
    assert (changed.status_code, changed.json()["name"]) == (200, "Helferkreis Mitte")
    assert (await client.patch(path, json={"name": "Neu"}, headers={"If-Match": read})).status_code == 412
    record = (await outbox.events("organisations"))[-1]
    assert (record.sequence, record.body["name"]) == (2, "Helferkreis Mitte")
    # The old name is free again, the new one is taken.
    await api.organisation(coordinator)
    unchanged = await client.patch(path, json={"name": "helferkreis asyl"}, headers={"If-Match": changed.headers["etag"]})
    assert unchanged.status_code == 409
    await outbox.clear()
    same = await client.patch(path, json={"name": "Helferkreis Mitte"}, headers={"If-Match": changed.headers["etag"]})
    assert same.headers["etag"] == changed.headers["etag"]
    assert await outbox.events() == []


async def test_who_is_active_in_several_is_changed_by_who_is_responsible_for_all(api: Api, administrator: Actor) -> None:
    coordinator, both = coordinator_of(HERE), coordinator_of(HERE, NEARBY)
    provider = await api.organisation(coordinator, "Diakonie", kind="welfare_association")
    path = f"/v1/organisations/{provider['id']}"
    refused = await api.as_(coordinator).post(f"{path}/areas", json={"ags": NEARBY}, headers={"If-Match": "*"})
    assert refused.status_code == 422
    extended = await api.as_(both).post(f"{path}/areas", json={"ags": NEARBY}, headers={"If-Match": "*"})
    assert extended.json()["municipalities"] == [HERE, NEARBY]
    assert (await api.as_(coordinator).get(path)).json()["municipalities"] == [HERE]
    answer = await api.as_(coordinator).patch(path, json={"name": "Meine"}, headers={"If-Match": "*"})
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "organisation-shared"
    for actor, name in ((both, "Diakonisches Werk"), (administrator, "Diakonie")):
        assert (await api.as_(actor).patch(path, json={"name": name}, headers={"If-Match": "*"})).json()["name"] == name
    assert (await api.as_(coordinator_of(NEARBY)).get(path)).json()["municipalities"] == [NEARBY]


async def test_twins_at_the_same_moment_make_one(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    body = {"name": "Helferkreis Asyl", "kind": "helper_circle", "ags": HERE}
    client = api.as_(coordinator)
    answers = await asyncio.gather(
        *(client.post("/v1/organisations", json=body, headers={"Idempotency-Key": "monday-1"}) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await outbox.events()) == 2
    other = await client.post("/v1/organisations", json={**body, "name": "B"}, headers={"Idempotency-Key": "monday-1"})
    assert other.status_code == 422


async def test_lists_go_page_by_page_in_the_order_of_names(api: Api, administrator: Actor) -> None:
    coordinator = coordinator_of(HERE, NEARBY)
    names = ["Übersetzer", "Ämterlotsen", "Bücherei", "Zuflucht", "ubuntu", "Café Welt", "Deutsch für alle"]
    for index, name in enumerate(names):
        await api.organisation(coordinator, name, ags=(HERE, NEARBY)[index % 2])
    expected = ["Ämterlotsen", "Bücherei", "Café Welt", "Deutsch für alle", "Übersetzer", "ubuntu", "Zuflucht"]
    for actor in (coordinator, administrator):
        client = api.as_(actor)
        seen: list[str] = []
        params: dict[str, Any] = {"limit": 3}
        while True:
            page = (await client.get("/v1/organisations", params=params)).json()
            seen += [item["name"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            params["cursor"] = page["next_cursor"]
        assert seen == expected
    found = (await api.as_(coordinator).get("/v1/organisations", params={"name": "ueberse"})).json()["items"]
    assert [item["name"] for item in found] == ["Übersetzer"]
    here = (await api.as_(administrator).get("/v1/organisations", params={"ags": HERE})).json()["items"]
    assert {item["name"] for item in here} == {"Übersetzer", "Bücherei", "ubuntu", "Deutsch für alle"}
    assert (await api.as_(coordinator).get("/v1/organisations", params={"cursor": "nonsense"})).status_code == 422
    assert (await api.as_(coordinator).get("/v1/organisations", params={"limit": 201})).status_code == 422


async def test_long_names_outside_the_latin_alphabet_have_cursors_too(api: Api, coordinator: Actor) -> None:
    for name in ("я" * 200, "\U00010400" * 200, "ﷺ" * 200, "ü" * 200):
        await api.organisation(coordinator, name)
    client = api.as_(coordinator)
    cursor: str | None = None
    seen: list[str] = []
    while cursor is not None or not seen:
        answer = await client.get("/v1/organisations", params={"limit": 1, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        seen += [item["name"][0] for item in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
    assert sorted(seen) == sorted(["я", "\U00010400", "ﷺ", "ü"])
    for key in ('["\\ud800","00000000-0000-0000-0000-000000000000"]', '["\\u0000","00000000-0000-0000-0000-000000000000"]'):
        forged = base64.urlsafe_b64encode(key.encode()).decode()
        assert (await client.get("/v1/organisations", params={"cursor": forged})).status_code == 422
