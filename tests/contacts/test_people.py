"""People over HTTP, on a real database."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from emon_contacts.app import SERVICE
from emon_contacts.settings import ContactsSettings
from emon_contracts.actors import Actor, Role
from emon_contracts.permissions import Permission
from emon_platform.database import Database

from tests.contacts.conftest import ELSEWHERE, HERE, NEARBY, Api, Outbox, coordinator_of, member

MAIL = "kim.muster@example.org"


async def test_entering_tells_the_directory(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    circle = await api.organisation(coordinator)
    await outbox.clear()
    answer = await api.person(coordinator, "Kim Muster", circle, email="Kim.Muster@Example.org", locale="en")
    assert answer.status_code == 201, answer.text
    person = answer.json()
    assert answer.headers["location"] == f"/v1/people/{person['id']}"
    assert person == {
        "id": person["id"],
        "display_name": "Kim Muster",
        "email": "Kim.Muster@example.org",
        "locale": "en",
        "memberships": [{"organisation_id": circle["id"], "ags": HERE, "engagement": "volunteer"}],
        "grants": [],
    }
    read = await api.as_(coordinator).get(answer.headers["location"])
    assert read.json() == person
    assert read.headers["etag"] == answer.headers["etag"]
    fact, record = await outbox.events()
    assert (fact.type, fact.sequence) == ("de.emon.contacts.person-registered.v1", 1)
    assert fact.body == {"person_id": person["id"], "entered_by": str(coordinator.person_id)}
    assert (record.topic, record.sequence) == ("emon.directory.people", 1)
    assert record.body["email"] == "Kim.Muster@example.org"


async def test_somebody_known_elsewhere_gets_a_membership_and_nothing_is_revealed(api: Api, outbox: Outbox) -> None:
    here, elsewhere = coordinator_of(HERE), coordinator_of(ELSEWHERE)
    circle = await api.organisation(here)
    other = await api.organisation(elsewhere, "Café Welt", ags=ELSEWHERE)
    first = await api.person(elsewhere, "Kim Muster", other, email=MAIL, locale="en")
    await outbox.clear()
    known = await api.person(here, "KIM  Muster", circle, email=MAIL.upper(), locale="de-simple")
    new = await api.person(here, "Robin Neu", circle, email="robin@example.org", locale="de-simple")
    assert known.status_code == new.status_code == 201
    assert known.headers.keys() == new.headers.keys()
    assert known.json().keys() == new.json().keys()
    assert known.json() == {
        "id": first.json()["id"],
        "display_name": "KIM  Muster",
        "email": "KIM.MUSTER@example.org",
        "locale": "de-simple",
        "memberships": [{"organisation_id": circle["id"], "ags": HERE, "engagement": "volunteer"}],
        "grants": [],
    }
    read = (await api.as_(here).get(known.headers["location"])).json()
    assert (read["display_name"], read["locale"], read["email"]) == ("Kim Muster", "en", MAIL)
    assert [membership["ags"] for membership in read["memberships"]] == [HERE]
    [before] = [event for event in await outbox.events("directory.people") if event.subject == read["id"]]
    assert before.sequence == 2
    assert {membership["ags"] for membership in before.body["memberships"]} == {HERE, ELSEWHERE}
    facts = await outbox.events("contacts.events")
    assert [fact.type.split(".")[3] for fact in facts] == ["person-changed", "person-registered"]


async def test_the_same_again_changes_nothing(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    circle = await api.organisation(coordinator)
    for email in (MAIL, None):
        first = await api.person(coordinator, "Kim Muster", circle, email=email)
        await outbox.clear()
        again = await api.person(coordinator, "kim muster", circle, email=email)
        assert again.json()["id"] == first.json()["id"]
        assert again.headers["etag"] == first.headers["etag"]
        assert await outbox.events() == []


async def test_two_people_share_a_mailbox(api: Api, coordinator: Actor) -> None:
    circle = await api.organisation(coordinator)
    ids = {(await api.person(coordinator, name, circle, email=MAIL)).json()["id"] for name in ("Kim Muster", "Robin Muster")}
    assert len(ids) == 2


async def test_who_has_no_address_is_known_by_name_in_their_organisation_alone(api: Api, coordinator: Actor) -> None:
    circle, parish = await api.organisation(coordinator), await api.organisation(coordinator, "Gemeinde", kind="parish")
    first = (await api.person(coordinator, "Erna Muster", circle)).json()
    assert first["email"] is None
    assert (await api.person(coordinator, "erna  muster", circle)).json()["id"] == first["id"]
    assert (await api.person(coordinator, "Erna Muster", parish)).json()["id"] != first["id"]
    assert (await api.person(coordinator, "Erna Muster", circle, email=MAIL)).json()["id"] != first["id"]


async def test_twins_at_the_same_moment_are_one_person(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    circle = await api.organisation(coordinator)
    await outbox.clear()
    for email in (MAIL, None):
        answers = await asyncio.gather(*(api.person(coordinator, "Kim Muster", circle, email=email) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert len(await outbox.events("people")) == 1
        await outbox.clear()


async def test_nobody_grants_beyond_their_own(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    await api.organisation(coordinator)
    await outbox.clear()
    grants = [
        {"role": "network_admin"},
        {"role": "coordinator", "ags": ELSEWHERE},
        {"role": "coordinator", "ags": HERE},
        {"role": "coordinator"},
        {"role": "staff", "ags": HERE},
    ]
    answer = await api.person(coordinator, "Kim Muster", grants=grants)
    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        ("/grants/0", "grant-beyond-own"),
        ("/grants/1", "grant-beyond-own"),
        ("/grants/3/ags", "scope-of-role"),
        ("/grants/4/organisation_id", "scope-of-role"),
    ]
    assert await outbox.events() == []
    own = await api.person(coordinator, "Kim Muster", grants=[{"role": "coordinator", "ags": HERE}])
    assert own.json()["grants"] == [{"role": "coordinator", "ags": HERE, "organisation_id": None}]


async def test_the_administration_grants_what_there_is(api: Api, administrator: Actor) -> None:
    grants = [{"role": "network_admin"}, {"role": "coordinator", "ags": ELSEWHERE}]
    person = (await api.person(administrator, "Kim Muster", email=MAIL, grants=grants)).json()
    assert {grant["role"] for grant in person["grants"]} == {"network_admin", "coordinator"}
    unknown = await api.person(administrator, "Kim Muster", grants=[{"role": "coordinator", "ags": "08000000"}])
    assert [(error["pointer"], error["code"]) for error in unknown.json()["errors"]] == [
        ("/grants/0/ags", "unknown-municipality")
    ]
    # A coordinator of the one municipality sees of them what lies there, and cannot take the rest away.
    path = f"/v1/people/{person['id']}"
    coordinator = api.as_(coordinator_of(ELSEWHERE))
    assert [grant["role"] for grant in (await coordinator.get(path)).json()["grants"]] == ["coordinator"]
    assert (await coordinator.delete(f"{path}/grants/network_admin", headers={"If-Match": "*"})).status_code == 422
    taken = await coordinator.delete(f"{path}/grants/coordinator", params={"ags": ELSEWHERE}, headers={"If-Match": "*"})
    assert taken.status_code == 204


async def test_a_foreign_organisation_is_refused_like_an_unknown_one(api: Api, coordinator: Actor, stranger: Actor) -> None:
    circle = await api.organisation(coordinator)
    answers = [
        await api.person(stranger, "Kim Muster", {"id": identifier}, grants=[{"role": "staff", "organisation_id": identifier}])
        for identifier in (circle["id"], str(uuid4()))
    ]
    for answer in answers:
        assert answer.status_code == 422
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
            ("/memberships/0/organisation_id", "unknown-organisation"),
            ("/grants/0/organisation_id", "unknown-organisation"),
        ]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]


async def test_who_is_entered_belongs_somewhere(api: Api, coordinator: Actor, administrator: Actor) -> None:
    refused = await api.person(coordinator, "Kim Muster")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/memberships")
    assert (await api.person(administrator, "Kim Muster", email=MAIL)).status_code == 201


async def test_every_malformed_field_at_once(api: Api, coordinator: Actor) -> None:
    body = {
        "display_name": "Kim\u0000Muster",
        "email": "kim@",
        "locale": "fr",
        "memberships": [{"organisation_id": "1", "engagement": "boss"}],
        "grants": [{"role": "themself"}],
    }
    answer = await api.as_(coordinator).post("/v1/people", json=body)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "/display_name",
        "/email",
        "/locale",
        "/memberships/0/organisation_id",
        "/memberships/0/engagement",
        "/grants/0/role",
    }
    injected = await api.as_(coordinator).post("/v1/people", json={"display_name": "Kim\r\nBcc: x@example.org"})
    assert injected.json()["errors"][0]["pointer"] == "/display_name"
    broken = await api.as_(coordinator).post(
        "/v1/people", content=b'{"display_name": "\xff"}', headers={"Content-Type": "application/json"}
    )
    assert broken.status_code == 400


async def test_an_organisation_of_several_municipalities_needs_the_ags(api: Api, administrator: Actor) -> None:
    both = coordinator_of(HERE, NEARBY)
    provider = await api.organisation(both, "Diakonie", kind="welfare_association")
    await api.as_(both).post(f"/v1/organisations/{provider['id']}/areas", json={"ags": NEARBY}, headers={"If-Match": "*"})
    answer = await api.person(both, "Kim Muster", provider, "staff")
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        ("/memberships/0/ags", "which-municipality")
    ]
    # Where one of them alone is in the caller's reach, it is that one.
    assert (await api.person(coordinator_of(NEARBY), "Kim Muster", provider)).json()["memberships"][0]["ags"] == NEARBY
    memberships = [{"organisation_id": provider["id"], "engagement": "staff", "ags": ELSEWHERE}]
    answer = await api.person(administrator, "Kim Muster", memberships=memberships)
    assert answer.json()["errors"][0]["code"] == "not-active-there"


async def test_everybody_sees_what_their_role_lets_them_see(api: Api, coordinator: Actor, stranger: Actor) -> None:
    circle, parish = await api.organisation(coordinator), await api.organisation(coordinator, "Gemeinde", kind="parish")
    kim = (await api.person(coordinator, "Kim Muster", circle, email=MAIL)).json()
    robin = (await api.person(coordinator, "Robin Muster", parish)).json()

    async def seen(actor: Actor) -> set[str]:
        listed = {item["id"] for item in (await api.as_(actor).get("/v1/people")).json()["items"]}
        read = {
            person["id"] for person in (kim, robin) if (await api.as_(actor).get(f"/v1/people/{person['id']}")).status_code == 200
        }
        assert listed & {kim["id"], robin["id"]} == read
        return read

    assert await seen(coordinator) == {kim["id"], robin["id"]}
    assert await seen(member(Role.STAFF, parish["id"])) == {kim["id"], robin["id"]}
    assert await seen(member(Role.VOLUNTEER, circle["id"])) == {kim["id"]}
    assert await seen(member(Role.CIRCLE_SPEAKER, circle["id"])) == {kim["id"]}
    assert await seen(member(Role.VOLUNTEER, circle["id"], ELSEWHERE)) == set()
    assert await seen(stranger) == set()
    assert await seen(Actor(uuid4())) == set()
    assert await seen(Actor(UUID(robin["id"]))) == {robin["id"]}
    for actor in (stranger, member(Role.VOLUNTEER, circle["id"])):
        change = await api.as_(actor).patch(f"/v1/people/{kim['id']}", json={"locale": "en"}, headers={"If-Match": "*"})
        assert change.status_code == (404 if actor is stranger else 403)


async def test_people_see_themselves_whole(api: Api, coordinator: Actor, stranger: Actor) -> None:
    circle = await api.organisation(coordinator)
    other = await api.organisation(stranger, "Café Welt", ags=ELSEWHERE)
    kim = (await api.person(coordinator, "Kim Muster", circle, email=MAIL)).json()
    await api.person(stranger, "Kim Muster", other, email=MAIL)
    own = await api.as_(Actor(UUID(kim["id"]))).get(f"/v1/people/{kim['id']}")
    assert {membership["ags"] for membership in own.json()["memberships"]} == {HERE, ELSEWHERE}
    of_circle = await api.as_(member(Role.VOLUNTEER, circle["id"], person_id=kim["id"])).get("/v1/people")
    assert len(of_circle.json()["items"][0]["memberships"]) == 2


async def test_changing_needs_the_state_that_was_read(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    circle = await api.organisation(coordinator)
    kim = await api.person(coordinator, "Kim Muster", circle, email=MAIL)
    await api.person(coordinator, "Robin Muster", circle, email=MAIL)
    client, path = api.as_(coordinator), kim.headers["location"]
    assert (await client.patch(path, json={"locale": "en"})).status_code == 428
    changed = await client.patch(path, json={"locale": "en"}, headers={"If-Match": kim.headers["etag"]})
    assert (changed.status_code, changed.json()["locale"]) == (200, "en")
    lost = await client.patch(path, json={"display_name": "Kim M."}, headers={"If-Match": kim.headers["etag"]})
    assert lost.status_code == 412
    record = (await outbox.events("people"))[-1]
    assert (record.sequence, record.body["locale"]) == (2, "en")
    taken = await client.patch(path, json={"display_name": "robin muster"}, headers={"If-Match": changed.headers["etag"]})
    assert (taken.status_code, taken.json()["errors"][0]["code"]) == (409, "person-exists")


async def test_a_person_who_is_active_elsewhere_too_is_not_renamed(
    api: Api, coordinator: Actor, stranger: Actor, administrator: Actor, outbox: Outbox
) -> None:
    circle = await api.organisation(coordinator)
    other = await api.organisation(stranger, "Café Welt", ags=ELSEWHERE)
    path = (await api.person(coordinator, "Kim Muster", circle, email=MAIL)).headers["location"]
    await api.person(stranger, "Kim Muster", other, email=MAIL)
    await outbox.clear()
    answer = await api.as_(coordinator).patch(path, json={"locale": "en"}, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "person-shared")
    assert await outbox.events() == []
    assert (await api.as_(administrator).patch(path, json={"locale": "en"}, headers={"If-Match": "*"})).status_code == 200


async def test_what_is_refused_in_the_url_is_named_as_its_parameter(api: Api, coordinator: Actor) -> None:
    circle = await api.organisation(coordinator)
    person = (await api.person(coordinator, "Kim Muster", circle)).json()
    path = f"/v1/people/{person['id']}/grants/staff?ags={HERE}"
    answer = await api.as_(coordinator).delete(path, headers={"If-Match": "*"})
    [error] = answer.json()["errors"]
    assert (error["code"], error["parameter"]) == ("scope-of-role", "organisation_id")
    assert "pointer" not in error


async def test_memberships_and_grants_come_and_go(api: Api, coordinator: Actor, stranger: Actor, outbox: Outbox) -> None:
    circle = await api.organisation(coordinator)
    parish = await api.organisation(coordinator, "Gemeinde", kind="parish")
    kim = await api.person(coordinator, "Kim Muster", circle, email=MAIL)
    client, path = api.as_(coordinator), kim.headers["location"]
    await outbox.clear()
    added = await client.post(f"{path}/memberships", json={"organisation_id": parish["id"], "engagement": "staff"})
    assert len(added.json()["memberships"]) == 2
    again = await client.post(f"{path}/memberships", json={"organisation_id": parish["id"], "engagement": "staff"})
    assert again.headers["etag"] == added.headers["etag"]
    speaker = {"role": "circle_speaker", "organisation_id": circle["id"]}
    granted = await client.post(f"{path}/grants", json=speaker)
    assert granted.json()["grants"] == [{"role": "circle_speaker", "ags": HERE, "organisation_id": circle["id"]}]
    assert (await client.post(f"{path}/grants", json={**speaker, "organisation_id": parish["id"]})).status_code == 422
    beyond = await client.post(f"{path}/grants", json={"role": "network_admin"})
    assert beyond.json()["errors"][0]["code"] == "grant-beyond-own"

    query = {"organisation_id": circle["id"]}
    assert (await client.delete(f"{path}/grants/circle_speaker", params=query)).status_code == 428
    headers = {"If-Match": granted.headers["etag"]}
    assert (await client.delete(f"{path}/grants/circle_speaker", params=query, headers=headers)).status_code == 204
    assert (await client.delete(f"{path}/grants/circle_speaker", params=query, headers=headers)).status_code == 412
    for organisation, engagement in ((parish, "staff"), (circle, "volunteer")):
        membership = f"{path}/memberships/{organisation['id']}"
        for ags, status in ((ELSEWHERE, 404), (HERE, 204)):
            query = {"ags": ags, "engagement": engagement}
            answer = await client.delete(membership, params=query, headers={"If-Match": "*"})
            assert answer.status_code == status
    # With the last membership the person is out of the caller's sight, and the directory knows it.
    assert (await client.get(path)).status_code == 404
    records = await outbox.events("people")
    assert [record.sequence for record in records] == [2, 3, 4, 5, 6]
    assert records[-1].body["memberships"] == []


async def test_twins_with_a_key_get_the_same_answer(api: Api, coordinator: Actor) -> None:
    circle = await api.organisation(coordinator)
    body = {"display_name": "Erna Muster", "memberships": [{"organisation_id": circle["id"], "engagement": "volunteer"}]}
    client = api.as_(coordinator)
    answers = await asyncio.gather(
        *(client.post("/v1/people", json=body, headers={"Idempotency-Key": "erna-1"}) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    other = await client.post("/v1/people", json={**body, "locale": "en"}, headers={"Idempotency-Key": "erna-1"})
    assert other.status_code == 422


async def test_lists_go_page_by_page_and_by_organisation(api: Api, coordinator: Actor, administrator: Actor) -> None:
    circle, parish = await api.organisation(coordinator), await api.organisation(coordinator, "Gemeinde", kind="parish")
    names = ["Özlem", "Anna", "Zoe", "Ömer", "Olga", "Peter"]
    for index, name in enumerate(names):
        await api.person(coordinator, name, (circle, parish)[index % 2])
    await api.person(administrator, "Operatorin", email=MAIL)
    for actor, expected in (
        (coordinator, ["Anna", "Olga", "Ömer", "Özlem", "Peter", "Zoe"]),
        (administrator, ["Anna", "Olga", "Ömer", "Operatorin", "Özlem", "Peter", "Zoe"]),
    ):
        seen: list[str] = []
        cursor: str | None = None
        while cursor is not None or not seen:
            page = (await api.as_(actor).get("/v1/people", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
            seen += [item["display_name"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert seen == expected

    async def found(actor: Actor, **params: str) -> list[str]:
        return [item["display_name"] for item in (await api.as_(actor).get("/v1/people", params=params)).json()["items"]]

    for actor in (coordinator, administrator):
        assert await found(actor, organisation_id=circle["id"]) == ["Olga", "Özlem", "Zoe"]
        assert await found(actor, organisation_id=circle["id"], name="oezl") == ["Özlem"]
        assert await found(actor, ags=HERE, name="OM") == ["Ömer"]
        assert await found(actor, ags=ELSEWHERE) == []
    volunteer = member(Role.VOLUNTEER, circle["id"])
    assert await found(volunteer) == ["Olga", "Özlem", "Zoe"]
    assert await found(volunteer, organisation_id=parish["id"]) == []
    assert await found(coordinator_of(ELSEWHERE), organisation_id=circle["id"]) == []


async def test_the_administrator_exists_once(settings: ContactsSettings, worker: Database, outbox: Outbox) -> None:
    async def start(name: str) -> None:
        """All timers, as at the start of a process."""
        named = settings.model_copy(update={"admin_email": MAIL, "admin_name": name})
        for timer in SERVICE.worker(named, worker).timers:
            async with worker.unscoped() as tx:
                await timer.run(tx)

    await asyncio.gather(*(start("Administration") for _ in range(4)))
    await start("Somebody Else")
    fact, record = await outbox.events()
    assert fact.body["entered_by"] is None
    assert record.body["grants"] == [{"role": "network_admin", "ags": None, "organisation_id": None}]
    assert record.sequence == 1


async def test_row_level_security_is_the_outer_wall(api: Api, coordinator: Actor, stranger: Actor, database: Database) -> None:
    circle = await api.organisation(coordinator)
    await api.person(coordinator, "Kim Muster", circle, email=MAIL)
    tables = ("organisations", "organisation_areas", "people", "memberships")
    async with database.transaction(stranger, Permission.PERSON_READ) as tx:
        assert [await tx.fetchval(f"SELECT count(*) FROM {table}") for table in tables] == [0, 0, 0, 0]
        # A stranger may learn whom an address and a name belong to, to add a membership, and nothing else of them.
        [known] = await tx.fetch("SELECT person_id FROM known_people($1, $2)", [MAIL], ["kim muster"])
        assert await tx.fetch("SELECT * FROM changed_people($1)", [known["person_id"]]) == []
    async with database.unscoped() as tx:
        assert [await tx.fetchval(f"SELECT count(*) FROM {table}") for table in tables] == [0, 0, 0, 0]
    for table, values in (
        ("memberships", f"gen_random_uuid(), '{circle['id']}', '{HERE}', 'staff'"),
        ("grants", f"gen_random_uuid(), 'coordinator', '{HERE}', NULL"),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.transaction(stranger, Permission.PERSON_WRITE) as tx:
                await tx.execute(f"INSERT INTO {table} VALUES ({values})")
