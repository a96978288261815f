"""What may be done with a meeting, without any I/O."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given, strategies as st

from emon_contracts.events.meetings import MeetingCancelled, MeetingKind, MeetingRescheduled, MeetingRetitled
from emon_contracts.refusals import Refusal
from emon_contracts.values import ZonedDateTime
from emon_meetings.meetings import rules
from emon_meetings.meetings.rules import Changed, Changes, Meeting, MeetingStatus

NOW = datetime(2027, 1, 10, 12, tzinfo=UTC)


def at(local: datetime) -> ZonedDateTime:
    return ZonedDateTime(local=local, time_zone="Europe/Berlin")


MEETING = Meeting(
    id=uuid4(),
    ags="08115003",
    kind=MeetingKind.ROUND_TABLE,
    title="Runder Tisch",
    start=at(datetime(2027, 3, 28, 18)),
    duration_minutes=90,
    place="Rathaus",
    link=None,
    scheduled_by=uuid4(),
)

changes = st.builds(
    Changes,
    title=st.none() | st.just("Runder Tisch") | st.just("Austausch"),
    start=st.none() | st.just(MEETING.start) | st.just(at(datetime(2027, 4, 1, 9))),
    duration_minutes=st.none() | st.sampled_from([90, 120]),
    place=st.none() | st.sampled_from(["Rathaus", "Gemeindehaus"]),
)


@given(changes)
def test_the_revision_rises_with_time_and_place_alone_and_the_version_with_every_change(wanted: Changes) -> None:
    outcome = rules.change(MEETING, wanted, NOW)
    assert isinstance(outcome, Changed)
    moved = (outcome.meeting.start, outcome.meeting.duration_minutes, outcome.meeting.place) != (
        MEETING.start,
        MEETING.duration_minutes,
        MEETING.place,
    )
    retitled = outcome.meeting.title != MEETING.title
    assert outcome.meeting.revision == MEETING.revision + moved
    assert outcome.meeting.version == MEETING.version + (moved or retitled)
    assert outcome.event is (MeetingRescheduled if moved else MeetingRetitled if retitled else None)


def test_a_meeting_lies_ahead() -> None:
    past = rules.schedule(replace(MEETING, start=at(datetime(2027, 1, 10, 12, 59))), NOW)
    assert isinstance(past, Refusal)
    assert (past.code, past.pointer) == ("start-in-the-past", "/start/local")
    assert isinstance(rules.schedule(replace(MEETING, start=at(datetime(2027, 1, 10, 13, 1))), NOW), Changed)
    far = rules.schedule(replace(MEETING, start=at(datetime(2047, 1, 1))), NOW)
    assert isinstance(far, Refusal)


def test_a_meeting_is_cancelled_once_and_then_closed() -> None:
    outcome = rules.cancel(MEETING, "Krankheit", NOW)
    assert isinstance(outcome, Changed)
    assert outcome.event is MeetingCancelled
    assert (outcome.meeting.status, outcome.meeting.revision) == (MeetingStatus.CANCELLED, MEETING.revision + 1)
    again = rules.cancel(outcome.meeting, None, NOW)
    changed = rules.change(outcome.meeting, Changes(title="Neu"), NOW)
    assert isinstance(again, Refusal)
    assert isinstance(changed, Refusal)
    assert again.conflict
    assert changed.conflict


def test_a_meeting_that_has_started_stays_as_it_is() -> None:
    later = MEETING.starts_at + timedelta(minutes=1)
    for outcome in (rules.cancel(MEETING, None, later), rules.change(MEETING, Changes(place="Anderswo"), later)):
        assert isinstance(outcome, Refusal)
        assert outcome.code == "meeting-started"


def test_the_reason_of_a_cancellation_does_not_travel() -> None:
    outcome = rules.cancel(MEETING, "jemand ist krank", NOW)
    assert isinstance(outcome, Changed)
    assert "krank" not in rules.event_of(outcome).model_dump_json()
