"""The read model comes to the same whatever order events come in, and however often; and forgets whoever was erased."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given, settings, strategies as st

from emon_contracts.envelope import Event, Payload
from emon_contracts.events.feedback import (
    Awaited,
    FeedbackAcknowledged,
    FeedbackAnswered,
    FeedbackContinued,
    FeedbackKind,
    FeedbackOverdue,
    FeedbackPutOff,
    FeedbackSubmitted,
)
from emon_contracts.events.meetings import (
    InvitationReplied,
    InvitationsIssued,
    IssuedInvitation,
    MeetingCancelled,
    MeetingKind,
    MeetingRescheduled,
    MeetingScheduled,
    Reply,
)
from emon_contracts.events.notifications import DeliveryFailed, DeliverySettled, FailedAs
from emon_contracts.values import ZonedDateTime
from emon_gateway.app import after_people
from emon_gateway.read_model.repository import sweep
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import Database
from emon_platform.directory import save_people

from tests.gateway.elsewhere import HERE, Elsewhere, take

TABLES = ("meetings", "invitations", "feedback", "deliveries")
AUTHOR, FIRST, SECOND, THIRD = (UUID(int=number) for number in range(1, 5))
SOMETHING = UUID(int=99)
DAY = date(2027, 3, 1)


def feedback_story() -> list[tuple[Payload, UUID]]:
    """Feedback that nobody acknowledges in time, that is put off, and answered at last."""
    facts: dict[str, Any] = {"feedback_id": SOMETHING, "ags": HERE, "kind": FeedbackKind.IDEA, "confidential": False}
    happened: list[Payload] = [
        FeedbackSubmitted(**facts, author_id=AUTHOR, asked=(FIRST,), acknowledge_by=DAY),
        FeedbackOverdue(
            **facts,
            awaited=Awaited.ACKNOWLEDGEMENT,
            asked=(SECOND,),
            asked_in_vain=(FIRST,),
            due_by=DAY + timedelta(days=7),
        ),
        FeedbackContinued(**facts, asked=(SECOND,)),
        FeedbackAcknowledged(**facts, author_id=AUTHOR, acknowledged_by=THIRD, answer_by=DAY + timedelta(days=20)),
        FeedbackPutOff(**facts, author_id=AUTHOR, replied_by=THIRD, answer_by=DAY + timedelta(days=40)),
        FeedbackAnswered(**facts, author_id=AUTHOR, answered_by=SECOND),
    ]
    return [(payload, SOMETHING) for payload in happened]


def meeting_story() -> list[tuple[Payload, UUID]]:
    """A meeting that moves, to which one guest replies twice and another not at all, and that is cancelled."""
    invitations = [IssuedInvitation(invitation_id=UUID(int=50 + number), person_id=UUID(int=number)) for number in (2, 3)]
    facts: dict[str, Any] = {
        "meeting_id": SOMETHING,
        "ags": HERE,
        "kind": MeetingKind.EXCHANGE,
        "title": "Austausch",
        "start": ZonedDateTime(time_zone="UTC", local=datetime(2027, 3, 1, 18)),
        "starts_at": datetime(2027, 3, 1, 18, tzinfo=UTC),
        "duration_minutes": 60,
        "place": "Rathaus",
        "link": None,
    }
    moved: dict[str, Any] = {**facts, "title": "Verlegt"}
    said: dict[str, Any] = {
        "meeting_id": SOMETHING,
        "ags": HERE,
        "invitation_id": invitations[0].invitation_id,
        "person_id": invitations[0].person_id,
        "replied_by": invitations[0].person_id,
    }
    return [
        (MeetingScheduled(**facts, revision=0), SOMETHING),
        (InvitationsIssued(meeting_id=SOMETHING, ags=HERE, invitations=tuple(invitations)), uuid4()),
        (InvitationReplied(**said, reply=Reply.ACCEPTED, revision=0), invitations[0].invitation_id),
        (MeetingRescheduled(**moved, revision=1), SOMETHING),
        (InvitationReplied(**said, reply=Reply.DECLINED, revision=1), invitations[0].invitation_id),
        (MeetingCancelled(**moved, revision=2), SOMETHING),
    ]


def delivery_story() -> list[tuple[Payload, UUID]]:
    """A delivery that is held, settled, uncertain and settled again."""
    facts: dict[str, Any] = {
        "delivery_id": SOMETHING,
        "person_id": FIRST,
        "subject_id": UUID(int=98),
        "ags": HERE,
        "kind": "invitation",
        "category": "meetings",
        "reason": None,
    }
    happened: list[Payload] = [
        DeliveryFailed(**facts, status=FailedAs.HELD),
        DeliverySettled(**facts, status="queued"),
        DeliveryFailed(**facts, status=FailedAs.UNCERTAIN),
        DeliverySettled(**facts, status="accepted"),
    ]
    return [(payload, SOMETHING) for payload in happened]


STORY = feedback_story() + meeting_story() + delivery_story()


def in_order(count: int) -> list[Event[Any]]:
    """Events of the beginning of every story: the first `count` of all. An invitation counts its own changes from 1 on."""
    elsewhere = Elsewhere(worker=None, versions={UUID(int=52): 1})  # pyright: ignore[reportArgumentType]
    begun = datetime(2027, 3, 1, tzinfo=UTC)
    return [
        elsewhere.event(payload, subject, at=begun + timedelta(hours=number))
        for number, (payload, subject) in enumerate(STORY[:count])
    ]


async def contents(database: Database) -> dict[str, list[dict[str, Any]]]:
    async with database.unscoped() as tx:
        return {table: [dict(row) for row in await tx.fetch(f"SELECT * FROM {table} ORDER BY 1")] for table in TABLES}


async def clear(database: Database) -> None:
    async with database.unscoped() as tx:
        for table in TABLES:
            await tx.execute(f"DELETE FROM {table}")


async def after(database: Database, events: Sequence[Event[Any]]) -> dict[str, list[dict[str, Any]]]:
    """What stands in the read model once these events were taken, in this order."""
    await clear(database)
    for event in events:
        await take(database, event)
    return await contents(database)


async def test_order_and_repetition_do_not_matter(worker: Database) -> None:
    @settings(max_examples=40, deadline=None, database=None)
    @given(st.integers(1, len(STORY)), st.data())
    def check(count: int, data: st.DataObject) -> None:
        events = in_order(count)
        again = data.draw(st.lists(st.sampled_from(events), max_size=5))
        shuffled.append((events, data.draw(st.permutations([*events, *again]))))

    shuffled: list[tuple[list[Event[Any]], list[Event[Any]]]] = []
    check()
    for events, mixed in shuffled:
        assert await after(worker, mixed) == await after(worker, events)


async def test_runs_of_events_come_to_the_same_as_one_by_one(worker: Database) -> None:
    events = [event for event in in_order(len(STORY)) if isinstance(event.payload, DeliveryFailed)]
    await clear(worker)
    await take(worker, *events)
    together = await contents(worker)
    assert together == await after(worker, events)
    assert [row["failed_as"] for row in together["deliveries"]] == ["uncertain"]


async def test_what_its_author_was_promised_outlasts_who_is_asked(worker: Database) -> None:
    rows = await after(worker, in_order(2))
    [feedback] = rows["feedback"]
    assert (feedback["awaited"], feedback["due_by"], feedback["promised_by"]) == (
        "acknowledgement",
        DAY + timedelta(days=7),
        DAY,
    )
    assert (feedback["author_id"], feedback["involved"]) == (AUTHOR, [FIRST, SECOND])


async def test_whoever_is_erased_is_nowhere_whatever_comes_late(worker: Database) -> None:
    events = in_order(len(STORY))
    people = (AUTHOR, FIRST, SECOND, THIRD)
    for late in (0, 1, 7, 12, len(events)):
        await clear(worker)
        for event in events[:late]:
            await take(worker, event)
        async with worker.unscoped() as tx:
            records = [StateRecord(str(person), 2, None) for person in people]
            await save_people(tx, records)
            await after_people(tx, people)
        for event in [*events[late:], *events]:
            await take(worker, event)
        rows = await contents(worker)
        assert (rows["invitations"], rows["deliveries"]) == ([], [])
        assert [(row["author_id"], row["involved"]) for row in rows["feedback"]] == [(None, [])]


async def test_what_is_over_for_long_is_forgotten(worker: Database) -> None:
    elsewhere = Elsewhere(worker)
    guest = uuid4()
    recent, gone = await elsewhere.meeting(guest), await elsewhere.meeting(guest, starts_in=timedelta(days=-101))
    open_, answered = await elsewhere.feedback_for(guest), await elsewhere.feedback_for(guest)
    old = datetime.now(UTC) - timedelta(days=101)
    await elsewhere.feedback(FeedbackAnswered, answered, at=old, author_id=None, answered_by=guest)
    failed = await elsewhere.delivery(FailedAs.HELD, guest, recent)
    settled = await elsewhere.delivery(FailedAs.HELD, guest, gone)
    await elsewhere.settle(settled, guest, gone)
    async with worker.unscoped() as tx:
        await tx.execute("UPDATE deliveries SET since = $1", old)
        await sweep(tx, datetime.now(UTC))
    rows = await contents(worker)
    assert [row["meeting_id"] for row in rows["meetings"]] == [recent]
    assert [row["meeting_id"] for row in rows["invitations"]] == [recent]
    assert [row["feedback_id"] for row in rows["feedback"]] == [open_]
    assert [row["delivery_id"] for row in rows["deliveries"]] == [failed]
