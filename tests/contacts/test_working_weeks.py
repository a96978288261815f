"""When people work: said by themselves or their coordinator, and forgotten once it is over."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from httpx import Response
from hypothesis import given, strategies as st

from emon_contacts.app import SERVICE
from emon_contacts.settings import ContactsSettings
from emon_contacts.working_weeks.rules import Absence, check_absences, plan
from emon_contracts.actors import Actor, Role
from emon_contracts.directory import Weekday
from emon_platform.database import Database

from tests.contacts.conftest import Api, Outbox, member

TODAY = date(2027, 3, 1)


def absence(first: date, days: int) -> Absence:
    return Absence(first, first + timedelta(days=days))


absences = st.builds(absence, st.dates(date(2026, 1, 1), date(2028, 1, 1)), st.integers(0, 365))


@given(st.lists(absences), st.none() | st.lists(st.sampled_from(Weekday), min_size=1))
def test_a_week_keeps_what_is_to_come_each_once_and_in_order(said: list[Absence], days: list[Weekday] | None) -> None:
    week = plan(days, said, TODAY)
    assert set(week.absences) == {absence for absence in said if absence.last_day >= TODAY}
    assert list(week.absences) == sorted(set(week.absences))
    assert week.working_days == (None if days is None else tuple(sorted(set(days))))
    assert plan(week.working_days, week.absences, TODAY) == week
    assert check_absences(said) == []


def test_an_absence_ends_and_is_not_longer_than_a_year() -> None:
    first = date(2027, 3, 1)
    said = [Absence(first, first - timedelta(days=1)), Absence(first, first + timedelta(days=366)), Absence(first, first)]
    assert [(refusal.code, refusal.pointer) for refusal in check_absences(said)] == [
        ("ends-before-it-begins", "/absences/0/last_day"),
        ("absence-too-long", "/absences/1/last_day"),
    ]


async def test_a_person_or_their_coordinator_says_when_they_work(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    circle = await api.organisation(coordinator)
    kim = (await api.person(coordinator, "Kim Muster", circle, "staff")).json()["id"]
    path = f"/v1/people/{kim}/working-week"
    read = await api.as_(Actor(UUID(kim))).get(path)
    assert read.json() == {"working_days": None, "absences": []}
    away = {"first_day": "2190-07-01", "last_day": "2190-07-14"}
    said: dict[str, Any] = {
        "working_days": ["wednesday", "monday"],
        "absences": [away, {"first_day": "2020-01-01", "last_day": "2020-01-02"}, away],
    }
    kept: dict[str, Any] = {"working_days": ["monday", "wednesday"], "absences": [away]}
    etag = read.headers["etag"]
    nothing: dict[str, Any] = {"working_days": None, "absences": []}
    for actor, body, answer_body in ((Actor(UUID(kim)), said, kept), (coordinator, nothing, None)):
        client = api.as_(actor)
        assert (await client.put(path, json=body)).status_code == 428
        assert (await client.put(path, json=body, headers={"If-Match": '"old"'})).status_code == 412
        await outbox.clear()
        answer = await client.put(path, json=body, headers={"If-Match": etag})
        assert (answer.status_code, answer.json()) == (200, answer_body or body)
        fact, record = await outbox.events()
        assert (fact.type, fact.body["changed_by"]) == ("de.emon.contacts.person-changed.v1", str(actor.person_id))
        assert record.body["working_days"] == ([1, 3] if answer_body else None)
        assert record.body["absences"] == ([away] if answer_body else [])
        same = await client.put(path, json=body, headers={"If-Match": answer.headers["etag"]})
        assert same.headers["etag"] == answer.headers["etag"]
        assert len(await outbox.events()) == 2
        etag = answer.headers["etag"]


async def test_working_weeks_are_seen_by_staff_and_changed_by_nobody_else(api: Api, coordinator: Actor, stranger: Actor) -> None:
    circle = await api.organisation(coordinator)
    kim = (await api.person(coordinator, "Kim Muster", circle)).json()["id"]
    path = f"/v1/people/{kim}/working-week"
    body: dict[str, Any] = {"working_days": None, "absences": []}
    staff, volunteer = member(Role.STAFF, circle["id"]), member(Role.VOLUNTEER, circle["id"])
    for actor, reads, changes in ((staff, 200, 404), (volunteer, 404, 404), (stranger, 404, 404), (coordinator, 200, 200)):
        assert (await api.as_(actor).get(path)).status_code == reads
        assert (await api.as_(actor).put(path, json=body, headers={"If-Match": "*"})).status_code == changes


async def test_every_malformed_field_of_a_week_at_once(api: Api, coordinator: Actor) -> None:
    circle = await api.organisation(coordinator)
    kim = (await api.person(coordinator, "Kim Muster", circle)).json()["id"]

    async def put(body: Any) -> Response:
        return await api.as_(coordinator).put(f"/v1/people/{kim}/working-week", json=body, headers={"If-Match": "*"})

    day = {"first_day": "2190-01-01", "last_day": "2190-01-01"}
    away = [{"first_day": 0, "last_day": "2190-13-01"}, {**day, "last_day": "2200-01-01"}]
    answer = await put({"working_days": ["monday", "someday"], "absences": away})
    assert [error["pointer"] for error in answer.json()["errors"]] == [
        "/working_days/1",
        "/absences/0/first_day",
        "/absences/0/last_day",
        "/absences/1/last_day",
    ]
    bodies: list[Any] = [{"working_days": [], "absences": []}, {"working_days": None, "absences": [day] * 51}, {"absences": []}]
    for body in bodies:
        assert (await put(body)).status_code == 422
    backwards = await put({"working_days": None, "absences": [{"first_day": "2190-01-02", "last_day": "2190-01-01"}]})
    assert backwards.json()["errors"][0]["pointer"] == "/absences/0/last_day"


async def test_past_absences_are_forgotten_everywhere(
    api: Api, coordinator: Actor, settings: ContactsSettings, worker: Database, outbox: Outbox
) -> None:
    circle = await api.organisation(coordinator)
    ids = [(await api.person(coordinator, name, circle)).json()["id"] for name in ("Kim", "Robin", "Toni")]
    async with worker.unscoped() as tx:
        await tx.executemany(
            "INSERT INTO absences VALUES ($1, $2, $3)",
            [(UUID(ids[0]), TODAY, date(2190, 1, 1)), (UUID(ids[1]), date(2020, 1, 1), date(2020, 1, 2))],
        )
    await outbox.clear()
    [timer] = [timer for timer in SERVICE.worker(settings, worker).timers if timer.name == "past absences"]
    for _ in range(2):
        async with worker.unscoped() as tx:
            await timer.run(tx)
    fact, record = await outbox.events()
    assert (fact.body, record.body["absences"]) == ({"person_id": ids[1], "changed_by": None}, [])
    async with worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(*) FROM absences") == 1
