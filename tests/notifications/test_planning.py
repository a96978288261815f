"""From events to what is owed: who hears of what, once, and what becomes of those who cannot be reached."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from emon_contracts.events.meetings import InvitationsIssued, IssuedInvitation, MeetingRescheduled
from emon_notifications.app import TIMERS
from emon_notifications.planning import repository
from emon_notifications.planning.subscribers import Planner

from tests.notifications.conftest import HERE, World


async def test_an_invitation_is_owed_to_every_guest(world: World) -> None:
    people = await world.people(3)
    meeting = await world.meeting(people)
    deliveries = await world.deliveries(subject_id=meeting)
    assert [row["person_id"] for row in deliveries] == people
    assert {(row["kind"], row["status"], row["ags"], row["priority"]) for row in deliveries} == {
        ("invitation", "queued", HERE, 30)
    }


async def test_scheduling_alone_and_a_new_title_tell_nobody(world: World) -> None:
    meeting = await world.meeting()
    await world.retitle(meeting, "Großer Runder Tisch")
    assert await world.deliveries() == []


async def test_planning_the_same_event_twice_changes_nothing(world: World) -> None:
    people = await world.people(2)
    meeting = await world.meeting()
    invitations = tuple(IssuedInvitation(invitation_id=uuid4(), person_id=person) for person in people)
    event = world.event(InvitationsIssued(meeting_id=meeting, ags=HERE, invitations=invitations))
    await world.deliver(event)
    before = await world.deliveries()
    await world.deliver(event)
    assert await world.deliveries() == before
    assert len(before) == 2


async def test_what_is_published_anew_is_saved_and_told_to_nobody(world: World) -> None:
    [person] = await world.people(1)
    meeting = await world.meeting()
    await world.invite(meeting, [person], replayed=True)
    await world.reschedule(meeting, replayed=True)
    assert await world.deliveries() == []
    await world.reschedule(meeting, "Dritter Saal")
    assert await world.statuses() == ["queued"]


async def test_a_newer_event_supersedes_what_is_open(world: World) -> None:
    people = await world.people(2)
    meeting = await world.meeting(people)
    other = await world.meeting(people)
    await world.reschedule(meeting)
    await world.cancel(meeting)
    assert await world.outcomes(subject_id=meeting) == [("superseded", "newer-planned")] * 4 + [("queued", None)] * 2
    assert await world.statuses(subject_id=other) == ["queued"] * 2


async def test_two_changes_in_one_batch_leave_one_open(world: World) -> None:
    [person] = await world.people(1)
    meeting = await world.meeting([person])
    state = world.meetings[meeting].model_dump()
    await world.deliver(
        world.event(MeetingRescheduled.model_validate(state | {"revision": 2})),
        world.event(MeetingRescheduled.model_validate(state | {"revision": 3})),
    )
    assert await world.statuses() == ["superseded", "superseded", "queued"]


async def test_what_is_on_its_way_is_not_superseded(world: World) -> None:
    [person] = await world.people(1)
    meeting = await world.meeting([person])
    async with world.worker.unscoped() as tx:
        await tx.execute("UPDATE deliveries SET status = 'sending'")
    await world.cancel(meeting)
    assert await world.statuses() == ["sending", "queued"]


async def test_somebody_without_an_address_is_reached_by_hand(world: World) -> None:
    person = await world.person(None)
    await world.meeting([person])
    assert await world.outcomes() == [("by_hand", "no-address")]


async def test_an_erased_person_gets_nothing(world: World) -> None:
    first, second = await world.people(2)
    await world.erase(first)
    meeting = await world.meeting([first, second])
    assert await world.statuses() == ["erased", "queued"]
    await world.erase(second)
    await world.reschedule(meeting)
    assert await world.statuses() == ["erased"] * 4


async def test_somebody_not_yet_in_the_directory_is_waited_for(world: World) -> None:
    person = uuid4()
    await world.meeting([person])
    assert await world.outcomes() == [("waiting", "person-unknown")]
    await world.person("kim@example.org", person_id=person)
    assert await world.outcomes() == [("queued", None)]


async def test_a_meeting_not_yet_known_is_waited_for(world: World) -> None:
    [person] = await world.people(1)
    meeting = await world.meeting(starts_in=timedelta(hours=3))
    async with world.worker.unscoped() as tx:
        await tx.execute("DELETE FROM meetings")
    await world.invite(meeting, [person])
    assert await world.outcomes() == [("waiting", "meeting-unknown")]
    await world.retitle(meeting, "Runder Tisch am Abend")
    [delivery] = await world.deliveries()
    assert delivery["status"] == "queued"
    assert delivery["expires_at"] == world.meetings[meeting].starts_at


async def test_waiting_ends_after_a_day(world: World) -> None:
    await world.meeting([uuid4(), uuid4()])
    async with world.worker.unscoped() as tx:
        await tx.execute(
            """
            UPDATE deliveries
            SET created_at = now() - interval '25 hours'
            WHERE position = (SELECT min(position) FROM deliveries)
            """
        )
        await repository.expire(tx)
    assert await world.outcomes() == [("expired", "person-unknown"), ("waiting", "person-unknown")]


async def test_old_news_is_told_to_nobody_and_stands_in_the_ledger(world: World) -> None:
    [person] = await world.people(1)
    long_ago = datetime.now(UTC) - timedelta(hours=49)
    meeting = await world.meeting()
    await world.invite(meeting, [person], at=long_ago)
    assert await world.outcomes() == [("expired", "event-too-old")]


async def test_nothing_is_planned_for_a_meeting_that_has_begun(world: World) -> None:
    [person] = await world.people(1)
    meeting = await world.meeting([person], starts_in=timedelta(minutes=-5))
    await world.cancel(meeting)
    assert await world.outcomes() == [("expired", "too-late")] * 2


async def test_what_nobody_wants_any_more_expires(world: World) -> None:
    [person] = await world.people(1)
    await world.meeting([person])
    async with world.worker.unscoped() as tx:
        await tx.execute("UPDATE deliveries SET status = 'deferred', not_before = now(), expires_at = now()")
        await repository.expire(tx)
    assert await world.outcomes() == [("expired", "too-late")]


async def test_events_from_before_a_restore_are_held(world: World) -> None:
    [person] = await world.people(1)
    unknown = uuid4()
    world.planner = Planner(hold_before=datetime.now(UTC) + timedelta(minutes=1))
    meeting = await world.meeting([person, unknown])
    assert await world.outcomes() == [("held", "from-before-the-restore"), ("waiting", "person-unknown")]
    await world.person("late@example.org", person_id=unknown)
    await world.cancel(meeting, at=datetime.now(UTC) + timedelta(minutes=2))
    assert await world.statuses() == ["superseded", "superseded", "queued", "queued"]


async def test_three_thousand_guests_are_planned_in_bulk(world: World) -> None:
    async with world.worker.unscoped() as tx:
        await tx.execute(
            """
            INSERT INTO directory_people (person_id, version, display_name, email, email_key, locale)
            SELECT gen_random_uuid(), 1, 'Person', number || '@example.org', number || '@example.org', 'de'
            FROM generate_series(1, 3000) AS number
            """
        )
        people = [row["person_id"] for row in await tx.fetch("SELECT person_id FROM directory_people")]
    meeting = await world.meeting()
    for start in range(0, len(people), 500):
        await world.invite(meeting, people[start : start + 500])
    await world.reschedule(meeting)
    statuses = await world.statuses()
    assert statuses == ["superseded"] * 3000 + ["queued"] * 3000


async def test_the_timers_run(world: World) -> None:
    for timer in TIMERS:
        async with world.worker.unscoped() as tx:
            await timer.run(tx)
