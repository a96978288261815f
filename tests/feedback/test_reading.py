"""Who reads feedback, and who never does."""

from typing import Any
from uuid import uuid4

import pytest

from emon_contracts.actors import Actor, Engagement, Grant, LinkCapability, LinkPurpose, Role
from emon_platform.database import Database

from tests.feedback.conftest import CIRCLE, ELSEWHERE, EVERYWHERE, HERE, TOWN_HALL, Submitted, Town, in_days, submit
from tests.service_api import ServiceApi as Api

ACTIONS: dict[str, Any] = {
    "acknowledgement": None,
    "interim-reply": {"text": "Später.", "answer_by": in_days(9)},
    "answer": {"text": "Danke!"},
    "rating": {"stars": 5},
    "messages": {"text": "Noch etwas."},
}


async def reads(api: Api, who: Actor, made: Submitted) -> bool:
    """Whether somebody sees it, in its list as by itself."""
    listed = (await api.as_(who).get("/v1/feedback")).json()["items"]
    read = await api.as_(who).get(made.path)
    assert read.status_code in (200, 404)
    assert (made.body["id"] in [item["id"] for item in listed]) == (read.status_code == 200)
    return read.status_code == 200


async def can_do_nothing(api: Api, who: Actor, made: Submitted) -> bool:
    answers = [await api.as_(who).post(f"{made.path}/{action}", json=body) for action, body in ACTIONS.items()]
    return all(answer.status_code == 404 for answer in answers)


async def test_author_asked_and_coordinators_read_it_and_nobody_else(api: Api, town: Town) -> None:
    author, clerk, coordinator = await town.volunteer(), await town.staff(), await town.coordinator()
    strangers = [
        await town.volunteer(),
        await town.staff(CIRCLE),
        await town.coordinator(ELSEWHERE),
        Actor(uuid4(), (Grant(role=Role.NETWORK_ADMIN),)),
        Actor(uuid4()),
    ]
    made = await submit(api, author)
    for reader in (author, clerk, coordinator):
        assert await reads(api, reader, made)
    for stranger in strangers:
        assert not await reads(api, stranger, made)
        assert await can_do_nothing(api, stranger, made)


@pytest.mark.parametrize("role", ["coordinator", "asked", "volunteer", "by a link"])
async def test_feedback_about_a_person_never_reaches_that_person(api: Api, town: Town, worker: Database, role: str) -> None:
    author, other = await town.volunteer(), await town.coordinator()
    about = await (town.coordinator() if role == "coordinator" else town.volunteer())
    made = await submit(api, author, about={"person_id": str(about.person_id)})
    if role == "asked":
        async with worker.unscoped() as tx:  # whatever a defect elsewhere might do
            await tx.execute("UPDATE feedback SET involved = involved || $1::uuid", about.person_id)
    reader = made.link_of(about) if role == "by a link" else about
    assert not await reads(api, reader, made)
    assert await can_do_nothing(api, reader, made)
    assert (await api.as_(reader).get("/v1/feedback")).json() == {"items": [], "next_cursor": None}
    assert await reads(api, other, made)


async def test_a_link_shows_its_one_feedback_and_no_other_of_the_same_person(api: Api, town: Town) -> None:
    author, clerk = await town.volunteer(), await town.staff()
    one, other = await submit(api, author), await submit(api, author)
    for person in (author, clerk):
        assert await reads(api, one.link_of(person), one)
        assert not await reads(api, one.link_of(person), other)
        assert await can_do_nothing(api, one.link_of(person), other)
    acted = await api.as_(one.link_of(clerk)).post(f"{one.path}/answer", json={"text": "Danke!"})
    assert acted.status_code == 200
    assert acted.json()["author_name"] == "Kim Muster", "whoever answers knows to whom"
    rated = await api.as_(one.link_of(author)).post(f"{one.path}/rating", json={"stars": 5})
    assert rated.status_code == 200


async def test_a_link_in_other_hands_or_for_something_else_shows_nothing(api: Api, town: Town) -> None:
    author, stranger = await town.volunteer(), await town.staff(CIRCLE)
    made = await submit(api, author)
    assert not await reads(api, made.link_of(stranger), made)
    other_purpose = Actor(author.person_id, link=LinkCapability(LinkPurpose.INVITATION, made.id, 0))
    assert (await api.as_(other_purpose).get(made.path)).status_code == 403


async def test_whoever_was_asked_still_reads_it_after_leaving(api: Api, town: Town) -> None:
    author, clerk = await town.volunteer(), await town.staff()
    made = await submit(api, author)
    left = await town.add(person_id=clerk.person_id)
    assert await reads(api, left, made)


async def test_a_list_begins_with_the_newest_and_goes_on_by_its_cursor(api: Api, town: Town) -> None:
    author, clerk = await town.volunteer(), await town.staff()
    made = [await submit(api, author) for _ in range(5)]
    await api.as_(clerk).post(f"{made[1].path}/answer", json={"text": "Danke!"})
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await api.as_(clerk).get(f"/v1/feedback?limit=2{cursor and f'&cursor={cursor}'}")).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [item.body["id"] for item in reversed(made)]
    answered = (await api.as_(clerk).get("/v1/feedback?status=answered")).json()["items"]
    assert [item["id"] for item in answered] == [made[1].body["id"]]
    assert (await api.as_(clerk).get(f"/v1/feedback?ags={ELSEWHERE}")).json()["items"] == []
    assert len((await api.as_(clerk).get(f"/v1/feedback?ags={HERE}")).json()["items"]) == 5
    assert (await api.as_(clerk).get("/v1/feedback?cursor=x")).status_code == 422


async def test_the_entity_tag_changes_with_what_is_shown(api: Api, town: Town) -> None:
    author, clerk = await town.volunteer(), await town.staff()
    made = await submit(api, author)
    tags = [(await api.as_(author).get(made.path)).headers["etag"] for _ in range(2)]
    await api.as_(clerk).post(f"{made.path}/acknowledgement")
    changed = (await api.as_(author).get(made.path)).headers["etag"]
    assert tags[0] == tags[1] != changed


async def test_somebody_on_both_sides_reads_only_where_they_coordinate(api: Api, town: Town) -> None:
    """A coordinator elsewhere who volunteers here reads nothing here."""
    both = await town.add((CIRCLE, HERE, Engagement.VOLUNTEER), role=Role.COORDINATOR, ags=ELSEWHERE)
    author = await town.add((EVERYWHERE, ELSEWHERE, Engagement.VOLUNTEER), (CIRCLE, HERE, Engagement.VOLUNTEER))
    here = await submit(api, author, about={"organisation_id": str(TOWN_HALL)})
    there = await submit(api, author, about={"organisation_id": str(EVERYWHERE)}, ags=ELSEWHERE)
    assert not await reads(api, both, here)
    assert await reads(api, both, there)


async def test_a_list_by_what_it_is_about_and_whether_it_is_open(api: Api, town: Town, worker: Database) -> None:
    author, coordinator, about = await town.volunteer(), await town.coordinator(), await town.volunteer()
    meeting_id = uuid4()
    async with worker.unscoped() as tx:
        await tx.execute("INSERT INTO meetings VALUES ($1, $2, 'Runder Tisch', false, 1)", meeting_id, HERE)
    subjects = {"person_id": about.person_id, "organisation_id": TOWN_HALL, "meeting_id": meeting_id}
    made = {key: await submit(api, author, about={key: str(value)}) for key, value in subjects.items()}

    async def ids(actor: Actor, **query: object) -> set[str]:
        answer = await api.as_(actor).get("/v1/feedback", params={key: str(value) for key, value in query.items()})
        assert answer.status_code == 200, answer.text
        return {item["id"] for item in answer.json()["items"]}

    for key, value in subjects.items():
        assert await ids(coordinator, **{key: value}) == {made[key].body["id"]}
        assert await ids(coordinator, **{key: uuid4()}) == set()
    assert await ids(about, person_id=about.person_id) == set(), "never for whom it is about"
    await api.as_(coordinator).post(f"{made['meeting_id'].path}/answer", json={"text": "Danke!"})
    assert await ids(coordinator, open="false") == {made["meeting_id"].body["id"]}
    assert await ids(coordinator, open="true") == {made[key].body["id"] for key in ("person_id", "organisation_id")}
    assert await ids(coordinator, open="true", meeting_id=meeting_id) == set()


async def test_what_the_caller_wrote(api: Api, town: Town) -> None:
    author, clerk = await town.volunteer(), await town.staff()
    asked, written = await submit(api, author), await submit(api, clerk, about=None)
    listed = (await api.as_(clerk).get("/v1/feedback")).json()["items"]
    assert {item["id"] for item in listed} == {asked.body["id"], written.body["id"]}
    mine = (await api.as_(clerk).get("/v1/feedback?mine=true")).json()["items"]
    assert [item["id"] for item in mine] == [written.body["id"]]
