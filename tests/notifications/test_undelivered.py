"""Others are told of what did not arrive by itself, and when it is settled: in the same transaction, by every way in and out."""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from emon_contracts.actors import Actor, Grant, Role
from emon_contracts.events.feedback import FeedbackSubmitted
from emon_embedded.service_databases import ServiceDatabase
from emon_notifications.app import SERVICE
from emon_notifications.deliveries.rules import TRANSITIONS, Cause, Kind, Status
from emon_notifications.mailing import repository as mailing
from emon_notifications.planning import repository as planning
from emon_notifications.planning.subscribers import Planner
from emon_notifications.restoring.repository import hold_what_was_due
from emon_notifications.undelivered.repository import tell_forgotten
from emon_notifications.undelivered.rules import STAYING, UNDELIVERED

from tests.notifications.conftest import HERE, Mailers, World
from tests.notifications.mail_server import CONTENT, DROP, RCPT, MailServer
from tests.polling import eventually
from tests.service_api import ServiceApi as Api, serving

COORDINATOR = Actor(uuid4(), (Grant(role=Role.COORDINATOR, ags=HERE),))


@pytest.fixture
async def api(urls: ServiceDatabase) -> AsyncGenerator[Api]:
    async with serving(SERVICE, urls) as (transport, key):
        yield Api(SERVICE.name, transport, key)


def refuse(step: str, _recipient: str) -> str | None:
    return "550 5.1.1 no such user" if step == RCPT else None


def drop(step: str, _recipient: str) -> str | None:
    return DROP if step == CONTENT else None


async def what_others_know(world: World) -> dict[UUID, str]:
    """The deliveries that have failed for all that others know, after reading every event in order."""
    told = await world.told()
    for events in told.values():
        assert [version for version, _, _ in events] == list(range(1, len(events) + 1)), "one step for each event"
        statuses = [None, *(status for _, status, _ in events)]
        assert all(before != after for before, after in pairwise(statuses)), "each tells something new"
    return {id_: status for id_, events in told.items() if (status := events[-1][1]) is not None}


async def assert_others_know_the_ledger(world: World) -> None:
    """The law, whatever led here."""
    expected = {
        row["id"]: row["status"]
        for row in await world.deliveries()
        if Status(row["status"]) in UNDELIVERED and row["settlement"] is None
    }
    assert await what_others_know(world) == expected


def test_what_is_told_can_always_be_settled() -> None:
    """By a state that it can be led to, or, where it stays as it is, by a settlement."""
    left = {status for transitions in TRANSITIONS.values() for status in transitions}
    assert {status for status in UNDELIVERED if status not in left} <= STAYING <= UNDELIVERED


async def test_nothing_is_told_of_mail_that_is_simply_accepted(world: World, mailers: Mailers) -> None:
    meeting = await world.meeting(await world.people(3))
    async with mailers.running():
        await world.settled()
        await world.reschedule(meeting)
        assert await world.settled() == ["accepted"] * 6
    assert await world.told() == {}
    assert {row["version"] for row in await world.deliveries()} == {0}


async def test_what_bounced_and_what_is_suppressed_since_is_told_until_the_address_changes(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    mail_server.script = refuse
    person = await world.person("dead@example.org", introduced=True)
    async with mailers.running():
        await world.meeting([person])
        assert await world.settled() == ["bounced"]
        await world.meeting([person])
        assert await world.settled() == ["bounced", "suppressed"]
    await assert_others_know_the_ledger(world)
    first, second = (row["id"] for row in await world.deliveries())
    await world.person("dead@example.org", "Neuer Name", person_id=person)
    assert await what_others_know(world) == {first: "bounced", second: "suppressed"}
    await world.person("alive@example.org", "Neuer Name", person_id=person)
    assert await world.told() == {
        first: [(1, "bounced", "rcpt-550"), (2, None, "address-changed")],
        second: [(1, "suppressed", "address-suppressed"), (2, None, "address-changed")],
    }
    assert await world.statuses() == ["bounced", "suppressed"]
    await assert_others_know_the_ledger(world)


async def test_what_is_told_says_ids_and_facts(world: World) -> None:
    person = await world.person(None, "Kanarienvogel")
    meeting = await world.meeting([person])
    [delivery] = await world.deliveries()
    async with world.worker.unscoped() as tx:
        row = await tx.fetchrow("SELECT key, headers, value FROM outbox WHERE topic = 'emon.notifications.events'")
    assert row["key"].decode() == str(delivery["id"])
    headers = dict(json.loads(row["headers"]))
    assert (headers["ce_subject"], headers["ce_sequence"], headers["ce_tenant"]) == (str(delivery["id"]), "1", HERE)
    assert json.loads(row["value"]) == {
        "delivery_id": str(delivery["id"]),
        "person_id": str(person),
        "subject_id": str(meeting),
        "ags": HERE,
        "kind": "invitation",
        "category": "meetings",
        "reason": "no-address",
        "status": "by_hand",
    }


async def test_whoever_gets_an_address_need_not_be_phoned(world: World) -> None:
    person = await world.person(None)
    await world.meeting([person])
    await world.feedback(FeedbackSubmitted, uuid4(), asked=(person,), acknowledge_by=date(2027, 3, 18))
    assert list((await what_others_know(world)).values()) == ["by_hand", "by_hand"]
    await world.person("kim@example.org", person_id=person)
    assert await what_others_know(world) == {}
    await assert_others_know_the_ledger(world)


async def test_something_newer_settles_what_did_not_arrive(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    by_hand, bounced = await world.person(None), await world.person("full@example.org", introduced=True)
    mail_server.script = lambda step, _recipient: "554 5.2.2 mailbox full" if step == CONTENT else None
    meeting = await world.meeting([by_hand, bounced])
    other = await world.meeting([by_hand])
    async with mailers.running():
        await world.settled()
    await world.reschedule(meeting)
    assert await world.outcomes(subject_id=other) == [("by_hand", "no-address")]
    rows = {(row["person_id"], row["kind"]): row for row in await world.deliveries(subject_id=meeting)}
    assert rows[by_hand, "invitation"]["settlement"] == rows[bounced, "invitation"]["settlement"] == "newer-planned"
    assert rows[by_hand, "change"]["settlement"] is None
    await assert_others_know_the_ledger(world)


async def test_what_is_uncertain_is_told_until_its_late_reply_or_staff_decide(
    world: World, mailers: Mailers, mail_server: MailServer, api: Api
) -> None:
    mail_server.script = drop
    await world.meeting(await world.people(2))
    async with mailers.running():
        await eventually(world.statuses, lambda all_: all_ == ["uncertain"] * 2)
    await assert_others_know_the_ledger(world)
    late, decided = await world.deliveries()
    async with world.worker.unscoped() as tx:
        finished = mailing.Finished(late["mail_id"], late["attempt_id"], (late["id"],), Cause.WAS_ACCEPTED, "accepted")
        await mailing.finish(tx, [finished])
    await assert_others_know_the_ledger(world)
    answer = await api.as_(COORDINATOR).post(f"/v1/deliveries/{decided['id']}/cancellation")
    assert answer.status_code == 200
    assert await world.statuses() == ["accepted", "cancelled"]
    assert (await world.told())[decided["id"]][-1] == (2, None, "cancelled-by-staff")
    await assert_others_know_the_ledger(world)


async def test_a_dead_mailers_mail_is_told_to_be_uncertain(world: World) -> None:
    await world.meeting(await world.people(1))
    [delivery] = await world.deliveries()
    async with world.worker.unscoped() as tx:
        begun = mailing.Begun(delivery["id"], uuid4(), uuid4(), Kind.INVITATION, 1, None)
        await mailing.begin(tx, 4711, [begun])
        assert await mailing.resolve_attempts_of_dead_mailers(tx) == 1
    assert await what_others_know(world) == {delivery["id"]: "uncertain"}
    await assert_others_know_the_ledger(world)


async def test_what_is_held_is_told_until_it_is_released_overtaken_or_too_late(world: World, api: Api) -> None:
    released, overtaken, late = await world.people(3)
    moment = datetime.now(UTC) + timedelta(hours=1)
    world.planner = Planner(moment)
    meeting = await world.meeting([released, overtaken, late])
    assert list((await what_others_know(world)).values()) == ["held"] * 3
    ids = {row["person_id"]: row["id"] for row in await world.deliveries()}
    assert (await api.as_(COORDINATOR).post(f"/v1/deliveries/{ids[released]}/release")).status_code == 200
    await assert_others_know_the_ledger(world)
    world.planner = Planner()
    await world.invite(meeting, [overtaken])
    await assert_others_know_the_ledger(world)
    async with world.worker.unscoped() as tx:
        await tx.execute("UPDATE deliveries SET expires_at = now() WHERE id = $1", ids[late])
        await planning.expire(tx)
    assert [(await world.told())[id_][-1] for id_ in (ids[overtaken], ids[late])] == [
        (2, None, "newer-planned"),
        (2, None, "too-late"),
    ]
    await assert_others_know_the_ledger(world)
    async with world.worker.unscoped() as tx:
        assert await hold_what_was_due(tx, moment) == 2
    await assert_others_know_the_ledger(world)


async def test_erasure_settles_everything(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    mail_server.script = lambda step, recipient: drop(step, recipient) if recipient.startswith("b") else refuse(step, recipient)
    people = [await world.person(f"{letter}@example.org", introduced=True) for letter in "ab"] + [await world.person(None)]
    await world.meeting(people)
    async with mailers.running():
        await eventually(world.statuses, lambda all_: all_ == ["bounced", "uncertain", "by_hand"])
    for person in people:
        await world.erase(person)
    assert await world.statuses() == ["bounced", "erased", "by_hand"]
    assert [events[-1][1:] for events in (await world.told()).values()] == [(None, "person-erased")] * 3
    await assert_others_know_the_ledger(world)


async def test_an_introduction_by_hand_is_told(world: World) -> None:
    await world.person(None, entered_by=uuid4())
    async with world.worker.unscoped() as tx:
        await tx.execute("UPDATE newcomers SET known_since = now() - interval '30 days'")
        await world.planner.introduce(tx)
    assert list((await what_others_know(world)).values()) == ["by_hand"]
    await assert_others_know_the_ledger(world)


async def test_what_waited_for_somebody_without_an_address_is_told(world: World) -> None:
    person = uuid4()
    await world.meeting([person])
    assert await world.told() == {}
    await world.person(None, person_id=person)
    assert list((await what_others_know(world)).values()) == ["by_hand"]


async def test_staff_settle_what_they_saw_to(world: World, api: Api) -> None:
    person, other = await world.person(None), await world.person("kim@example.org")
    await world.meeting([person, other])
    by_hand, queued = await world.deliveries()
    for _ in range(2):
        answer = await api.as_(COORDINATOR).post(f"/v1/deliveries/{by_hand['id']}/settlement")
        assert answer.status_code == 200
        assert (answer.json()["status"], answer.json()["settlement"]) == ("by_hand", "settled-by-staff")
    for settled, expected in ((True, [by_hand["id"]]), (False, [])):
        listed = await api.as_(COORDINATOR).get("/v1/deliveries", params={"status": "by_hand", "settled": settled})
        assert [UUID(item["id"]) for item in listed.json()["items"]] == expected
    assert await world.told() == {by_hand["id"]: [(1, "by_hand", "no-address"), (2, None, "settled-by-staff")]}
    refused = await api.as_(COORDINATOR).post(f"/v1/deliveries/{queued['id']}/settlement")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "delivery-status")
    stranger = Actor(uuid4(), (Grant(role=Role.COORDINATOR, ags="08999001"),))
    assert (await api.as_(stranger).post(f"/v1/deliveries/{by_hand['id']}/settlement")).status_code == 404


async def test_what_the_ledger_held_before_anybody_was_told_is_told_once(world: World) -> None:
    await world.meeting([await world.person(None)])
    async with world.worker.unscoped() as tx:
        await tx.execute("DELETE FROM outbox")
        await tx.execute("UPDATE deliveries SET told_as = NULL, version = 0")  # as it is on the day of the upgrade
    for _ in range(2):
        async with world.worker.unscoped() as tx:
            await tell_forgotten(tx)
    assert [len(events) for events in (await world.told()).values()] == [1]
    await assert_others_know_the_ledger(world)
