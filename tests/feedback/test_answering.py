"""From received to rated, over HTTP, on a real database."""

import asyncio
from typing import Any

import pytest

from emon_contracts.actors import Actor
from emon_platform.database import Database

from tests.feedback.conftest import Submitted, Town, events, in_days, last_event, submit
from tests.service_api import ServiceApi as Api


class Case:
    """Feedback with its author and the one who is asked."""

    def __init__(self, api: Api, author: Actor, clerk: Actor, made: Submitted) -> None:
        self.api, self.author, self.clerk, self.made = api, author, clerk, made

    async def act(self, who: Actor, action: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        answer = await self.api.as_(who).post(f"{self.made.path}/{action}", json=body, headers=headers)
        return answer.status_code, answer.json()

    async def done(self, who: Actor, action: str, body: Any = None) -> Any:
        status, answer = await self.act(who, action, body)
        assert status == 200, answer
        return answer

    async def refused(self, who: Actor, action: str, body: Any = None) -> tuple[int, str]:
        status, answer = await self.act(who, action, body)
        return status, answer["errors"][0]["code"]


@pytest.fixture
async def case(api: Api, town: Town) -> Case:
    author, clerk = await town.volunteer(), await town.staff()
    return Case(api, author, clerk, await submit(api, author))


async def test_acknowledged_answered_and_rated(case: Case, worker: Database) -> None:
    acknowledged = await case.done(case.clerk, "acknowledgement")
    assert (acknowledged["status"], acknowledged["may"]) == ("acknowledged", ["interim_reply", "answer"])
    assert acknowledged["due_by"] == acknowledged["answer_by"] == case.made.body["answer_by"]
    answered = await case.done(case.clerk, "answer", {"text": "Wir öffnen jetzt dienstags."})
    assert (answered["status"], answered["may"], answered["due_by"]) == ("answered", [], None)
    assert answered["answer"]["answered_by"] == str(case.clerk.person_id)
    seen = (await case.api.as_(case.author).get(case.made.path)).json()
    assert seen["may"] == ["rate", "write"]
    rated = await case.done(case.author, "rating", {"stars": 4})
    assert (rated["status"], rated["rating"]["stars"], rated["may"]) == ("rated", 4, ["write"])
    assert [(kind, event.get("author_id")) for kind, event in await events(worker)] == [
        ("feedback-submitted", str(case.author.person_id)),
        ("feedback-acknowledged", str(case.author.person_id)),
        ("feedback-answered", str(case.author.person_id)),
    ]


async def test_an_answer_at_once_also_acknowledges(case: Case, worker: Database) -> None:
    answered = await case.done(case.clerk, "answer", {"text": "Danke!"})
    assert answered["acknowledged_at"] is not None
    assert [kind for kind, _ in await events(worker)] == ["feedback-submitted", "feedback-answered"]


async def test_acknowledging_again_changes_nothing(case: Case, worker: Database) -> None:
    first = await case.done(case.clerk, "acknowledgement")
    assert await case.done(case.clerk, "acknowledgement") == first
    assert len(await events(worker)) == 2


async def test_an_interim_reply_sets_a_new_date_once(case: Case, worker: Database) -> None:
    wanted = {"text": "Wir klären das mit dem Landkreis.", "answer_by": in_days(60)}
    put_off = await case.done(case.clerk, "interim-reply", wanted)
    assert put_off["status"] == "acknowledged"
    assert put_off["interim_reply"]["text"] == wanted["text"]
    assert put_off["answer_by"] == put_off["due_by"] == put_off["interim_reply"]["answer_by"] == wanted["answer_by"]
    assert await last_event(worker) == (
        "feedback-put-off",
        {
            "feedback_id": case.made.body["id"],
            "ags": case.made.body["ags"],
            "kind": "problem",
            "confidential": False,
            "author_id": str(case.author.person_id),
            "replied_by": str(case.clerk.person_id),
            "answer_by": wanted["answer_by"],
        },
    )
    assert await case.refused(case.clerk, "interim-reply", wanted) == (409, "interim-reply-given")


@pytest.mark.parametrize("days", [-1, 0, 93])
async def test_an_answer_is_put_off_by_a_quarter_of_a_year_at_most(case: Case, days: int) -> None:
    body = {"text": "Später.", "answer_by": in_days(days)}
    assert await case.refused(case.clerk, "interim-reply", body) == (422, "answer-by-out-of-range")


async def test_it_is_answered_once(case: Case) -> None:
    await case.done(case.clerk, "answer", {"text": "Danke!"})
    assert await case.refused(case.clerk, "answer", {"text": "Noch etwas."}) == (409, "already-answered")
    late = {"text": "Später.", "answer_by": in_days(9)}
    assert await case.refused(case.clerk, "interim-reply", late) == (409, "already-answered")


async def test_of_two_who_answer_at_once_one_is_told(case: Case, town: Town, worker: Database) -> None:
    coordinator = await town.coordinator()
    answers = await asyncio.gather(
        *(case.act(who, "answer", {"text": "Danke!"}) for who in (case.clerk, coordinator, case.clerk))
    )
    assert sorted(status for status, _ in answers) == [200, 409, 409]
    assert [kind for kind, _ in await events(worker)].count("feedback-answered") == 1


async def test_an_answer_sent_twice_under_one_key_is_one(case: Case) -> None:
    answers = [await case.act(case.clerk, "answer", {"text": "Danke!"}, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert [status for status, _ in answers] == [200, 200]
    assert answers[0] == answers[1]


async def test_only_an_answer_is_rated_and_once_and_by_its_author(case: Case) -> None:
    assert await case.refused(case.author, "rating", {"stars": 5}) == (409, "not-answered-yet")
    await case.done(case.clerk, "answer", {"text": "Danke!"})
    assert await case.refused(case.clerk, "rating", {"stars": 5}) == (409, "not-the-author")
    for stars in (0, 6, "5", None):
        assert (await case.act(case.author, "rating", {"stars": stars}))[0] == 422
    await case.done(case.author, "rating", {"stars": 5})
    assert await case.refused(case.author, "rating", {"stars": 1}) == (409, "already-rated")


async def test_nobody_answers_their_own_feedback(api: Api, town: Town, worker: Database) -> None:
    author = await town.coordinator()
    await town.staff()
    case = Case(api, author, author, await submit(api, author))
    for action, body in (
        ("acknowledgement", None),
        ("answer", {"text": "Danke!"}),
        ("interim-reply", {"text": "Später.", "answer_by": in_days(9)}),
    ):
        assert await case.refused(author, action, body) == (409, "own-feedback")
    assert len(await events(worker)) == 1


async def test_its_author_writes_back_also_after_the_answer(case: Case, worker: Database) -> None:
    first = await case.done(case.author, "messages", {"text": "Es eilt."})
    assert [(item["from"], item["text"]) for item in first["messages"]] == [("author", "Es eilt.")]
    assert await last_event(worker) == (
        "feedback-continued",
        {
            "feedback_id": case.made.body["id"],
            "ags": case.made.body["ags"],
            "kind": "problem",
            "confidential": False,
            "asked": [str(case.clerk.person_id)],
        },
    )
    await case.done(case.clerk, "answer", {"text": "Danke!"})
    after = await case.done(case.author, "messages", {"text": "Danke auch."})
    assert (after["status"], len(after["messages"])) == ("answered", 2)
    assert await case.refused(case.clerk, "messages", {"text": "Ich auch."}) == (409, "not-the-author")


async def test_whoever_answered_unasked_reads_what_the_author_writes_back(case: Case, town: Town, worker: Database) -> None:
    coordinator = await town.coordinator()
    await case.done(coordinator, "answer", {"text": "Danke!"})
    await case.done(case.author, "messages", {"text": "Danke auch."})
    asked = (await last_event(worker))[1]["asked"]
    assert asked == [str(case.clerk.person_id), str(coordinator.person_id)]
    # The mail to her has a link that works.
    assert (await case.api.as_(case.made.link_of(coordinator)).get(case.made.path)).status_code == 200


async def test_free_text_never_travels_in_events(case: Case, worker: Database) -> None:
    await case.done(case.author, "messages", {"text": "Kanarienvogel"})
    await case.done(case.clerk, "interim-reply", {"text": "Kanarienvogel", "answer_by": in_days(9)})
    await case.done(case.clerk, "answer", {"text": "Kanarienvogel"})
    assert "Kanarienvogel" not in str(await events(worker))
    assert "Sprechzeiten" not in str(await events(worker))


async def test_each_event_is_one_step_of_the_version(case: Case, worker: Database) -> None:
    await case.done(case.author, "messages", {"text": "Es eilt."})
    await case.done(case.clerk, "acknowledgement")
    await case.done(case.clerk, "answer", {"text": "Danke!"})
    await case.done(case.author, "rating", {"stars": 5})
    async with worker.unscoped() as tx:
        rows = await tx.fetch("SELECT headers::jsonb AS headers FROM outbox ORDER BY position")
        version = await tx.fetchval("SELECT version FROM feedback")
    sequences = [row["headers"].split('"ce_sequence", "')[1].split('"')[0] for row in rows]
    assert sequences == ["1", "2", "3", "4"]
    assert version == 4
