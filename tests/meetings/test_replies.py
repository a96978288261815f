"""Replies to invitations over HTTP, on a real database."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from emon_contracts.actors import Actor, Engagement, Grant, LinkCapability, LinkPurpose, Role
from emon_contracts.permissions import Permission
from emon_embedded.service_databases import ServiceDatabase
from emon_meetings.meetings.repository import share_meeting
from emon_platform.database import Database

from tests.meetings.conftest import ELSEWHERE, HERE, Town
from tests.meetings.test_meetings import events, types, wanted
from tests.polling import eventually
from tests.service_api import ServiceApi as Api

pytestmark = pytest.mark.usefixtures("town")

LATER = {"start": {"local": "2027-04-10T18:00", "time_zone": "Europe/Berlin"}}


class Table:
    """A round table of the circle, as its coordinator has it."""

    def __init__(self, api: Api, coordinator: Actor, url: str) -> None:
        self.api, self.coordinator, self.url = api, coordinator, url

    @property
    def meeting_id(self) -> UUID:
        return UUID(self.url.rpartition("/")[2])

    async def read(self, actor: Actor | None = None) -> Any:
        return (await self.api.as_(actor or self.coordinator).get(self.url)).json()

    async def invitations(self, **query: str) -> list[Any]:
        return (await self.api.as_(self.coordinator).get(f"{self.url}/invitations", params=query)).json()["items"]

    async def invitation(self, guest: Actor) -> Any:
        return next(item for item in await self.invitations() if item["person_id"] == str(guest.person_id))

    async def change(self, **changes: Any) -> httpx.Response:
        return await self.api.as_(self.coordinator).patch(self.url, json=changes, headers={"If-Match": "*"})

    async def reply(self, actor: Actor, guest: Actor, reply: str, **more: Any) -> httpx.Response:
        url = f"{self.url}/invitations/{guest.person_id}/reply"
        return await self.api.as_(actor).put(url, json={"reply": reply, **more})


@pytest.fixture
async def guests(town: Town) -> list[Actor]:
    return [await town.volunteer() for _ in range(3)]


@pytest.fixture
async def table(api: Api, guests: list[Actor], coordinator: Actor) -> Table:
    answer = await api.as_(coordinator).post("/v1/meetings", json=wanted())
    return Table(api, coordinator, answer.headers["location"])


def code(answer: httpx.Response) -> str:
    assert answer.status_code == 409, answer.text
    return answer.json()["errors"][0]["code"]


async def link_of(table: Table, guest: Actor, revision: int = 0) -> Actor:
    """Whoever holds the link to this guest's invitation."""
    invitation_id = UUID((await table.invitation(guest))["id"])
    return Actor(guest.person_id, link=LinkCapability(LinkPurpose.INVITATION, invitation_id, revision))


async def test_a_guest_says_whether_they_come_and_may_think_again(table: Table, guests: list[Actor], worker: Database) -> None:
    guest = guests[0]
    for reply in ("accepted", "tentative", "declined"):
        answer = await table.reply(guest, guest, reply)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["reply"], body["earlier_reply"], body["person_id"]) == (reply, None, str(guest.person_id))
        assert body == await table.invitation(guest)
    rows = await events(worker)
    assert types(rows)[2:] == ["invitation-replied"] * 3
    told, headers = json.loads(rows[-1]["body"]), dict(json.loads(rows[-1]["headers"]))
    assert told == {
        "meeting_id": str(table.meeting_id),
        "ags": HERE,
        "invitation_id": body["id"],
        "person_id": str(guest.person_id),
        "reply": "declined",
        "revision": 0,
        "replied_by": str(guest.person_id),
    }
    assert (headers["ce_subject"], headers["ce_sequence"], headers["ce_tenant"]) == (body["id"], "4", HERE)


async def test_saying_the_same_again_changes_nothing(table: Table, guests: list[Actor], worker: Database) -> None:
    guest = guests[0]
    first = await table.reply(guest, guest, "accepted")
    for actor in (guest, table.coordinator, await link_of(table, guest)):
        again = await table.reply(actor, guest, "accepted")
        assert (again.status_code, again.json()["replied_at"]) == (200, first.json()["replied_at"])
    assert types(await events(worker)).count("invitation-replied") == 1


async def test_who_may_reply_and_for_whom(
    table: Table, guests: list[Actor], town: Town, stranger: Actor, worker: Database
) -> None:
    guest, other, _ = guests
    staff_here = await town.add((uuid4(), HERE, Engagement.STAFF))
    admin = Actor(uuid4(), (Grant(role=Role.NETWORK_ADMIN),))
    link = await link_of(table, guest)
    for actor, reply in ((table.coordinator, "accepted"), (staff_here, "declined"), (admin, "tentative"), (link, "accepted")):
        assert (await table.reply(actor, guest, reply)).json()["reply"] == reply
    replied_by = [json.loads(row["body"]).get("replied_by") for row in (await events(worker))[2:]]
    assert replied_by == [str(actor.person_id) for actor in (table.coordinator, staff_here, admin, guest)]

    outsider = await town.add((uuid4(), HERE, Engagement.VOLUNTEER))
    elsewhere = await town.add((uuid4(), ELSEWHERE, Engagement.STAFF), (uuid4(), HERE, Engagement.VOLUNTEER))
    for actor in (stranger, outsider, elsewhere, guest, link):
        assert (await table.reply(actor, other, "declined")).status_code == 404
    assert (await table.reply(stranger, guest, "declined")).status_code == 404
    assert (await table.reply(table.coordinator, outsider, "accepted")).status_code == 404, (
        "who was not invited has no invitation"
    )
    assert (await table.invitation(other))["reply"] is None
    assert (await table.api.client.put(f"{table.url}/invitations/{guest.person_id}/reply", json={})).status_code == 401


async def test_a_new_time_asks_again_and_a_new_title_does_not(table: Table, guests: list[Actor]) -> None:
    guest = guests[0]
    await table.reply(guest, guest, "accepted", revision=0)
    await table.change(title="Runder Tisch mit neuem Titel")
    assert (await table.invitation(guest))["reply"] == "accepted"
    await table.change(**LATER)
    body = await table.invitation(guest)
    assert (body["reply"], body["earlier_reply"]) == (None, "accepted")
    assert (await table.read())["replies"] == {"accepted": 0, "declined": 0, "tentative": 0, "none": 3}

    assert code(await table.reply(guest, guest, "accepted", revision=0)) == "meeting-changed"
    assert code(await table.reply(await link_of(table, guest), guest, "accepted")) == "meeting-changed"
    assert (await table.invitation(guest)) == body, "nothing was recorded"
    for actor, more in ((guest, {"revision": 1}), (await link_of(table, guest, 1), {})):
        body = (await table.reply(actor, guest, "accepted", **more)).json()
        assert (body["reply"], body["earlier_reply"]) == ("accepted", None)


async def test_a_meeting_that_was_cancelled_or_has_started_takes_no_replies(
    table: Table, guests: list[Actor], worker: Database
) -> None:
    guest = guests[0]
    await table.reply(guest, guest, "accepted")
    async with worker.unscoped() as tx:
        starts_at = await tx.fetchval("SELECT local_start FROM meetings")
        await tx.execute("UPDATE meetings SET local_start = now() - interval '1 day'")
    assert code(await table.reply(guest, guest, "declined")) == "meeting-started"
    async with worker.unscoped() as tx:
        await tx.execute("UPDATE meetings SET local_start = $1", starts_at)
    await table.api.as_(table.coordinator).post(f"{table.url}/cancellation", json={})
    assert code(await table.reply(guest, guest, "declined", revision=1)) == "meeting-cancelled"
    assert (await table.read())["replies"]["accepted"] == 1, "who would have come is still to be seen"
    assert (await table.invitation(guest))["reply"] == "accepted"


async def test_a_reply_is_one_of_three_words(table: Table, guests: list[Actor]) -> None:
    bodies: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "/reply"),
        ({"reply": "perhaps"}, "/reply"),
        ({"reply": None}, "/reply"),
        ({"reply": "accepted", "revision": -1}, "/revision"),
        ({"reply": "accepted", "revision": "0"}, "/revision"),
        ({"reply": "accepted", "comment": "gern"}, "/comment"),
    )
    for body, pointer in bodies:
        answer = await table.api.as_(guests[0]).put(f"{table.url}/invitations/{guests[0].person_id}/reply", json=body)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_replies_are_counted_for_the_municipality_alone(table: Table, guests: list[Actor], stranger: Actor) -> None:
    for guest, reply in zip(guests, ("accepted", "accepted", "declined"), strict=True):
        await table.reply(guest, guest, reply)
    counted = {"accepted": 2, "declined": 1, "tentative": 0, "none": 0}
    assert (await table.read())["replies"] == counted
    assert (await table.change(title="Anders")).json()["replies"] == counted
    assert (await table.read(guests[0]))["replies"] is None
    own = (await table.api.as_(guests[0]).get(f"{table.url}/invitations")).json()["items"]
    assert [(item["person_id"], item["reply"]) for item in own] == [(str(guests[0].person_id), "accepted")]
    assert (await table.api.as_(stranger).get(table.url)).status_code == 404


async def test_the_list_of_those_who_replied_so_is_paged(table: Table, town: Town, guests: list[Actor]) -> None:
    members = [*guests, *[await town.volunteer() for _ in range(6)]]
    for index, guest in enumerate(members):
        await table.reply(guest, guest, ("accepted", "declined", "tentative")[index % 3])
    silent = [await town.volunteer() for _ in range(3)]
    for filtered, expected in (
        ("accepted", members[0::3]),
        ("declined", members[1::3]),
        ("tentative", members[2::3]),
        ("none", silent),
    ):
        seen: list[str] = []
        query = {"reply": filtered, "limit": "2"}
        while True:
            page = (await table.api.as_(table.coordinator).get(f"{table.url}/invitations", params=query)).json()
            assert len(page["items"]) <= 2
            seen += [item["person_id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert sorted(seen) == sorted(str(guest.person_id) for guest in expected)
    await table.change(**LATER)
    assert await table.invitations(reply="accepted") == []
    assert len(await table.invitations(reply="none")) == len(members) + len(silent)
    wrong = await table.api.as_(table.coordinator).get(f"{table.url}/invitations", params={"reply": "perhaps"})
    assert wrong.json()["errors"][0]["parameter"] == "reply"


async def waiting(worker: Database) -> int:
    """How many transactions wait for a lock of another."""
    async with worker.unscoped() as tx:
        return await tx.fetchval(
            """
            SELECT count(*)
            FROM pg_locks
            WHERE NOT granted
              AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())
            """
        )


async def test_no_reply_is_recorded_for_a_time_that_is_just_being_changed(
    table: Table, guests: list[Actor], worker: Database
) -> None:
    guest = guests[0]
    async with asyncio.TaskGroup() as group, worker.unscoped() as tx:
        # Whatever changes the row, and not only a change that queues for it as the routes do.
        await tx.execute("UPDATE meetings SET place = 'Gemeindehaus', revision = revision + 1")
        late = group.create_task(table.reply(guest, guest, "accepted", revision=0))
        await eventually(lambda: waiting(worker), lambda count: count == 1)
    assert code(late.result()) == "meeting-changed"
    assert (await table.invitation(guest))["reply"] is None
    assert "invitation-replied" not in types(await events(worker))


@pytest.fixture
async def api_database(urls: ServiceDatabase) -> AsyncGenerator[Database]:
    database = await Database.connect(urls.api_url, name="test api")
    yield database
    await database.close()


async def test_a_new_time_waits_for_replies_before_it_and_not_for_those_that_come_after(
    table: Table, guests: list[Actor], api_database: Database, worker: Database
) -> None:
    first, second, _ = guests
    async with asyncio.TaskGroup() as group, api_database.transaction(first, Permission.INVITATION_REPLY) as tx:
        assert await share_meeting(tx, table.meeting_id)
        change = group.create_task(table.change(**LATER))
        await eventually(lambda: waiting(worker), lambda count: count == 1)
        late = group.create_task(table.reply(second, second, "accepted", revision=0))
        await eventually(lambda: waiting(worker), lambda count: count == 2)
    assert change.result().status_code == 200
    assert code(late.result()) == "meeting-changed"


async def test_two_replies_at_the_same_moment_are_told_one_after_the_other(
    table: Table, guests: list[Actor], worker: Database
) -> None:
    guest = guests[0]
    said = ("accepted", "declined") * 5
    answers = await asyncio.gather(*(table.reply(guest, guest, reply) for reply in said))
    assert {answer.status_code for answer in answers} == {200}
    told = [dict(json.loads(row["headers"]))["ce_sequence"] for row in (await events(worker))[2:]]
    assert told == [str(version) for version in range(2, len(told) + 2)]


async def test_the_database_lets_a_guest_change_their_reply_and_nothing_else(
    table: Table, guests: list[Actor], api_database: Database
) -> None:
    guest, other, _ = guests

    async def change(caller: Actor, statement: str) -> str:
        async with api_database.transaction(caller, Permission.INVITATION_REPLY) as tx:
            return await tx.execute(statement)

    said = f"reply = 'declined', replied_revision = 0, replied_at = now(), replied_by = '{guest.person_id}'"
    forbidden = [
        *(f"UPDATE invitations SET {column} = '{uuid4()}'" for column in ("id", "meeting_id", "person_id")),
        f"UPDATE invitations SET ags = '{ELSEWHERE}'",
        f"UPDATE invitations SET reply = 'accepted', replied_by = '{other.person_id}'",
        "UPDATE invitations SET reply = 'accepted', replied_at = now() - interval '1 day'",
        "UPDATE invitations SET reply = NULL, replied_revision = NULL, replied_at = NULL, replied_by = NULL",
        f"INSERT INTO invitations (meeting_id, ags, person_id) VALUES ('{table.meeting_id}', '{HERE}', '{uuid4()}')",
        "DELETE FROM invitations",
        "UPDATE meetings SET title = 'Meiner'",
    ]
    for caller in (guest, await link_of(table, guest)):
        assert await change(caller, f"UPDATE invitations SET {said}") == "UPDATE 1", "their own alone"
        for statement in forbidden:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await change(caller, statement)
    assert (await table.invitation(other))["reply"] is None


async def own(api: Api, actor: Actor, **query: str) -> list[tuple[str, str | None]]:
    """Somebody's own invitations, as (title, reply)."""
    answer = await api.as_(actor).get("/v1/invitations", params=query)
    assert answer.status_code == 200, answer.text
    return [(item["meeting"]["title"], item["reply"]) for item in answer.json()["items"]]


async def test_a_guest_lists_their_meetings_with_their_replies(
    api: Api, table: Table, guests: list[Actor], coordinator: Actor
) -> None:
    sooner = wanted(title="Eher", start={"local": "2027-03-20T18:00", "time_zone": "Europe/Berlin"})
    await api.as_(coordinator).post("/v1/meetings", json=sooner)
    guest, title = guests[0], wanted()["title"]
    assert await own(api, guest) == await own(api, guest, status="open") == [("Eher", None), (title, None)]
    await table.reply(guest, guest, "accepted")
    assert await own(api, guest) == [("Eher", None), (title, "accepted")]
    assert await own(api, guest, status="open") == [("Eher", None)]
    assert await own(api, guest, starting_from="2027-03-21T00:00:00Z") == [(title, "accepted")]
    page = (await api.as_(guest).get("/v1/invitations", params={"limit": "1"})).json()
    assert await own(api, guest, cursor=page["next_cursor"]) == [(title, "accepted")]
    # A new time asks again; nothing is asked any more once it is cancelled.
    await table.change(**LATER)
    assert await own(api, guest, status="open") == [("Eher", None), (title, None)]
    await api.as_(coordinator).post(f"{table.url}/cancellation")
    assert await own(api, guest, status="open") == [("Eher", None)]
    assert len(await own(api, guest)) == 2


async def test_a_list_of_invitations_is_the_callers_own(api: Api, table: Table, guests: list[Actor], coordinator: Actor) -> None:
    """Coordinators see those of others with the meeting; the holder of a link sees that of the link."""
    assert await own(api, coordinator) == []
    await api.as_(coordinator).post("/v1/meetings", json=wanted(title="Zweiter"))
    assert await own(api, await link_of(table, guests[0])) == [(wanted()["title"], None)]
    assert (await api.client.get("/v1/invitations")).status_code == 401


async def test_what_has_started_is_not_open(api: Api, table: Table, guests: list[Actor], worker: Database) -> None:
    async with worker.unscoped() as tx:
        await tx.execute("UPDATE meetings SET starts_at = now() - interval '1 minute' WHERE id = $1", table.meeting_id)
    assert await own(api, guests[0], status="open") == []
    assert len(await own(api, guests[0], status="all")) == 1
