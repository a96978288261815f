"""Submitting feedback over HTTP, on a real database."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from emon_contracts.actors import Actor, Engagement, Grant, Role
from emon_platform.database import Database

from tests.feedback.conftest import CIRCLE, ELSEWHERE, EVERYWHERE, HERE, TOWN_HALL, Town, events, last_event, submit, wanted
from tests.service_api import ServiceApi as Api

pytestmark = pytest.mark.usefixtures("town")


async def refused(api: Api, author: Actor, **changes: Any) -> list[tuple[str, str]]:
    answer = await api.as_(author).post("/v1/feedback", json=wanted(**changes))
    assert answer.status_code == 422, answer.text
    return [(error["code"], error["pointer"]) for error in answer.json()["errors"]]


async def test_feedback_about_an_organisation_goes_to_its_staff(api: Api, town: Town, worker: Database) -> None:
    author, clerk = await town.volunteer(name="Ada"), await town.staff(name="Bea")
    await town.coordinator()
    made = await api.as_(author).post("/v1/feedback", json=wanted())
    assert made.status_code == 201, made.text
    body = made.json()
    assert made.headers["location"] == f"/v1/feedback/{body['id']}"
    assert made.headers["etag"]
    assert (body["ags"], body["status"], body["author_id"], body["author_name"]) == (
        HERE, "received", str(author.person_id), "Ada",
    )  # fmt: skip
    assert body["asked"] is None, "the author is not told who is asked"
    assert body["may"] == ["write"]
    assert not body["overdue"]
    seen = (await api.as_(clerk).get(f"/v1/feedback/{body['id']}")).json()
    assert [(item["person_id"], item["display_name"], item["level"]) for item in seen["asked"]] == [
        (str(clerk.person_id), "Bea", "organisation")
    ]
    assert seen["author_name"] == "Ada"
    assert seen["may"] == ["acknowledge", "interim_reply", "answer"]
    [(kind, event)] = await events(worker)
    assert kind == "feedback-submitted"
    assert event == {
        "feedback_id": body["id"],
        "ags": HERE,
        "kind": "problem",
        "confidential": False,
        "asked": [str(clerk.person_id)],
        "acknowledge_by": body["acknowledge_by"],
        "author_id": str(author.person_id),
    }


async def test_without_staff_the_coordinators_are_asked_and_then_the_mediator(api: Api, town: Town, worker: Database) -> None:
    author, mediator = await town.volunteer(), await town.mediator()
    await submit(api, author)
    assert (await last_event(worker))[1]["asked"] == [str(mediator.person_id)]
    coordinators = [await town.coordinator() for _ in range(2)]
    await submit(api, author)
    assert set((await last_event(worker))[1]["asked"]) == {str(item.person_id) for item in coordinators}


async def test_staff_of_another_municipality_and_volunteers_are_not_asked(api: Api, town: Town, worker: Database) -> None:
    author, coordinator = await town.volunteer(), await town.coordinator()
    await town.add((EVERYWHERE, ELSEWHERE, Engagement.STAFF))
    await town.add((EVERYWHERE, HERE, Engagement.VOLUNTEER))
    await submit(api, author, about={"organisation_id": str(EVERYWHERE)})
    assert (await last_event(worker))[1]["asked"] == [str(coordinator.person_id)]


async def test_nobody_is_asked_about_their_own_feedback_or_feedback_about_them(api: Api, town: Town, worker: Database) -> None:
    writes, about, other = await town.coordinator(), await town.coordinator(), await town.coordinator()
    await submit(api, writes, about={"person_id": str(about.person_id)})
    event = (await last_event(worker))[1]
    assert event["asked"] == [str(other.person_id)]
    assert event["confidential"]


async def test_nobody_is_asked_whose_mailbox_the_person_it_is_about_reads(api: Api, town: Town, worker: Database) -> None:
    author, about = await town.volunteer(), await town.volunteer(email="familie@example.org")
    await town.coordinator(email="Familie@example.org")
    other = await town.coordinator(email="amt@example.org")
    await submit(api, author, about={"person_id": str(about.person_id)})
    assert (await last_event(worker))[1]["asked"] == [str(other.person_id)]


async def test_where_nobody_is_there_it_is_taken_all_the_same(api: Api, town: Town, worker: Database) -> None:
    made = await submit(api, await town.volunteer())
    assert (await last_event(worker))[1]["asked"] == []
    assert made.body["due_by"] is None


@pytest.mark.parametrize("about", ["organisation", "person", "meeting"])
async def test_the_municipality_follows_from_what_it_is_about(api: Api, town: Town, worker: Database, about: str) -> None:
    author = await town.add((CIRCLE, HERE, Engagement.VOLUNTEER), (EVERYWHERE, ELSEWHERE, Engagement.VOLUNTEER))
    ids = {"organisation": TOWN_HALL, "person": (await town.volunteer()).person_id, "meeting": uuid4()}
    async with worker.unscoped() as tx:
        await tx.execute("INSERT INTO meetings VALUES ($1, $2, 'Runder Tisch', false, 1)", ids["meeting"], HERE)
    made = await submit(api, author, about={f"{about}_id": str(ids[about])})
    assert made.body["ags"] == HERE
    assert made.body["about"][f"{about}_id"] == str(ids[about])


async def test_where_several_are_possible_the_author_says_which(api: Api, town: Town) -> None:
    author = await town.add((CIRCLE, HERE, Engagement.VOLUNTEER), (EVERYWHERE, ELSEWHERE, Engagement.VOLUNTEER))
    both = {"about": {"organisation_id": str(EVERYWHERE)}}
    assert await refused(api, author, **both) == [("which-municipality", "/ags")]
    assert (await submit(api, author, **both, ags=ELSEWHERE)).body["ags"] == ELSEWHERE
    for about in (None, {"topic": "Sprachkurse"}):
        assert await refused(api, author, about=about) == [("which-municipality", "/ags")]


async def test_whoever_is_of_one_municipality_need_not_name_it(api: Api, town: Town) -> None:
    author = await town.volunteer()
    assert (await submit(api, author, about=None)).body["ags"] == HERE
    made = await submit(api, author, about={"topic": "Sprachkurse"})
    assert made.body["about"] == {"person_id": None, "organisation_id": None, "meeting_id": None, "topic": "Sprachkurse"}


async def test_what_is_wrong_is_named(api: Api, town: Town) -> None:
    author, far = await town.volunteer(), await town.add((EVERYWHERE, ELSEWHERE, Engagement.VOLUNTEER))
    cases: list[tuple[dict[str, Any], tuple[str, str]]] = [
        ({"ags": ELSEWHERE}, ("unknown-municipality", "/ags")),
        ({"about": {"person_id": str(uuid4())}}, ("unknown-person", "/about/person_id")),
        ({"about": {"person_id": str(far.person_id)}}, ("unknown-person", "/about/person_id")),
        ({"about": {"organisation_id": str(uuid4())}}, ("unknown-organisation", "/about/organisation_id")),
        ({"about": {"meeting_id": str(uuid4())}, "ags": HERE}, ("unknown-meeting", "/about/meeting_id")),
        ({"about": {}}, ("about", "/about")),
        ({"about": {"topic": "x", "person_id": str(uuid4())}}, ("about", "/about")),
        ({"text": " \n"}, ("blank", "/text")),
        ({"kind": "insult"}, ("enum", "/kind")),
    ]
    # At once, since each of what does not exist is looked for a while.
    found = await asyncio.gather(*(refused(api, author, **changes) for changes, _ in cases))
    assert found == [[expected] for _, expected in cases]


async def test_nobody_writes_feedback_about_themselves(api: Api, town: Town) -> None:
    author = await town.volunteer()
    found = await refused(api, author, about={"person_id": str(author.person_id)})
    assert found == [("about-yourself", "/about/person_id")]


async def test_what_was_made_a_moment_ago_is_found(api: Api, town: Town) -> None:
    author, late = await town.volunteer(), uuid4()
    sent = asyncio.create_task(submit(api, author, about={"person_id": str(late)}))
    await asyncio.sleep(0)
    await town.volunteer(person_id=late)
    assert (await sent).body["about"]["person_id"] == str(late)


async def test_sent_twice_under_one_key_it_is_submitted_once(api: Api, town: Town, worker: Database) -> None:
    author = await town.volunteer()
    headers = {"Idempotency-Key": "heute"}
    answers = await asyncio.gather(*(api.as_(author).post("/v1/feedback", json=wanted(), headers=headers) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await events(worker)) == 1


async def test_whoever_is_no_member_anywhere_submits_nothing(api: Api) -> None:
    assert (await api.as_(Actor(UUID(int=5))).post("/v1/feedback", json=wanted())).status_code == 403
    assert (await api.as_(None).post("/v1/feedback", json=wanted())).status_code == 401


async def test_the_administration_submits_and_reads_what_it_wrote(api: Api, town: Town) -> None:
    await town.coordinator()
    admin = Actor(uuid4(), (Grant(role=Role.NETWORK_ADMIN),))
    made = await submit(api, admin, ags=HERE, about=None)
    assert (await api.as_(admin).get(made.path)).status_code == 200
