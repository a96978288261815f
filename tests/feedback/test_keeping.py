"""What is forgotten: people who were erased, and texts that are old."""

from datetime import UTC, datetime

import pytest

from emon_feedback.keeping.commands import blank_old_texts
from emon_feedback.keeping.rules import texts_end_at
from emon_platform.database import Database

from tests.feedback.conftest import Town, in_days, last_event, submit, time_passes
from tests.service_api import ServiceApi as Api


async def test_feedback_stays_when_its_author_is_erased_and_is_not_called_anonymous(api: Api, town: Town) -> None:
    author, clerk = await town.volunteer(), await town.staff()
    made = await submit(api, author)
    await town.erase(author)
    seen = (await api.as_(clerk).get(made.path)).json()
    assert (seen["author_id"], seen["author_name"], seen["anonymous"]) == (None, None, False)
    assert seen["text"]
    assert (await api.as_(author).get(made.path)).status_code == 404, "a token that outlives its person opens nothing"
    assert (await api.as_(clerk).post(f"{made.path}/answer", json={"text": "Danke!"})).status_code == 200


async def test_whoever_is_erased_is_no_longer_asked_and_somebody_else_is(api: Api, town: Town, worker: Database) -> None:
    author, clerk, coordinator = await town.volunteer(), await town.staff(), await town.coordinator()
    made = await submit(api, author)
    await town.erase(clerk)
    seen = (await api.as_(coordinator).get(made.path)).json()
    assert (seen["asked"], seen["due_by"]) == ([], None)
    assert (await api.as_(made.link_of(clerk)).get(made.path)).status_code == 404
    await time_passes(worker)
    assert (await last_event(worker))[1]["asked"] == [str(coordinator.person_id)]


async def test_nothing_leads_to_an_erased_person_any_more(api: Api, town: Town, worker: Database) -> None:
    author, clerk, coordinator = await town.volunteer(), await town.staff(), await town.coordinator()
    made = await submit(api, author)
    await api.as_(clerk).post(f"{made.path}/acknowledgement")
    await api.as_(clerk).post(f"{made.path}/interim-reply", json={"text": "Später.", "answer_by": in_days(9)})
    await api.as_(clerk).post(f"{made.path}/answer", json={"text": "Danke!"})
    for person in (author, clerk):
        await town.erase(person)
    async with worker.unscoped() as tx:
        rows = await tx.fetch("SELECT feedback::text AS row FROM feedback UNION ALL SELECT asked::text FROM asked")
    for person in (author, clerk):
        assert str(person.person_id) not in "".join(row["row"] for row in rows)
    answer = (await api.as_(coordinator).get(made.path)).json()["answer"]
    assert (answer["text"], answer["answered_by"]) == ("Danke!", None)


async def test_feedback_about_an_erased_person_keeps_their_id_alone(api: Api, town: Town) -> None:
    author, about, coordinator = await town.volunteer(), await town.volunteer(name="Ada"), await town.coordinator()
    made = await submit(api, author, about={"person_id": str(about.person_id)})
    await town.erase(about)
    seen = await api.as_(coordinator).get(made.path)
    assert seen.json()["about"]["person_id"] == str(about.person_id)
    assert "Ada" not in seen.text


async def test_free_text_is_kept_for_two_years(api: Api, town: Town, worker: Database) -> None:
    author, clerk = await town.volunteer(), await town.staff()
    old, young = await submit(api, author), await submit(api, author)
    for made in (old, young):
        await api.as_(clerk).post(f"{made.path}/interim-reply", json={"text": "Später.", "answer_by": in_days(9)})
        await api.as_(clerk).post(f"{made.path}/answer", json={"text": "Danke!"})
        await api.as_(author).post(f"{made.path}/messages", json={"text": "Danke auch."})
    async with worker.unscoped() as tx:
        await tx.execute(
            """
            UPDATE feedback
            SET submitted_at = submitted_at - interval '731 days', interim_at = interim_at - interval '731 days',
                answered_at = answered_at - interval '731 days'
            WHERE id = $1
            """,
            old.id,
        )
        await tx.execute("UPDATE messages SET written_at = written_at - interval '731 days' WHERE feedback_id = $1", old.id)
        await blank_old_texts(tx, datetime.now(UTC))
    for made, kept in ((old, False), (young, True)):
        seen = (await api.as_(author).get(made.path)).json()
        texts = [seen["text"], seen["interim_reply"]["text"], seen["answer"]["text"], seen["messages"][0]["text"]]
        assert [text is not None for text in texts] == [kept] * 4
        assert seen["status"] == "answered"


@pytest.mark.parametrize(
    ("now", "end"), [("2026-09-07", "2024-09-07"), ("2028-02-29", "2026-02-28"), ("2026-03-01", "2024-03-01")]
)
def test_two_years_are_counted_by_the_calendar(now: str, end: str) -> None:
    assert texts_end_at(datetime.fromisoformat(f"{now}T10:00:00+00:00")) == datetime.fromisoformat(f"{end}T10:00:00+00:00")
