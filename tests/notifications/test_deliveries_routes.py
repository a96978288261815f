"""Deliveries over HTTP: what staff of a municipality see and decide, and nobody else does."""

from collections.abc import AsyncGenerator
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from emon_contracts.actors import Actor, Grant, Role
from emon_contracts.events.feedback import FeedbackSubmitted
from emon_embedded.service_databases import ServiceDatabase
from emon_notifications.app import SERVICE

from tests.notifications.conftest import CIRCLE, ELSEWHERE, HERE, Mailers, World
from tests.notifications.mail_server import CONTENT, DROP, RCPT, MailServer, Script
from tests.polling import eventually
from tests.service_api import ServiceApi as Api, serving

COORDINATOR = Actor(uuid4(), (Grant(role=Role.COORDINATOR, ags=HERE),))
STAFF = Actor(uuid4(), (Grant(role=Role.STAFF, ags=HERE, organisation_id=CIRCLE),))
STRANGER = Actor(uuid4(), (Grant(role=Role.COORDINATOR, ags=ELSEWHERE),))
VOLUNTEER = Actor(uuid4(), (Grant(role=Role.VOLUNTEER, ags=HERE, organisation_id=CIRCLE),))
STAFF_THERE_VOLUNTEER_HERE = Actor(
    uuid4(),
    (
        Grant(role=Role.STAFF, ags=ELSEWHERE, organisation_id=CIRCLE),
        Grant(role=Role.VOLUNTEER, ags=HERE, organisation_id=CIRCLE),
    ),
)
ADMIN = Actor(uuid4(), (Grant(role=Role.NETWORK_ADMIN),))


@pytest.fixture
async def api(urls: ServiceDatabase) -> AsyncGenerator[Api]:
    async with serving(SERVICE, urls) as (transport, key):
        yield Api(SERVICE.name, transport, key)


@pytest.mark.parametrize("actor", [COORDINATOR, STAFF, ADMIN])
async def test_staff_see_the_deliveries_of_their_municipality(world: World, api: Api, actor: Actor) -> None:
    people = await world.people(3)
    meeting = await world.meeting(people)
    await world.meeting(people)
    answer = await api.as_(actor).get("/v1/deliveries", params={"subject_id": str(meeting)})
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [UUID(item["person_id"]) for item in items] == people[::-1]
    assert [item["display_name"] for item in items] == ["Person 2", "Person 1", "Person 0"]
    assert {(item["kind"], item["status"], item["attempts"], item["ags"]) for item in items} == {
        ("invitation", "queued", 0, HERE)
    }
    [event_id] = {item["event_id"] for item in items}
    by_event = await api.as_(actor).get("/v1/deliveries", params={"event_id": event_id})
    assert by_event.json()["items"] == items
    by_person = await api.as_(actor).get("/v1/deliveries", params={"person_id": str(people[0]), "status": "queued"})
    assert len(by_person.json()["items"]) == 2


async def test_a_delivery_says_what_it_is_about(world: World, api: Api) -> None:
    people = await world.people(1)
    meeting = await world.meeting(people, title="Runder Tisch")
    await world.retitle(meeting, "Tisch der Paten")
    await world.feedback(FeedbackSubmitted, uuid4(), asked=tuple(people), acknowledge_by=date(2027, 3, 18))
    for actor in (COORDINATOR, ADMIN):
        items = (await api.as_(actor).get("/v1/deliveries")).json()["items"]
        assert [item["subject_title"] for item in items] == [None, "Tisch der Paten"]
    read = (await api.as_(STAFF).get(f"/v1/deliveries/{items[-1]['id']}")).json()
    assert read["subject_title"] == "Tisch der Paten"


async def test_deliveries_in_one_of_several_states(world: World, api: Api) -> None:
    await world.person(None)
    people = [await world.person(None), *await world.people(2)]
    await world.meeting(people)
    await api.as_(STAFF).post(f"/v1/deliveries/{(await world.deliveries(person_id=people[1]))[0]['id']}/cancellation")

    async def statuses(*wanted: str) -> list[str]:
        answer = await api.as_(STAFF).get("/v1/deliveries", params={"status": wanted})
        return sorted(item["status"] for item in answer.json()["items"])

    assert await statuses("queued") == ["queued"]
    assert await statuses("by_hand", "cancelled", "bounced") == ["by_hand", "cancelled"]
    assert await statuses() == ["by_hand", "cancelled", "queued"]
    assert (await api.as_(STAFF).get("/v1/deliveries", params={"status": ["queued", "lost"]})).status_code == 422


async def test_pages_hold_everything_once(world: World, api: Api) -> None:
    meeting = await world.meeting(await world.people(7))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"subject_id": str(meeting), "limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await api.as_(COORDINATOR).get("/v1/deliveries", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7


async def test_what_is_elsewhere_does_not_exist(world: World, api: Api) -> None:
    await world.meeting(await world.people(1))
    [delivery] = await world.deliveries()
    for actor in (STRANGER, STAFF_THERE_VOLUNTEER_HERE):
        assert (await api.as_(actor).get("/v1/deliveries")).json() == {"items": [], "next_cursor": None}
        for method, path in (("GET", ""), ("POST", "/release"), ("POST", "/cancellation"), ("POST", "/retry")):
            answer = await api.as_(actor).request(method, f"/v1/deliveries/{delivery['id']}{path}")
            assert answer.status_code == 404
    assert await world.statuses() == ["queued"]


@pytest.mark.parametrize(("actor", "status"), [(None, 401), (VOLUNTEER, 403)])
async def test_who_is_not_staff_gets_nothing(world: World, api: Api, actor: Actor | None, status: int) -> None:
    await world.meeting(await world.people(1))
    [delivery] = await world.deliveries()
    client = api.as_(actor)
    assert (await client.get("/v1/deliveries")).status_code == status
    assert (await client.get(f"/v1/deliveries/{delivery['id']}")).status_code == status
    assert (await client.post(f"/v1/deliveries/{delivery['id']}/release")).status_code == status
    assert (await client.post(f"/v1/deliveries/{delivery['id']}/retry")).status_code == status
    assert (await client.post(f"/v1/deliveries/{delivery['id']}/cancellation")).status_code == status


async def test_sign_in_mail_is_seen_by_the_administration_alone(world: World, api: Api) -> None:
    request = await world.ask_to_sign_in(*await world.people(1))
    params = {"subject_id": str(request)}
    assert (await api.as_(COORDINATOR).get("/v1/deliveries", params=params)).json()["items"] == []
    assert len((await api.as_(ADMIN).get("/v1/deliveries", params=params)).json()["items"]) == 1


async def test_deliveries_about_feedback_are_for_coordinators_of_the_municipality(world: World, api: Api) -> None:
    [person] = await world.people(1)
    feedback = uuid4()
    await world.feedback(FeedbackSubmitted, feedback, asked=(person,), acknowledge_by=date(2027, 3, 18))
    [delivery] = await world.deliveries()
    # Staff here, coordinator elsewhere: what may be read there says nothing about here.
    both = Actor(uuid4(), (*STAFF.grants, Grant(role=Role.COORDINATOR, ags=ELSEWHERE)))
    for actor in (STAFF, both, STRANGER):
        assert (await api.as_(actor).get("/v1/deliveries", params={"person_id": str(person)})).json()["items"] == []
        for method, path in (("GET", ""), ("POST", "/release"), ("POST", "/cancellation"), ("POST", "/retry")):
            answer = await api.as_(actor).request(method, f"/v1/deliveries/{delivery['id']}{path}")
            assert answer.status_code == 404
    for actor in (COORDINATOR, ADMIN):
        [item] = (await api.as_(actor).get("/v1/deliveries", params={"subject_id": str(feedback)})).json()["items"]
        assert (item["kind"], item["ags"]) == ("feedback_asked", HERE)
        assert (await api.as_(actor).get(f"/v1/deliveries/{delivery['id']}")).status_code == 200
    answer = await api.as_(COORDINATOR).post(f"/v1/deliveries/{delivery['id']}/cancellation")
    assert answer.json()["status"] == "cancelled"


async def test_deliveries_about_confidential_feedback_are_for_the_administration_alone(world: World, api: Api) -> None:
    [person] = await world.people(1)
    await world.feedback(FeedbackSubmitted, uuid4(), confidential=True, asked=(person,), acknowledge_by=date(2027, 3, 18))
    [delivery] = await world.deliveries()
    for actor in (STAFF, COORDINATOR):
        assert (await api.as_(actor).get("/v1/deliveries")).json()["items"] == []
        assert (await api.as_(actor).get(f"/v1/deliveries/{delivery['id']}")).status_code == 404
    [item] = (await api.as_(ADMIN).get("/v1/deliveries")).json()["items"]
    assert item["ags"] is None


async def test_staff_see_which_mail_introduced_somebody(world: World, api: Api, mailers: Mailers) -> None:
    people = await world.people(1)
    await world.meeting(people)
    async with mailers.running():
        await world.settled()
        await world.meeting(people)
        await world.settled()
    said = [(await api.as_(STAFF).get(f"/v1/deliveries/{row['id']}")).json() for row in await world.deliveries()]
    assert [details["mail"]["introduces"] for details in said] == [True, False]


async def test_staff_release_what_is_uncertain_and_see_each_try(
    world: World, api: Api, mailers: Mailers, mail_server: MailServer
) -> None:
    await world.meeting(await world.people(1))
    mail_server.script = lambda step, _recipient: DROP if step == CONTENT else None
    async with mailers.running():
        await eventually(world.statuses, lambda all_: all_ == ["uncertain"])
        mail_server.script = lambda _step, _recipient: None
        [delivery] = (await api.as_(STAFF).get("/v1/deliveries", params={"status": "uncertain"})).json()["items"]
        assert delivery["reason"] == "no-reply"
        released = await api.as_(STAFF).post(f"/v1/deliveries/{delivery['id']}/release")
        assert (released.status_code, released.json()["status"]) == (200, "queued")
        await eventually(world.statuses, lambda all_: all_ == ["accepted"])
        again = await api.as_(STAFF).post(f"/v1/deliveries/{delivery['id']}/release")
    assert again.status_code == 409
    assert again.json()["errors"][0]["code"] == "delivery-status"
    details = (await api.as_(STAFF).get(f"/v1/deliveries/{delivery['id']}")).json()
    assert [attempt["outcome"] for attempt in details["tries"]] == ["uncertain", "accepted"]
    assert details["attempts"] == 2
    assert details["mail"]["kind"] == "invitation"
    assert mail_server.mails[0].message_id.startswith(f"<{details['mail']['id']}@")


def nobody_there(*addresses: str) -> Script:
    """No mailbox of these exists."""
    return lambda step, recipient: "550 5.1.1 unknown" if step == RCPT and recipient in addresses else None


async def retry(api: Api, delivery: dict[str, Any]) -> str:
    """The state after another try is asked for, or why there is none."""
    answer = await api.as_(STAFF).post(f"/v1/deliveries/{delivery['id']}/retry")
    assert answer.status_code in (200, 409), answer.text
    return answer.json()["status"] if answer.status_code == 200 else answer.json()["errors"][0]["code"]


async def test_what_was_refused_is_sent_once_more_to_a_mended_address(
    world: World, api: Api, mailers: Mailers, mail_server: MailServer
) -> None:
    person = await world.person("typo@example.org")
    mail_server.script = nobody_there("typo@example.org")
    async with mailers.running():
        await world.meeting([person])
        await world.settled()
        await world.meeting([person])
        assert await world.settled() == ["bounced", "suppressed"]
        bounced, suppressed = await world.deliveries()
        assert await retry(api, bounced) == await retry(api, suppressed) == "address-still-refused"
        async with world.worker.unscoped() as tx:  # three weeks pass
            await tx.execute("UPDATE deliveries SET expires_at = now() - interval '16 days'")
        await world.person("right@example.org", person_id=person)
        assert [await retry(api, item) for item in (bounced, suppressed)] == ["queued", "queued"]
        assert await world.settled() == ["accepted", "accepted"]
        assert await retry(api, bounced) == "delivery-status"
    assert mail_server.recipients() == ["right@example.org"] * 2
    # The same words are the same mail, whoever refused it before.
    first, second = mail_server.mails
    assert first.message_id.startswith(f"<{bounced['mail_id']}@")
    assert second.message_id != first.message_id
    tries = (await api.as_(STAFF).get(f"/v1/deliveries/{bounced['id']}")).json()["tries"]
    assert [attempt["outcome"] for attempt in tries] == ["bounced", "accepted"]


async def test_who_comes_back_to_an_address_is_written_to_there(
    world: World, api: Api, mailers: Mailers, mail_server: MailServer
) -> None:
    """Nobody has to lift what was refused: it is forgotten with the address."""
    person = await world.person("closed@example.org")
    mail_server.script = nobody_there("closed@example.org")
    async with mailers.running():
        await world.meeting([person])
        assert await world.settled() == ["bounced"]
        [bounced] = await world.deliveries()
        mail_server.script = nobody_there()
        await world.person("other@example.org", person_id=person)
        await world.person("closed@example.org", person_id=person)
        assert await retry(api, bounced) == "queued"
        assert await world.settled() == ["accepted"]
    assert mail_server.recipients() == ["closed@example.org"]


async def test_an_address_that_somebody_else_has_stays_refused(
    world: World, api: Api, mailers: Mailers, mail_server: MailServer
) -> None:
    one, other = [await world.person("shared@example.org", name) for name in ("Kim", "Toni")]
    mail_server.script = nobody_there("shared@example.org")
    async with mailers.running():
        await world.meeting([one, other])
        await eventually(world.statuses, lambda all_: set(all_) <= {"bounced", "suppressed"})
        await world.person("kim@example.org", person_id=one)
        [of_one], [of_other] = await world.deliveries(person_id=one), await world.deliveries(person_id=other)
        assert (await retry(api, of_one), await retry(api, of_other)) == ("queued", "address-still-refused")
        assert set(await world.settled()) - {"bounced", "suppressed"} == {"accepted"}
    assert mail_server.recipients() == ["kim@example.org"]


async def test_nothing_is_sent_once_more_that_is_over_or_has_nowhere_to_go(
    world: World, api: Api, mailers: Mailers, mail_server: MailServer
) -> None:
    [over, gone] = await world.people(2)
    mail_server.script = nobody_there("person0@example.org", "person1@example.org")
    async with mailers.running():
        await world.meeting([gone])
        meeting = await world.meeting([over])
        assert await world.settled() == ["bounced", "bounced"]
    for person in (over, gone):
        await world.person(None if person == gone else "new@example.org", person_id=person)
    async with world.worker.unscoped() as tx:
        await tx.execute("UPDATE meetings SET starts_at = now() WHERE meeting_id = $1", meeting)
    [of_gone, of_over] = await world.deliveries()
    assert (await retry(api, of_gone), await retry(api, of_over)) == ("no-address", "delivery-too-late")
    assert await world.statuses() == ["bounced", "bounced"]


async def test_a_mail_that_was_refused_for_what_it_is_may_be_tried_again(
    world: World, api: Api, mailers: Mailers, mail_server: MailServer
) -> None:
    """The address was not refused: a mailbox that was full, a filter that was mended."""
    mail_server.script = lambda step, _recipient: "552 5.2.2 full" if step == CONTENT else None
    async with mailers.running():
        await world.meeting(await world.people(1))
        assert await world.settled() == ["bounced"]
        mail_server.script = nobody_there()
        assert await retry(api, (await world.deliveries())[0]) == "queued"
        assert await world.settled() == ["accepted"]


async def test_staff_cancel_what_is_not_on_its_way(world: World, api: Api, mailers: Mailers, mail_server: MailServer) -> None:
    first, _second = await world.people(2)
    await world.meeting([first, _second])
    [delivery] = await world.deliveries(person_id=first)
    answer = await api.as_(COORDINATOR).post(f"/v1/deliveries/{delivery['id']}/cancellation")
    assert (answer.status_code, answer.json()["status"], answer.json()["reason"]) == (200, "cancelled", "cancelled-by-staff")
    assert (await api.as_(COORDINATOR).post(f"/v1/deliveries/{delivery['id']}/cancellation")).status_code == 409
    async with mailers.running():
        assert await world.settled() == ["cancelled", "accepted"]
    assert mail_server.recipients() == ["person1@example.org"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/deliveries?status=lost", 422),
        ("/v1/deliveries?subject_id=x", 422),
        ("/v1/deliveries?cursor=x", 422),
        ("/v1/deliveries?limit=201", 422),
        ("/v1/deliveries/x", 404),
        ("/v1/deliveries/00000000-0000-7000-8000-000000000000", 404),
    ],
)
async def test_bad_requests_are_problems(api: Api, path: str, status: int) -> None:
    answer = await api.as_(COORDINATOR).get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_erased_person_has_no_name(world: World, api: Api) -> None:
    [person] = await world.people(1)
    await world.meeting([person])
    await world.erase(person)
    [item] = (await api.as_(ADMIN).get("/v1/deliveries")).json()["items"]
    assert (item["display_name"], item["status"]) == (None, "erased")
