"""What happens when deadlines pass, on a real database. Tests move the moment at which the timer looks."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

from structlog.testing import capture_logs

from emon_calendar.working_days import WorkingTime, after_working_days, day_of
from emon_contracts.actors import Actor
from emon_feedback.escalation.commands import look_after_due
from emon_platform.database import Database

from tests.feedback.conftest import Town, events, in_days, last_event, submit, time_passes
from tests.service_api import ServiceApi as Api


def ids(*people: Actor) -> list[str]:
    return sorted(str(person.person_id) for person in people)


async def overdue(worker: Database) -> list[dict[str, Any]]:
    return [event for kind, event in await events(worker) if kind == "feedback-overdue"]


def within(days: int, working: WorkingTime | None = None) -> date:
    end = after_working_days(day_of(datetime.now(UTC)), days, working or WorkingTime())
    assert end is not None
    return end


async def test_nobody_who_waits_is_left_without_somebody_who_is_asked(api: Api, town: Town, worker: Database) -> None:
    author, clerk, coordinator = await town.volunteer(), await town.staff(), await town.coordinator()
    mediator = await town.mediator()
    made = await submit(api, author)
    for _ in range(4):
        await time_passes(worker)
    assert [(event["asked"], event["asked_in_vain"], event["awaited"]) for event in await overdue(worker)] == [
        (ids(coordinator), ids(clerk), "acknowledgement"),
        (ids(mediator), ids(coordinator), "acknowledgement"),
        (ids(mediator), ids(mediator), "acknowledgement"),
        (ids(mediator), ids(mediator), "acknowledgement"),
    ]
    assert {event["due_by"] for event in await overdue(worker)} == {within(5).isoformat()}
    seen = (await api.as_(mediator).get(made.path)).json()
    assert [item["level"] for item in seen["asked"]] == ["organisation", "coordinator", "mediator"]
    assert (await api.as_(clerk).get(made.path)).status_code == 200, "whoever was asked still reads it"
    assert (await api.as_(mediator).post(f"{made.path}/answer", json={"text": "Danke!"})).status_code == 200
    await time_passes(worker)
    assert len(await overdue(worker)) == 4, "what is answered is over"


async def test_whoever_was_asked_already_is_skipped(api: Api, town: Town, worker: Database) -> None:
    author, mediator = await town.volunteer(), await town.mediator()
    clerk = await town.staff()
    await submit(api, author)
    await town.coordinator(person_id=clerk.person_id)  # she coordinates now, and was asked before
    await time_passes(worker)
    assert (await last_event(worker))[1]["asked"] == ids(mediator)


async def test_who_is_asked_next_follows_from_the_directory_of_that_moment(api: Api, town: Town, worker: Database) -> None:
    author, clerk = await town.volunteer(), await town.staff()
    await submit(api, author)
    await time_passes(worker)
    assert (await last_event(worker))[1]["asked"] == ids(clerk), "nobody else is there yet, so she is asked again"
    late = await town.coordinator()
    await time_passes(worker)
    assert (await last_event(worker))[1]["asked"] == ids(late)


async def test_a_successor_is_asked_where_the_one_asked_last_is_gone(api: Api, town: Town, worker: Database) -> None:
    author, coordinator = await town.volunteer(), await town.coordinator()
    await submit(api, author)
    await town.add(person_id=coordinator.person_id)
    successor = await town.coordinator()
    await time_passes(worker)
    assert (await last_event(worker))[1]["asked"] == ids(successor)


async def test_somebody_is_asked_as_soon_as_somebody_is_there(api: Api, town: Town, worker: Database) -> None:
    made = await submit(api, await town.volunteer())
    with capture_logs() as logs:
        await time_passes(worker)
    assert logs == [{"event": "nobody_to_ask", "feedback_id": made.body["id"], "log_level": "warning"}]
    assert len(await events(worker)) == 1
    coordinator = await town.coordinator()
    await time_passes(worker)
    kind, event = await last_event(worker)
    assert (kind, event["asked"], event["asked_in_vain"]) == ("feedback-overdue", ids(coordinator), [])
    assert (await api.as_(coordinator).get(made.path)).json()["due_by"] == within(5).isoformat()


async def test_a_missed_answer_escalates_as_well(api: Api, town: Town, worker: Database) -> None:
    author, clerk, coordinator = await town.volunteer(), await town.staff(), await town.coordinator()
    made = await submit(api, author)
    await api.as_(clerk).post(f"{made.path}/acknowledgement")
    await time_passes(worker)
    event = (await last_event(worker))[1]
    assert (event["awaited"], event["asked"], event["asked_in_vain"]) == ("answer", ids(coordinator), ids(clerk))


async def test_an_interim_reply_moves_the_deadline_to_its_own_day(api: Api, town: Town, worker: Database) -> None:
    author, clerk = await town.volunteer(), await town.staff()
    made = await submit(api, author)
    await api.as_(clerk).post(f"{made.path}/interim-reply", json={"text": "Später.", "answer_by": in_days(80)})
    async with worker.unscoped() as tx:
        look_at = await tx.fetchval("SELECT look_at FROM feedback")
    assert day_of(look_at - timedelta(seconds=1)).isoformat() == in_days(80)


async def test_deadlines_count_the_working_days_of_whoever_is_asked_and_the_earliest_counts(api: Api, town: Town) -> None:
    author = await town.volunteer()
    today = date.fromisoformat(in_days(0))
    await town.staff(working_days=[2])
    made = await submit(api, author)
    tuesdays = WorkingTime(frozenset({2}))
    assert made.body["acknowledge_by"] == within(5, tuesdays).isoformat()
    assert made.body["answer_by"] == within(20, tuesdays).isoformat()
    await town.staff(absences=[(today, today + timedelta(days=10))])
    absent = WorkingTime(absences=((today, today + timedelta(days=10)),))
    assert (await submit(api, author)).body["acknowledge_by"] == within(5, absent).isoformat()
    await town.staff()
    assert (await submit(api, author)).body["acknowledge_by"] == within(5).isoformat()


async def test_whoever_never_works_stops_no_deadline(api: Api, town: Town) -> None:
    author = await town.volunteer()
    await town.staff(working_days=[])
    assert (await submit(api, author)).body["acknowledge_by"] == within(5).isoformat()


async def test_the_author_sees_that_it_is_overdue_until_it_is_answered(api: Api, town: Town, worker: Database) -> None:
    author, clerk = await town.volunteer(), await town.staff()
    made = await submit(api, author)
    async with worker.unscoped() as tx:
        await tx.execute("UPDATE feedback SET acknowledge_by = current_date - 2, answer_by = current_date - 1")
    assert (await api.as_(author).get(made.path)).json()["overdue"]
    await time_passes(worker)
    assert (await api.as_(author).get(made.path)).json()["overdue"], "also while somebody else is asked"
    await api.as_(clerk).post(f"{made.path}/answer", json={"text": "Danke!"})
    assert not (await api.as_(author).get(made.path)).json()["overdue"]


async def test_two_timers_at_once_ask_everybody_once(api: Api, town: Town, worker: Database) -> None:
    author = await town.volunteer()
    await town.staff()
    await town.coordinator()
    for _ in range(3):
        await submit(api, author)
    async with worker.unscoped() as tx:
        await tx.execute("UPDATE feedback SET look_at = now() - interval '1 second'")

    async def look() -> None:
        async with worker.unscoped() as tx:
            await look_after_due(tx, datetime.now(UTC), None)

    await asyncio.gather(*(look() for _ in range(4)))
    assert len(await overdue(worker)) == 3
