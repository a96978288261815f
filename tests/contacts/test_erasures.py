"""Erasing oneself: at once, for good, and by nobody else."""

import asyncio
from uuid import UUID, uuid4

import pytest

from emon_contacts.app import SERVICE
from emon_contacts.settings import ContactsSettings
from emon_contracts.actors import Actor, LinkPurpose
from emon_platform.database import Database

from tests.contacts.conftest import Api, Outbox, Published, holder
from tests.polling import eventually

MAIL = "kim.muster@example.org"


async def erase(api: Api, person_id: str) -> int:
    """By link; answers the status."""
    return (await api.as_(holder(person_id, LinkPurpose.ERASURE)).post(f"/v1/people/{person_id}/erasure")).status_code


def last_of(events: list[Published], person_id: str) -> Published:
    """What a directory that goes by version ends with."""
    return max((event for event in events if event.subject == person_id), key=lambda event: event.sequence)


async def waiting(worker: Database, count: int) -> None:
    """Until so many statements wait for a lock."""

    async def look() -> int:
        async with worker.unscoped() as tx:
            return await tx.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")

    await eventually(look, lambda found: found == count)


async def test_whoever_erases_themselves_leaves_nothing_but_a_tombstone(
    api: Api, coordinator: Actor, outbox: Outbox, worker: Database
) -> None:
    circle = await api.organisation(coordinator)
    kim = (await api.person(coordinator, "Kim Muster", circle, email=MAIL)).json()["id"]
    week = {"working_days": ["monday"], "absences": [{"first_day": "2190-01-01", "last_day": "2190-01-02"}]}
    await api.as_(coordinator).put(f"/v1/people/{kim}/working-week", json=week, headers={"If-Match": "*"})
    assert await erase(api, kim) == 204
    *_, fact, tombstone = await outbox.events()
    assert (fact.type, fact.body, fact.sequence) == ("de.emon.contacts.person-erased.v1", {"person_id": kim}, 3)
    assert (tombstone.topic, tombstone.is_tombstone, tombstone.sequence) == ("emon.directory.people", True, 3)
    async with worker.unscoped() as tx:
        for table in ("people", "memberships", "grants", "absences"):
            assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0
        [left] = await tx.fetch("SELECT id, version FROM erased_people")
    assert tuple(left) == (UUID(kim), 3)
    count = len(await outbox.events())
    assert await erase(api, kim) == 204
    assert len(await outbox.events()) == count
    for purpose in (LinkPurpose.CORRECTION, LinkPurpose.ERASURE):
        assert (await api.as_(holder(kim, purpose)).get(f"/v1/people/{kim}/record")).status_code == 404
    assert await erase(api, str(uuid4())) == 404
    anew = (await api.person(coordinator, "Kim Muster", circle, email=MAIL)).json()["id"]
    assert anew != kim


async def test_erasing_oneself_several_times_at_the_same_moment_is_erasing_once(
    api: Api, coordinator: Actor, outbox: Outbox
) -> None:
    circle = await api.organisation(coordinator)
    kim = (await api.person(coordinator, "Kim Muster", circle, email=MAIL)).json()["id"]
    await outbox.clear()
    assert set(await asyncio.gather(*(erase(api, kim) for _ in range(5)))) == {204}
    assert [event.type.split(".")[3] for event in await outbox.events()] == ["person-erased", "person"]


async def test_a_change_at_the_same_moment_is_told_before_the_end_or_not_at_all(
    api: Api, coordinator: Actor, outbox: Outbox
) -> None:
    circle = await api.organisation(coordinator)
    parish = await api.organisation(coordinator, "Gemeinde", kind="parish")
    client = api.as_(coordinator)
    membership = {"organisation_id": parish["id"], "engagement": "staff"}
    for number in range(6):
        kim = (await api.person(coordinator, f"Kim {number}", circle, email=MAIL)).json()["id"]
        path = f"/v1/people/{kim}"
        answers = await asyncio.gather(
            client.patch(path, json={"locale": "en"}, headers={"If-Match": "*"}),
            client.post(f"{path}/memberships", json=membership),
            client.post(f"{path}/grants", json={"role": "circle_speaker", "organisation_id": circle["id"]}),
            api.as_(Actor(UUID(kim))).post(f"{path}/correction", json={"display_name": "Kim Neu"}),
            erase(api, kim),
        )
        assert answers[-1] == 204
        assert {answer.status_code for answer in answers[:-1]} <= {200, 404}
        records = [event for event in await outbox.events("people") if event.subject == kim]
        assert [event.sequence for event in records] == sorted(event.sequence for event in records)
        assert [event.is_tombstone for event in records] == [False] * (len(records) - 1) + [True]


@pytest.mark.parametrize("email", [MAIL, None])
async def test_whoever_is_entered_at_the_moment_of_their_erasure_is_new(
    api: Api, coordinator: Actor, outbox: Outbox, worker: Database, email: str | None
) -> None:
    """Erasure first: the list that names them waits, and does not find them any more."""
    circle = await api.organisation(coordinator)
    kim = (await api.person(coordinator, "Kim Muster", circle, email=email)).json()["id"]
    async with worker.unscoped() as tx:
        await tx.execute("SELECT FROM people WHERE id = $1 FOR UPDATE", UUID(kim))
        erasing = asyncio.create_task(erase(api, kim))
        await waiting(worker, 1)
        entering = asyncio.create_task(api.person(coordinator, "Kim Muster", circle, "staff", email=email))
        await waiting(worker, 2)
    assert await erasing == 204
    entered = await entering
    assert entered.status_code == 201, entered.text
    anew = entered.json()["id"]
    assert anew != kim
    events = await outbox.events("people")
    assert last_of(events, kim).is_tombstone
    assert [item["engagement"] for item in last_of(events, anew).body["memberships"]] == ["staff"]


async def test_what_is_given_to_somebody_who_is_leaving_goes_with_them(
    api: Api, coordinator: Actor, outbox: Outbox, worker: Database
) -> None:
    """Entering first: the erasure waits, and takes what was entered along."""
    circle = await api.organisation(coordinator)
    kim = (await api.person(coordinator, "Kim Muster", circle, email=MAIL)).json()["id"]
    async with worker.unscoped() as tx:
        assert await tx.fetchval("SELECT hold_people($1)", [UUID(kim)]) == UUID(kim)
        erasing = asyncio.create_task(erase(api, kim))
        await waiting(worker, 1)
        entered = await api.person(coordinator, "Kim Muster", circle, "staff", email=MAIL)
        assert entered.json()["id"] == kim, "who only waits for their end is still there"
    assert await erasing == 204
    tombstone = last_of(await outbox.events("people"), kim)
    assert (tombstone.is_tombstone, tombstone.sequence) == (True, 3)


async def test_the_last_administrator_stays(api: Api, administrator: Actor, outbox: Outbox) -> None:
    grants = [{"role": "network_admin"}]
    first, second = [
        (await api.person(administrator, name, email=MAIL, grants=grants)).json()["id"] for name in ("Kim Muster", "Robin Muster")
    ]
    await outbox.clear()
    assert sorted(await asyncio.gather(erase(api, first), erase(api, second))) == [204, 409]
    left = second if await erase(api, first) == 204 else first
    answer = await api.as_(Actor(UUID(left))).post(f"/v1/people/{left}/erasure")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "last-administrator")
    assert len(await outbox.events("contacts.events")) == 1


async def test_rejected_rows_of_lists_forget_them_too(api: Api, coordinator: Actor) -> None:
    circle = await api.organisation(coordinator)
    kim = (await api.person(coordinator, "Kim Muster", circle, email=MAIL)).json()["id"]
    header = "email,display_name,locale,organisation,engagement\n"
    client = api.as_(coordinator)
    paths: list[str] = []
    for row in (
        f"{MAIL.upper()},K. M.,de,Kein Kreis,volunteer",
        ',"KIM  Muster",de,Kein Kreis,volunteer',
        "\0,K\0,de,Kein Kreis,volunteer",
        "kim.muster@example.com,Kim Mustermann,de,Kein Kreis,volunteer",
    ):
        made = await client.post("/v1/people/imports", content=(header + row).encode(), headers={"Content-Type": "text/csv"})
        paths.append(f"/v1/people/imports/{made.json()['id']}/rejected.csv")
    assert [(await client.get(path)).status_code for path in paths] == [200] * 4
    assert await erase(api, kim) == 204
    assert [(await client.get(path)).status_code for path in paths] == [404, 404, 404, 200], "what cannot be searched goes too"


async def test_the_end_is_told_again_after_the_compaction_lag(
    api: Api, coordinator: Actor, settings: ContactsSettings, worker: Database, outbox: Outbox
) -> None:
    circle = await api.organisation(coordinator)
    kim, robin = [(await api.person(coordinator, name, circle)).json()["id"] for name in ("Kim", "Robin")]
    assert [await erase(api, kim), await erase(api, robin)] == [204, 204]
    await outbox.clear()
    [timer] = [timer for timer in SERVICE.worker(settings, worker).timers if timer.name == "erasures"]
    for aged in ("0 s", "62 min", "62 min"):
        async with worker.unscoped() as tx:
            await tx.execute(f"UPDATE erased_people SET erased_at = erased_at - interval '{aged}' WHERE id = $1", UUID(kim))
            await timer.run(tx)
    [again] = await outbox.events()
    assert (again.subject, again.is_tombstone, again.sequence) == (kim, True, 2)


async def test_an_idempotency_key_does_not_bring_anybody_back(api: Api, coordinator: Actor) -> None:
    circle = await api.organisation(coordinator)
    body = {
        "display_name": "Kim Muster",
        "email": MAIL,
        "memberships": [{"organisation_id": circle["id"], "engagement": "staff"}],
    }
    client, key = api.as_(coordinator), {"Idempotency-Key": "kim-1"}
    kim = (await client.post("/v1/people", json=body, headers=key)).json()["id"]
    assert await erase(api, kim) == 204
    assert (await client.post("/v1/people", json=body, headers=key)).status_code == 404
