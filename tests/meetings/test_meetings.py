"""Meetings over HTTP, on a real database."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from emon_contracts.actors import Actor, Engagement, Grant, Role
from emon_platform.database import Database

from tests.meetings.conftest import CIRCLE, ELSEWHERE, HERE, Town
from tests.service_api import ServiceApi as Api

pytestmark = pytest.mark.usefixtures("town")


def wanted(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "round_table",
        "title": "Runder Tisch im März",
        "ags": HERE,
        "start": {"local": "2027-03-27T18:00", "time_zone": "Europe/Berlin"},
        "duration_minutes": 90,
        "place": "Rathaus, Sitzungssaal",
        "participants": [{"organisation_id": str(CIRCLE)}],
        **changes,
    }


async def events(worker: Database) -> list[Any]:
    async with worker.unscoped() as tx:
        return await tx.fetch(
            """
            SELECT value::text, (convert_from(value, 'UTF8')::jsonb) ->> 'revision' AS revision,
                   convert_from(value, 'UTF8') AS body, headers
            FROM outbox
            WHERE topic = 'emon.meetings.events'
            ORDER BY position
            """
        )


def types(rows: list[Any]) -> list[str]:
    return [row["headers"].split("de.emon.meetings.")[1].split(".v1")[0] for row in rows]


async def invited(worker: Database) -> set[Any]:
    async with worker.unscoped() as tx:
        return {row["person_id"] for row in await tx.fetch("SELECT person_id FROM invitations")}


async def test_scheduling_invites_every_member_once(api: Api, town: Town, coordinator: Actor, worker: Database) -> None:
    members = [await town.volunteer() for _ in range(3)]
    both = [{"organisation_id": str(CIRCLE)}, {"person_id": str(members[0].person_id)}]
    answer = await api.as_(coordinator).post("/v1/meetings", json=wanted(participants=both))
    assert answer.status_code == 201, answer.text
    meeting = answer.json()
    assert answer.headers["location"] == f"/v1/meetings/{meeting['id']}"
    assert meeting["starts_at"] == "2027-03-27T17:00:00Z"
    assert meeting["start"] == {"time_zone": "Europe/Berlin", "local": "2027-03-27T18:00"}
    assert await invited(worker) == {member.person_id for member in members}
    assert types(await events(worker)) == ["meeting-scheduled", "invitations-issued"]
    listed = (await api.as_(coordinator).get(f"/v1/meetings/{meeting['id']}/invitations")).json()
    assert len(listed["items"]) == 3


async def test_invitations_travel_in_events_of_five_hundred(api: Api, town: Town, coordinator: Actor, worker: Database) -> None:
    async with worker.unscoped() as tx:
        await tx.execute(
            """
            WITH people AS (
                INSERT INTO directory_people (person_id, version, display_name, locale)
                SELECT gen_random_uuid(), 1, 'Kim Muster', 'de' FROM generate_series(1, 1201)
                RETURNING person_id
            )
            INSERT INTO directory_memberships SELECT person_id, $1, $2, 'volunteer' FROM people
            """,
            CIRCLE,
            HERE,
        )
    answer = await api.as_(coordinator).post("/v1/meetings", json=wanted())
    assert answer.status_code == 201
    rows = await events(worker)
    assert types(rows) == ["meeting-scheduled", *["invitations-issued"] * 3]
    assert [row["body"].count("invitation_id") for row in rows[1:]] == [500, 500, 201]


async def test_who_joins_later_is_invited_until_the_meeting_starts_and_once(
    api: Api, town: Town, coordinator: Actor, worker: Database
) -> None:
    await api.as_(coordinator).post("/v1/meetings", json=wanted())
    late = await town.volunteer()
    await town.add((CIRCLE, HERE, Engagement.VOLUNTEER), (uuid4(), HERE, Engagement.VOLUNTEER), person_id=late.person_id)
    assert await invited(worker) == {late.person_id}
    async with worker.unscoped() as tx:
        await tx.execute("UPDATE meetings SET starts_at = now() - interval '1 minute'")
    await town.volunteer()
    assert await invited(worker) == {late.person_id}
    assert types(await events(worker)) == ["meeting-scheduled", "invitations-issued"]


async def test_a_member_who_joins_at_the_moment_of_scheduling_is_not_missed(
    api: Api, town: Town, coordinator: Actor, worker: Database
) -> None:
    joined: list[Actor] = []

    async def join() -> None:
        joined.extend([await town.volunteer() for _ in range(15)])

    async def schedule() -> None:
        for number in range(8):
            await api.as_(coordinator).post("/v1/meetings", json=wanted(title=f"Tisch {number}"))

    await asyncio.gather(join(), schedule())
    async with worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(*) FROM invitations") == len(joined) * 8


async def test_members_of_another_municipality_are_not_invited(
    api: Api, town: Town, coordinator: Actor, worker: Database
) -> None:
    await town.add((CIRCLE, ELSEWHERE, Engagement.VOLUNTEER))
    here = await town.volunteer()
    await api.as_(coordinator).post("/v1/meetings", json=wanted())
    assert await invited(worker) == {here.person_id}


async def test_every_malformed_field_is_named_at_once(api: Api, coordinator: Actor) -> None:
    body = wanted(
        kind="party",
        title="Tisch\r\nBcc: x@example.org",
        ags="8115003",
        start={"local": "2027-03-28T02:30", "time_zone": "Europe/Berlin"},
        duration_minutes=4,
        participants=[{}],
        place="\x00",
        surprise=1,
    )
    answer = await api.as_(coordinator).post("/v1/meetings", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {error["pointer"] for error in answer.json()["errors"]} >= {
        "/kind",
        "/title",
        "/ags",
        "/start/local",
        "/duration_minutes",
        "/participants/0",
        "/place",
        "/surprise",
    }


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"duration_minutes": 14 * 24 * 60 + 1}, "/duration_minutes"),
        ({"duration_minutes": "90"}, "/duration_minutes"),
        ({"start": {"local": "2027-10-31T02:30", "time_zone": "Europe/Berlin"}}, "/start/local"),
        ({"start": {"local": "2027-03-27T18:00+01:00", "time_zone": "Europe/Berlin"}}, "/start/local"),
        ({"start": {"local": "2027-03-27T18:00", "time_zone": "Europe/Atlantis"}}, "/start/time_zone"),
        ({"start": {"local": "2020-03-27T18:00", "time_zone": "Europe/Berlin"}}, "/start/local"),
        ({"start": {"local": 0, "time_zone": "Europe/Berlin"}}, "/start/local"),
        ({"title": "=?utf-8?q?hi?="}, "/title"),
        ({"place": None}, ""),
        ({"link": "javascript:alert(1)"}, "/link"),
        ({"ags": "08999999"}, "/ags"),
        ({"ags": ELSEWHERE}, "/ags"),
        ({"participants": []}, "/participants"),
    ],
)
async def test_what_cannot_be_is_refused_at_its_field(
    api: Api, coordinator: Actor, changes: dict[str, Any], pointer: str
) -> None:
    answer = await api.as_(coordinator).post("/v1/meetings", json=wanted(**changes))
    assert answer.status_code == 422, answer.text
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


async def test_unknown_participants_are_refused_all_at_once(api: Api, coordinator: Actor) -> None:
    unknown = [{"person_id": str(uuid4())}, {"organisation_id": str(uuid4())}]
    answer = await api.as_(coordinator).post("/v1/meetings", json=wanted(participants=unknown))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [
        "/participants/0/person_id",
        "/participants/1/organisation_id",
    ]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"title": "\xff"}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", None, 415),
        (b" " * (1024 * 1024 + 1), "application/json", 413),
    ],
)
async def test_bodies_that_are_none(api: Api, coordinator: Actor, body: bytes, content_type: str | None, status: int) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await api.as_(coordinator).post("/v1/meetings", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_same_key_at_the_same_moment_makes_one_meeting(
    api: Api, town: Town, coordinator: Actor, worker: Database
) -> None:
    await town.volunteer()
    client = api.as_(coordinator)
    headers = {"Idempotency-Key": "round-table-march"}
    answers = await asyncio.gather(*(client.post("/v1/meetings", json=wanted(), headers=headers) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    async with worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(*) FROM meetings") == 1
    other = await client.post("/v1/meetings", json=wanted(title="Ein anderer"), headers=headers)
    assert other.status_code == 422
    assert other.json()["errors"][0]["code"] == "idempotency-key-reused"


async def test_a_refused_request_does_not_use_up_its_key(api: Api, coordinator: Actor) -> None:
    client = api.as_(coordinator)
    headers = {"Idempotency-Key": "again"}
    assert (await client.post("/v1/meetings", json=wanted(ags="08999999"), headers=headers)).status_code == 422
    assert (await client.post("/v1/meetings", json=wanted(), headers=headers)).status_code == 201


async def test_rescheduling_needs_the_present_version_and_tells_everybody(api: Api, coordinator: Actor, worker: Database) -> None:
    client = api.as_(coordinator)
    made = await client.post("/v1/meetings", json=wanted())
    url, tag = made.headers["location"], made.headers["etag"]
    later = {"start": {"local": "2027-04-10T18:00", "time_zone": "Europe/Berlin"}}
    assert (await client.patch(url, json=later)).status_code == 428
    changed = await client.patch(url, json=later, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["revision"] == 1
    assert changed.json()["starts_at"] == "2027-04-10T16:00:00Z"
    lost = await client.patch(url, json={"place": "Anderswo"}, headers={"If-Match": tag})
    assert lost.status_code == 412
    same = await client.patch(url, json=later, headers={"If-Match": changed.headers["etag"]})
    assert same.status_code == 200
    assert types(await events(worker)) == ["meeting-scheduled", "meeting-rescheduled"]


async def test_inviting_somebody_later_does_not_outdate_what_the_coordinator_edits(
    api: Api, town: Town, coordinator: Actor
) -> None:
    client = api.as_(coordinator)
    made = await client.post("/v1/meetings", json=wanted())
    await town.volunteer()
    answer = await client.patch(
        made.headers["location"], json={"title": "Neuer Titel"}, headers={"If-Match": made.headers["etag"]}
    )
    assert answer.status_code == 200


async def test_cancelling_is_once(api: Api, coordinator: Actor, worker: Database) -> None:
    client = api.as_(coordinator)
    url = (await client.post("/v1/meetings", json=wanted())).headers["location"]
    cancelled = await client.post(f"{url}/cancellation", json={"reason": "Krankheit"})
    assert cancelled.status_code == 200
    assert cancelled.json()["status"] == "cancelled"
    assert (await client.post(f"{url}/cancellation")).status_code == 409
    rows = await events(worker)
    assert types(rows) == ["meeting-scheduled", "meeting-cancelled"]
    assert "Krankheit" not in rows[-1]["body"]


async def test_the_past_is_listed_backwards(api: Api, coordinator: Actor) -> None:
    client = api.as_(coordinator)
    for day in (10, 11, 12, 13):
        start = {"local": f"2027-05-{day}T18:00", "time_zone": "Europe/Berlin"}
        await client.post("/v1/meetings", json=wanted(start=start, title=f"am {day}."))
    query: dict[str, str] = {"limit": "2", "order": "latest-first", "starting_before": "2027-05-13T16:00:00Z"}
    first = (await client.get("/v1/meetings", params=query)).json()
    rest = (await client.get("/v1/meetings", params=query | {"cursor": first["next_cursor"]})).json()
    assert [item["title"] for item in first["items"] + rest["items"]] == ["am 12.", "am 11.", "am 10."]
    assert rest["next_cursor"] is None
    between = {"starting_from": "2027-05-11T16:00:00Z", "starting_before": "2027-05-12T16:00:00Z"}
    assert [item["title"] for item in (await client.get("/v1/meetings", params=between)).json()["items"]] == ["am 11."]
    assert (await client.get("/v1/meetings", params={"order": "newest"})).status_code == 422


async def test_the_meetings_of_an_organisation(api: Api, town: Town, coordinator: Actor, stranger: Actor) -> None:
    """Those that it takes part in, and those that a member of it is invited to, by whatever way."""
    hall = uuid4()
    both = await town.add((CIRCLE, HERE, Engagement.VOLUNTEER), (hall, HERE, Engagement.STAFF))
    clerk, elsewhere = await town.add((hall, HERE, Engagement.STAFF)), await town.add((CIRCLE, ELSEWHERE, Engagement.STAFF))
    client = api.as_(coordinator)
    for title, person in (("Kreis", None), ("Beide", both), ("Rathaus", clerk)):
        participant = {"person_id": str(person.person_id)} if person else {"organisation_id": str(CIRCLE)}
        await client.post("/v1/meetings", json=wanted(title=title, participants=[participant]))

    async def titles(actor: Actor, organisation: object) -> set[str]:
        answer = await api.as_(actor).get("/v1/meetings", params={"organisation_id": str(organisation)})
        return {item["title"] for item in answer.json()["items"]}

    assert await titles(coordinator, CIRCLE) == {"Kreis", "Beide"}
    assert await titles(coordinator, hall) == {"Kreis", "Beide", "Rathaus"}
    assert await titles(coordinator, uuid4()) == set()
    assert await titles(both, CIRCLE) == {"Kreis", "Beide"}
    assert await titles(stranger, CIRCLE) == await titles(elsewhere, CIRCLE) == set()


async def test_the_audience_is_whom_scheduling_would_invite(api: Api, town: Town, coordinator: Actor, worker: Database) -> None:
    members = [await town.volunteer() for _ in range(3)]
    async with worker.unscoped() as tx:
        await tx.execute("UPDATE directory_people SET email = 'a@b.example' WHERE person_id = $1", members[0].person_id)
    await town.add((CIRCLE, ELSEWHERE, Engagement.VOLUNTEER))
    alone = await town.add((uuid4(), HERE, Engagement.STAFF))
    participants = [{"organisation_id": str(CIRCLE)}, *({"person_id": str(one.person_id)} for one in (members[1], alone))]
    client = api.as_(coordinator)
    answer = await client.post("/v1/meetings/audience", json={"ags": HERE, "participants": participants})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"people": 4, "without_address": 3, "unknown": []}
    assert await invited(worker) == set()
    await client.post("/v1/meetings", json=wanted(participants=participants))
    assert await invited(worker) == {one.person_id for one in (*members, alone)}


async def test_an_audience_names_whom_it_does_not_know(api: Api, town: Town, coordinator: Actor, stranger: Actor) -> None:
    member, far = await town.volunteer(), await town.add((uuid4(), ELSEWHERE, Engagement.VOLUNTEER))
    unknown = [
        {"person_id": str(far.person_id), "organisation_id": None},
        {"person_id": None, "organisation_id": str(uuid4())},
    ]
    asked = {"ags": HERE, "participants": [*unknown, {"person_id": str(member.person_id)}]}
    answer = await api.as_(coordinator).post("/v1/meetings/audience", json=asked)
    assert answer.json() == {"people": 1, "without_address": 1, "unknown": unknown}
    refused = await api.as_(stranger).post("/v1/meetings/audience", json=asked)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown-municipality")
    assert (await api.as_(member).post("/v1/meetings/audience", json=asked)).status_code == 403
    nobody = await api.as_(coordinator).post("/v1/meetings/audience", json={"ags": HERE, "participants": []})
    assert nobody.json() == {"people": 0, "without_address": 0, "unknown": []}


async def test_who_sees_a_meeting(api: Api, town: Town, coordinator: Actor, stranger: Actor) -> None:
    member, outsider = await town.volunteer(), await town.add((uuid4(), HERE, Engagement.VOLUNTEER))
    staff_here = await town.add((uuid4(), HERE, Engagement.STAFF))
    staff_elsewhere = await town.add((uuid4(), ELSEWHERE, Engagement.STAFF), (uuid4(), HERE, Engagement.VOLUNTEER))
    admin = Actor(uuid4(), (Grant(role=Role.NETWORK_ADMIN),))
    url = (await api.as_(coordinator).post("/v1/meetings", json=wanted())).headers["location"]
    assert (await api.client.get(url)).status_code == 401
    for actor, status in (
        (coordinator, 200),
        (admin, 200),
        (staff_here, 200),
        (member, 200),
        (outsider, 404),
        (stranger, 404),
        (staff_elsewhere, 404),
    ):
        answer = await api.as_(actor).get(url)
        assert answer.status_code == status
        listed = (await api.as_(actor).get("/v1/meetings")).json()["items"]
        assert len(listed) == (1 if status == 200 else 0)
    own = (await api.as_(member).get(f"{url}/invitations")).json()["items"]
    assert [item["person_id"] for item in own] == [str(member.person_id)]
    assert (await api.as_(member).get(url)).json()["participants"] is None
    for actor in (member, outsider):
        assert (await api.as_(actor).post(f"{url}/cancellation")).status_code == 403
    for actor in (stranger, staff_elsewhere):
        assert (await api.as_(actor).post(f"{url}/cancellation")).status_code == 404


async def test_the_list_is_paged_by_start(api: Api, coordinator: Actor) -> None:
    client = api.as_(coordinator)
    for day in (12, 10, 11):
        start = {"local": f"2027-05-{day}T18:00", "time_zone": "Europe/Berlin"}
        await client.post("/v1/meetings", json=wanted(start=start, title=f"am {day}."))
    seen: list[str] = []
    query: dict[str, str] = {"limit": "2", "ags": HERE}
    while True:
        page = (await client.get("/v1/meetings", params=query)).json()
        seen += [item["title"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == ["am 10.", "am 11.", "am 12."]
    assert (await client.get("/v1/meetings", params={"cursor": "nonsense"})).status_code == 422
    assert (await client.get("/v1/meetings", params={"limit": "0"})).json()["errors"][0]["parameter"] == "limit"
