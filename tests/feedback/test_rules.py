"""Who is asked and what may be done, without I/O."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given, strategies as st

from emon_calendar.working_days import day_of
from emon_contracts.events.feedback import FeedbackKind
from emon_contracts.refusals import Refusal
from emon_feedback.asking.rules import LEVELS, Candidate, Level, first_to_ask, next_to_ask
from emon_feedback.escalation.rules import ask_next
from emon_feedback.feedback import rules
from emon_feedback.feedback.rules import MESSAGES_MAX, About, Changed, Feedback, FeedbackStatus, Message
from emon_feedback.submitting.rules import Submission, submit

NOW = datetime(2026, 9, 7, 10, tzinfo=UTC)  # a Monday
PEOPLE = [UUID(int=number) for number in range(1, 9)]

candidates = st.lists(st.builds(Candidate, st.sampled_from(PEOPLE), st.sampled_from(LEVELS)), max_size=12, unique=True)
some = st.frozensets(st.sampled_from(PEOPLE), max_size=4)


def submitted(*asked: Candidate, author: UUID | None = None, about: About | None = None) -> Feedback:
    what = Submission(uuid4(), "08115003", about or About(), FeedbackKind.IDEA, "Mehr Tee.", author)
    return submit(what, "08115003", asked, NOW).feedback


def done(changed: Changed | Refusal) -> Feedback:
    assert isinstance(changed, Changed)
    return changed.feedback


@given(candidates, some)
def test_all_of_the_first_level_that_has_somebody_are_asked(found: list[Candidate], never: frozenset[UUID]) -> None:
    asked = first_to_ask(found, never)
    allowed = [item for item in found if item.person_id not in never]
    nearest = min((LEVELS.index(item.level) for item in allowed), default=None)
    assert set(asked) == {item for item in allowed if LEVELS.index(item.level) == nearest}


@given(candidates, some, some, st.sampled_from(LEVELS))
def test_the_next_are_new_or_the_same_as_before(
    found: list[Candidate], never: frozenset[UUID], asked: frozenset[UUID], level: Level
) -> None:
    last = asked - never
    people = {item.person_id for item in next_to_ask(found, never, asked, last, level)}
    assert not people & never
    assert not people & asked or people <= last


@given(candidates, st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.integers(1, 12))
def test_whatever_happens_neither_author_nor_the_person_it_is_about_is_asked(
    found: list[Candidate], author: UUID, about: UUID, rounds: int
) -> None:
    feedback = submitted(*found, author=author, about=About(person_id=about))
    for _ in range(rounds):
        before = feedback
        feedback = ask_next(feedback, found, NOW).feedback
        assert not {author, about} & feedback.involved
        assert before.involved <= feedback.involved
        anybody = {item.person_id for item in found} - {author, about}
        assert bool(feedback.asked_last) == bool(anybody), "nobody is left alone who has somebody to ask"


def test_deadlines_of_an_ordinary_week() -> None:
    feedback = submitted(Candidate(PEOPLE[0], Level.COORDINATOR))
    assert (feedback.acknowledge_by.isoformat(), feedback.answer_by.isoformat()) == ("2026-09-14", "2026-10-05")
    assert feedback.look_at == datetime(2026, 9, 14, 22, tzinfo=UTC)
    assert not feedback.overdue(datetime(2026, 9, 14, 21, 59, tzinfo=UTC))
    assert feedback.overdue(datetime(2026, 9, 14, 22, tzinfo=UTC))


def test_whoever_acknowledges_late_keeps_the_days_they_were_given() -> None:
    feedback = submitted(Candidate(PEOPLE[0], Level.COORDINATOR), Candidate(PEOPLE[1], Level.MEDIATOR))
    late = datetime(2026, 10, 6, 10, tzinfo=UTC)
    feedback = ask_next(feedback, [Candidate(PEOPLE[1], Level.MEDIATOR)], late).feedback
    assert feedback.due_by is not None
    assert feedback.due_by > feedback.answer_by
    acknowledged = done(rules.acknowledge(feedback, PEOPLE[1], late))
    assert acknowledged.answer_by == acknowledged.due_by == feedback.due_by


def test_there_is_no_way_to_close_it_without_an_answer() -> None:
    feedback = submitted(Candidate(PEOPLE[0], Level.COORDINATOR), author=PEOPLE[1])
    for state in (feedback, done(rules.acknowledge(feedback, PEOPLE[0], NOW))):
        rated = rules.rate(state, True, 5, NOW)
        assert isinstance(rated, Refusal)
        assert rated.code == "not-answered-yet"
        assert state.status not in (FeedbackStatus.ANSWERED, FeedbackStatus.RATED)


def test_an_author_writes_back_fifty_times_at_most() -> None:
    full = replace(submitted(), messages=tuple(Message(uuid4(), "x", NOW) for _ in range(MESSAGES_MAX)))
    refused = rules.write_back(full, True, Message(uuid4(), "x", NOW))
    assert isinstance(refused, Refusal)
    assert refused.code == "too-many-messages"
    assert rules.may(full, by_author=True) == ()


@pytest.mark.parametrize(("days", "taken"), [(0, False), (1, True), (92, True), (93, False)])
def test_an_answer_is_put_off_to_a_day_after_today_within_a_quarter(days: int, taken: bool) -> None:
    feedback = submitted(Candidate(PEOPLE[0], Level.COORDINATOR))
    day = day_of(NOW).fromordinal(day_of(NOW).toordinal() + days)
    assert isinstance(rules.put_off(feedback, PEOPLE[0], "Später.", day, NOW), Changed) == taken
