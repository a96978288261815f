"""A person belongs to themselves: they see everything that is held about them, and have the last word on it."""

from uuid import UUID, uuid4

from emon_contracts.actors import OPERATOR, Actor, LinkPurpose
from emon_platform.database import Database

from tests.contacts.conftest import ELSEWHERE, HERE, Api, Outbox, coordinator_of, holder

MAIL = "kim.muster@example.org"


async def active_here_and_elsewhere(api: Api) -> str:
    """The id of Kim, who is a member in two municipalities."""
    here, elsewhere = coordinator_of(HERE), coordinator_of(ELSEWHERE)
    circle = await api.organisation(here)
    cafe = await api.organisation(elsewhere, "Café Welt", ags=ELSEWHERE)
    await api.person(here, "Kim Muster", circle, email=MAIL)
    return (await api.person(elsewhere, "Kim Muster", cafe, "staff", email=MAIL)).json()["id"]


async def test_who_entered_somebody_is_told_to_the_directory(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    circle = await api.organisation(coordinator)
    kim = (await api.person(coordinator, "Kim Muster", circle, email=MAIL)).json()
    again = coordinator_of(HERE)
    await api.person(again, "Kim Muster", circle, "staff", email=MAIL)
    await api.person(again, "Ohne Adresse", circle)
    records = await outbox.events("people")
    assert [record.body["entered_by"] for record in records] == [
        str(coordinator.person_id),
        str(coordinator.person_id),
        str(again.person_id),
    ]
    assert records[1].subject == kim["id"]
    await api.person(OPERATOR, "Robin Muster", circle, email=MAIL)
    assert (await outbox.events("people"))[-1].body["entered_by"] is None


async def test_a_person_corrects_themselves_where_a_coordinator_may_not(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    kim = await active_here_and_elsewhere(api)
    change = await api.as_(coordinator).patch(f"/v1/people/{kim}", json={"locale": "en"}, headers={"If-Match": "*"})
    assert change.json()["errors"][0]["code"] == "person-shared"
    for actor, body in (
        (Actor(UUID(kim)), {"display_name": "Kim Beispiel"}),
        (holder(kim, LinkPurpose.CORRECTION), {"locale": "en"}),
    ):
        await outbox.clear()
        answer = await api.as_(actor).post(f"/v1/people/{kim}/correction", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json().items() >= body.items()
        fact, record = await outbox.events()
        assert fact.body == {"person_id": kim, "changed_by": kim}
        assert record.body.items() >= body.items()
        assert len(record.body["memberships"]) == 2
        assert fact.sequence == record.sequence
        again = await api.as_(actor).post(f"/v1/people/{kim}/correction", json=body)
        assert again.headers["etag"] == answer.headers["etag"]
        assert len(await outbox.events()) == 2
    found = await api.as_(coordinator).get("/v1/people", params={"name": "beispiel"})
    assert [item["id"] for item in found.json()["items"]] == [kim]


async def test_a_correction_is_checked_like_a_change(api: Api, coordinator: Actor) -> None:
    circle = await api.organisation(coordinator)
    kim = (await api.person(coordinator, "Kim Muster", circle, email=MAIL)).json()["id"]
    await api.person(coordinator, "Robin Muster", circle, email=MAIL)
    client = api.as_(holder(kim, LinkPurpose.CORRECTION))
    taken = await client.post(f"/v1/people/{kim}/correction", json={"display_name": "robin  muster"})
    assert (taken.status_code, taken.json()["errors"][0]["code"]) == (409, "person-exists")
    for body, pointer in (
        ({"display_name": "a\nb"}, "/display_name"),
        ({"locale": "fr"}, "/locale"),
        ({"email": MAIL}, "/email"),
    ):
        answer = await client.post(f"/v1/people/{kim}/correction", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_nobody_else_corrects_and_no_link_reaches_beyond_its_holder(
    api: Api, coordinator: Actor, administrator: Actor
) -> None:
    circle = await api.organisation(coordinator)
    kim = (await api.person(coordinator, "Kim Muster", circle, email=MAIL)).json()["id"]
    robin = (await api.person(coordinator, "Robin Muster", circle, email=MAIL)).json()["id"]
    for actor in (coordinator, administrator, Actor(UUID(robin)), holder(robin, LinkPurpose.CORRECTION), Actor(uuid4())):
        for method, path in (("POST", "correction"), ("POST", "erasure"), ("GET", "record")):
            answer = await api.as_(actor).request(method, f"/v1/people/{kim}/{path}", json={} if path == "correction" else None)
            assert answer.status_code == (403 if actor.link and path == "erasure" else 404), (actor, path)
    for purpose in (LinkPurpose.CORRECTION, LinkPurpose.ERASURE):
        client = api.as_(holder(kim, purpose))
        assert (await client.get(f"/v1/people/{kim}")).json()["email"] == MAIL
        assert [item["id"] for item in (await client.get("/v1/people")).json()["items"]] == [kim]
        assert (await client.get(f"/v1/people/{robin}")).status_code == 404
        assert (await client.get("/v1/organisations")).status_code == 403
        assert (await client.get(f"/v1/people/{kim}/working-week")).status_code == 403
    assert (await api.as_(holder(kim, LinkPurpose.CORRECTION)).post(f"/v1/people/{kim}/erasure")).status_code == 403
    assert (await api.as_(holder(kim, LinkPurpose.ERASURE)).post(f"/v1/people/{kim}/correction", json={})).status_code == 403
    assert (await api.as_(holder(kim, LinkPurpose.INVITATION)).get(f"/v1/people/{kim}/record")).status_code == 403


async def test_the_own_record_has_names_and_is_whole(api: Api, worker: Database) -> None:
    kim = await active_here_and_elsewhere(api)
    async with worker.unscoped() as tx:
        enterer = await tx.fetchval("SELECT entered_by FROM people WHERE id = $1", UUID(kim))
        await tx.execute(
            "INSERT INTO people (id, display_name, name_key, search_key, locale) VALUES ($1, 'Toni Amt', 'toni', 'toni', 'de')",
            enterer,
        )
    for purpose in (LinkPurpose.CORRECTION, LinkPurpose.ERASURE):
        record = (await api.as_(holder(kim, purpose)).get(f"/v1/people/{kim}/record")).json()
        assert record == {
            "id": kim,
            "display_name": "Kim Muster",
            "email": MAIL,
            "pending_email": None,
            "former_emails": [],
            "locale": "de",
            "memberships": record["memberships"],
            "grants": [],
            "entered_by": "Toni Amt",
            "working_days": None,
            "absences": [],
        }
        assert sorted(tuple(item.values()) for item in record["memberships"]) == [
            ("Café Welt", "Anderswo", "staff"),
            ("Helferkreis Asyl", "Musterstadt", "volunteer"),
        ]
