"""How urgent something is, and what settles it."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given, strategies as st

from emon_calendar.working_days import USUAL, WorkingTime, end_of_day
from emon_contracts.events.feedback import Awaited
from emon_contracts.events.notifications import FailedAs
from emon_gateway.today.rules import ITEMS_MAX, Action, Found, ItemKind, items_of

MONDAY = date(2027, 3, 1)
NOW = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)


def feedback(due_by: date, promised_by: date | None = None, awaited: Awaited = Awaited.ANSWER) -> Found:
    id_ = uuid4()
    return Found(ItemKind.FEEDBACK, id_, id_, "08115003", awaited.value, due_by=due_by, promised_by=promised_by or due_by)


def meeting(starts_at: datetime, kind: ItemKind = ItemKind.MEETING, status: FailedAs | None = None) -> Found:
    return Found(kind, uuid4(), uuid4(), "08115003", status and status.value, starts_at=starts_at)


def undated(status: FailedAs) -> Found:
    return Found(ItemKind.DELIVERY, uuid4(), uuid4(), "08115003", status.value)


@pytest.mark.parametrize(
    ("found", "action"),
    [
        (feedback(MONDAY, awaited=Awaited.ACKNOWLEDGEMENT), Action.ACKNOWLEDGE),
        (feedback(MONDAY, awaited=Awaited.ANSWER), Action.ANSWER),
        (meeting(NOW), Action.REMIND),
        (meeting(NOW, ItemKind.INVITATION), Action.REPLY),
        (undated(FailedAs.BOUNCED), Action.MEND_ADDRESS),
        (undated(FailedAs.SUPPRESSED), Action.MEND_ADDRESS),
        (undated(FailedAs.UNCERTAIN), Action.DECIDE),
        (undated(FailedAs.HELD), Action.DECIDE),
        (meeting(NOW, ItemKind.BY_HAND, FailedAs.BY_HAND), Action.PHONE),
    ],
)
def test_one_action_settles_each(found: Found, action: Action) -> None:
    [item] = items_of([found], USUAL, NOW)
    assert item.action is action


def test_every_failure_has_an_action() -> None:
    for status in FailedAs:
        kind = ItemKind.BY_HAND if status is FailedAs.BY_HAND else ItemKind.DELIVERY
        assert items_of([Found(kind, uuid4(), uuid4(), None, status.value)], USUAL, NOW)


def test_what_is_overdue_comes_first_and_then_what_comes_first() -> None:
    overdue = feedback(MONDAY + timedelta(days=9), promised_by=MONDAY - timedelta(days=3))
    tomorrow = meeting(NOW + timedelta(days=1))
    due_today = feedback(MONDAY)
    bounced = undated(FailedAs.BOUNCED)
    later = meeting(NOW + timedelta(days=2), ItemKind.INVITATION)
    items = items_of([later, bounced, tomorrow, due_today, overdue], USUAL, NOW)
    assert items[0].found is overdue
    assert items[0].overdue
    assert {id(item.found) for item in items[1:3]} == {id(due_today), id(bounced)}
    assert [item.found for item in items[3:]] == [tomorrow, later]
    assert not any(item.overdue for item in items[1:])


@pytest.mark.parametrize(
    ("due_by", "working", "days_left"),
    [
        (MONDAY, USUAL, 0),
        (date(2027, 3, 5), USUAL, 4),
        (date(2027, 3, 8), USUAL, 5),  # over a weekend
        (date(2027, 3, 30), USUAL, 19),  # Good Friday and Easter Monday between
        (date(2027, 3, 8), WorkingTime(frozenset({2, 4})), 2),
        (date(2027, 3, 8), WorkingTime(absences=((date(2027, 3, 2), date(2027, 3, 4)),)), 2),
        (date(2027, 2, 26), USUAL, -1),  # the Friday before
        (date(2027, 2, 22), USUAL, -5),
    ],
)
def test_feedback_is_due_in_the_callers_own_working_days(due_by: date, working: WorkingTime, days_left: int) -> None:
    [item] = items_of([feedback(due_by)], working, NOW)
    assert item.days_left == days_left


def test_until_a_meeting_it_is_days_on_the_calendar_of_baden_wuerttemberg() -> None:
    saturday = datetime(2027, 3, 6, 22, 59, tzinfo=UTC)
    late = datetime(2027, 3, 6, 23, 1, tzinfo=UTC)  # Sunday in Berlin
    assert [item.days_left for item in items_of([meeting(saturday), meeting(late)], USUAL, NOW)] == [5, 6]


def test_feedback_is_overdue_once_its_day_is_over_there() -> None:
    found = feedback(MONDAY)
    for moment, overdue in ((end_of_day(MONDAY) - timedelta(seconds=1), False), (end_of_day(MONDAY), True)):
        [item] = items_of([found], USUAL, moment)
        assert item.overdue is overdue


moments = st.datetimes(datetime(2027, 1, 1), datetime(2027, 6, 1), timezones=st.just(UTC))
dates = st.dates(date(2027, 1, 1), date(2027, 6, 1))
anything = st.one_of(
    st.builds(feedback, dates, dates),
    st.builds(meeting, moments, st.sampled_from([ItemKind.MEETING, ItemKind.INVITATION])),
    st.builds(undated, st.sampled_from([status for status in FailedAs if status is not FailedAs.BY_HAND])),
)


@given(st.lists(anything, max_size=30), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_it_was_found(found: list[Found], random: object) -> None:
    items = items_of(found, USUAL, NOW)
    assert {item.found.id for item in items} == {each.id for each in found}
    assert [item.found.id for item in items_of(found[::-1], USUAL, NOW)] == [item.found.id for item in items]
    assert all(before.overdue >= after.overdue for before, after in pairwise(items))


def test_no_more_are_shown_than_can_be_looked_at() -> None:
    found = [meeting(NOW + timedelta(hours=number)) for number in range(ITEMS_MAX + 50)]
    items = items_of(found[::-1], USUAL, NOW)
    assert [item.found for item in items] == found[:ITEMS_MAX]
    assert isinstance(items[0].found.id, UUID)
