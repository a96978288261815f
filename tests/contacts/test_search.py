"""Search over HTTP: whoever types a name finds who is meant, however it is spelt, and nobody whom they do not see."""

from typing import Any

import pytest

from emon_contracts.actors import Actor, LinkPurpose, Role

from tests.contacts.conftest import ELSEWHERE, HERE, NEARBY, Api, coordinator_of, holder, member

PEOPLE = (
    ("Erika Süß", "erika.suess@example.org"),
    ("Karl Müller", "chef77@example.org"),
    ("Hans Mueller", None),
    ("Kim Muller", None),
    ("Max Müller-Lüdenscheidt", None),
    ("Anna Schmidt", "anna@mailbox.example"),
    ("Łukasz Żak", None),
    ("Олена Шевченко", None),
    ("Yıldız Öz", None),
    ("Manuela Bauer", None),
    ("Kurt Mailänder", "k_m@example.org"),
)
MUELLERS = {"Karl Müller", "Hans Mueller", "Kim Muller", "Max Müller-Lüdenscheidt"}


async def find(api: Api, actor: Actor, q: str, resource: str = "people", **more: Any) -> list[str]:
    answer = await api.as_(actor).get(f"/v1/{resource}", params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    assert answer.json()["next_cursor"] is None
    return [item["display_name" if resource == "people" else "name"] for item in answer.json()["items"]]


@pytest.fixture
async def circle(api: Api, coordinator: Actor) -> dict[str, Any]:
    circle = await api.organisation(coordinator)
    for name, email in PEOPLE:
        assert (await api.person(coordinator, name, circle, email=email)).status_code == 201
    return circle


@pytest.mark.usefixtures("circle")
async def test_umlauts_are_found_however_they_are_spelt(api: Api, coordinator: Actor) -> None:
    for q in ("Müller", "Mueller", "Muller", "MÜLLER", "Mu\u0308ller", "Mullr", "Müler", "Mül"):
        assert set((await find(api, coordinator, q))[:4]) == MUELLERS, q
    for q in ("Süß", "Suess", "Süss", "suß"):
        assert (await find(api, coordinator, q))[0] == "Erika Süß", q


@pytest.mark.usefixtures("circle")
@pytest.mark.parametrize(
    ("q", "meant"),
    [
        ("Süß Erika", "Erika Süß"),
        ("erika s", "Erika Süß"),
        ("Schmitt Ana", "Anna Schmidt"),
        ("Schnidt", "Anna Schmidt"),
        ("Ludenscheid Müller", "Max Müller-Lüdenscheidt"),
        ("Lukasz", "Łukasz Żak"),
        ("Yildiz", "Yıldız Öz"),
        ("Шевчнко", "Олена Шевченко"),
        ("Manuela", "Manuela Bauer"),
        ("Kim - Muller", "Kim Muller"),
    ],
)
async def test_slips_word_order_and_foreign_letters_do_not_matter(api: Api, coordinator: Actor, q: str, meant: str) -> None:
    assert (await find(api, coordinator, q))[0] == meant


@pytest.mark.usefixtures("circle")
async def test_every_word_is_looked_for(api: Api, coordinator: Actor) -> None:
    assert await find(api, coordinator, "Kim Muller Xaver") == []
    assert await find(api, coordinator, "Mü") == sorted(MUELLERS, key=lambda name: name.split()[0])  # not everybody with an M
    assert await find(api, coordinator, "- @ %") == []


@pytest.mark.usefixtures("circle")
async def test_a_part_of_the_address_finds_its_owner(api: Api, coordinator: Actor) -> None:
    assert await find(api, coordinator, "chef77") == ["Karl Müller"]
    assert await find(api, coordinator, "müller chef77@") == ["Karl Müller"]
    assert (await find(api, coordinator, "Erika.Suess@example.org"))[0] == "Erika Süß"
    # The part before the @ alone, unless one is typed: names of providers would find half the town.
    assert await find(api, coordinator, "mailbox") == ["Kurt Mailänder"]
    assert await find(api, coordinator, "@mailbox") == ["Anna Schmidt", "Kurt Mailänder"]
    # A name that begins so goes before an address that contains it.
    assert (await find(api, coordinator, "anna"))[0] == "Anna Schmidt"
    assert "Karl Müller" not in await find(api, coordinator, "k_m@")  # no wildcard


async def test_what_a_caller_does_not_see_is_not_found(
    api: Api, circle: dict[str, Any], coordinator: Actor, stranger: Actor, administrator: Actor
) -> None:
    other = await api.organisation(coordinator, "Tafel")
    far = await api.organisation(stranger, "Helferkreis Anderswo", ags=ELSEWHERE)
    await api.person(coordinator, "Toni Müller", other, email="toni@example.org")
    await api.person(stranger, "Ute Müller", far, email="ute@example.org")
    seen = {
        coordinator: MUELLERS | {"Toni Müller"},
        member(Role.VOLUNTEER, circle["id"]): MUELLERS,
        member(Role.STAFF, other["id"]): MUELLERS | {"Toni Müller"},
        stranger: {"Ute Müller"},
        coordinator_of(NEARBY): set[str](),
        administrator: MUELLERS | {"Toni Müller", "Ute Müller"},
    }
    for actor, names in seen.items():
        assert set((await find(api, actor, "Müller"))[: len(names)]) == names
        assert bool(await find(api, actor, "toni@example.org")) == ("Toni Müller" in names)
    assert await find(api, coordinator, "Müller", organisation_id=other["id"]) == ["Toni Müller"]
    assert await find(api, administrator, "Ute Müller", ags=ELSEWHERE) == ["Ute Müller"]
    assert await find(api, coordinator, "Ute Müller", ags=ELSEWHERE) == []


@pytest.mark.usefixtures("circle")
async def test_the_holder_of_a_link_finds_themself_alone(api: Api, coordinator: Actor) -> None:
    [kim] = (await api.as_(coordinator).get("/v1/people", params={"name": "Kim"})).json()["items"]
    assert await find(api, holder(kim["id"], LinkPurpose.CORRECTION), "Muller") == ["Kim Muller"]


async def test_organisations_are_found_as_people_are(api: Api, coordinator: Actor, stranger: Actor, administrator: Actor) -> None:
    circle = await api.organisation(coordinator, "Helferkreis Süßen")
    await api.organisation(coordinator, "Pfarrei Süßen", kind="parish")
    await api.organisation(stranger, "Helferkreis Süßen", ags=ELSEWHERE)
    for q in ("Suessen Helferkreis", "helferkeis süssn"):
        for actor, times in ((coordinator, 1), (stranger, 1), (administrator, 2), (member(Role.VOLUNTEER, circle["id"]), 1)):
            assert await find(api, actor, q, "organisations") == ["Helferkreis Süßen"] * times
        assert await find(api, coordinator_of(NEARBY), q, "organisations") == []
    assert await find(api, coordinator, "Süßen", "organisations", kind="parish") == ["Pfarrei Süßen"]
    assert await find(api, administrator, "Süßen", "organisations", ags=HERE, kind="helper_circle") == ["Helferkreis Süßen"]
    # Renamed, it is found under its new name.
    await api.as_(coordinator).patch(f"/v1/organisations/{circle['id']}", json={"name": "Kreis Fils"}, headers={"If-Match": "*"})
    assert await find(api, coordinator, "Fils", "organisations") == ["Kreis Fils"]


async def test_organisations_are_listed_by_kind(api: Api, coordinator: Actor, administrator: Actor) -> None:
    circle = await api.organisation(coordinator, "Kreis")
    await api.organisation(coordinator, "Pfarrei", kind="parish")
    for actor, kind, names in (
        (coordinator, "parish", ["Pfarrei"]),
        (administrator, "parish", ["Pfarrei"]),
        (member(Role.VOLUNTEER, circle["id"]), "helper_circle", ["Kreis"]),
        (member(Role.VOLUNTEER, circle["id"]), "parish", []),
        (coordinator, "other", []),
    ):
        answer = await api.as_(actor).get("/v1/organisations", params={"kind": kind})
        assert [item["name"] for item in answer.json()["items"]] == names


@pytest.mark.usefixtures("circle")
async def test_a_search_is_not_paged(api: Api, coordinator: Actor) -> None:
    assert len(await find(api, coordinator, "Müller", limit=2)) == 2
    for resource in ("people", "organisations"):
        path = f"/v1/{resource}"
        answer = await api.as_(coordinator).get(path, params={"q": "x", "limit": 51, "cursor": "x", "name": "x"})
        assert answer.status_code == 422
        assert sorted(error["parameter"] for error in answer.json()["errors"]) == ["cursor", "limit", "name"]
        assert (await api.as_(coordinator).get(path, params={"q": ""})).status_code == 422
