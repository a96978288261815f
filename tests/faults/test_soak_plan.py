"""The plan of a soak comes from its seed alone."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.faults.soak.deeds import ABOUT_FEEDBACK, Deed, Guest, Operation
from tests.faults.soak.faults import Mischief
from tests.faults.soak.plan import LANES, plan_of


@pytest.mark.parametrize("seed", [0, 1, 20270301])
def test_the_same_seed_makes_the_same_plan(seed: int) -> None:
    assert plan_of(seed, 300) == plan_of(seed, 300)


def test_another_seed_makes_another_plan() -> None:
    assert plan_of(1, 60).operations != plan_of(2, 60).operations
    assert plan_of(1, 60).faults != plan_of(2, 60).faults


def lanes_of(seed: int) -> Iterator[list[Operation]]:
    """What each of those does who do one thing after the other."""
    operations = plan_of(seed, 120).operations
    for lane in range(LANES):
        yield [operation for operation in operations if operation.lane == lane]


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_schedules_a_meeting_before_it_changes_it_and_changes_nothing_that_was_cancelled(seed: int) -> None:
    for operations in lanes_of(seed):
        standing: set[int] = set()
        for operation in operations:
            match operation.deed:
                case Deed.SCHEDULE:
                    assert operation.meeting not in standing
                    standing.add(operation.meeting)
                case Deed.RESCHEDULE | Deed.RETITLE | Deed.REPLY:
                    assert operation.meeting in standing
                case Deed.CANCEL:
                    standing.remove(operation.meeting)
                case _:
                    assert operation.meeting == 0


@pytest.mark.parametrize("seed", range(20))
def test_feedback_is_submitted_before_all_else_and_answered_and_rated_at_most_once(seed: int) -> None:
    for operations in lanes_of(seed):
        submitted: dict[int, Operation] = {}
        done: dict[int, list[Deed]] = defaultdict(list)
        for operation in (item for item in operations if item.deed in ABOUT_FEEDBACK):
            if operation.deed is Deed.SUBMIT:
                assert operation.feedback not in submitted
                submitted[operation.feedback] = operation
            elif operation.deed in (Deed.RATE, Deed.WRITE_BACK):
                assert operation.guest == submitted[operation.feedback].guest, "its author does"
            elif operation.deed is not Deed.LET_PASS:
                assert operation.guest not in (None, submitted[operation.feedback].guest, submitted[operation.feedback].about)
            assert operation.feedback in submitted
            done[operation.feedback].append(operation.deed)
        for deeds in done.values():
            assert all(deeds.count(deed) <= 1 for deed in (Deed.ACKNOWLEDGE, Deed.PUT_OFF, Deed.ANSWER, Deed.RATE))
            if Deed.ANSWER in deeds:
                after = set(deeds[deeds.index(Deed.ANSWER) + 1 :])
                assert after <= {Deed.RATE, Deed.WRITE_BACK}
            assert Deed.ANSWER in deeds or Deed.RATE not in deeds


@pytest.mark.parametrize("seed", range(20))
def test_whoever_erases_themselves_is_heard_of_no_more(seed: int) -> None:
    erased: set[Guest] = set()
    for operation in plan_of(seed, 120).operations:
        assert not {operation.guest, operation.about} & erased
        if operation.deed is Deed.ERASE:
            assert operation.guest is not None
            erased.add(operation.guest)


def test_some_plans_have_a_mediator_and_some_have_none() -> None:
    assert {plan_of(seed, 1).has_mediator for seed in range(8)} == {True, False}


def test_a_plan_does_everything_that_somebody_can_do() -> None:
    assert {operation.deed for operation in plan_of(1, 300).operations} == set(Deed)


def test_everything_lies_within_the_time_of_the_soak() -> None:
    plan = plan_of(7, 60)
    assert all(0 <= operation.at_s < 60 for operation in plan.operations)
    assert all(0 < fault.at_s < 60 for fault in plan.faults)
    assert [fault.at_s for fault in plan.faults] == sorted(fault.at_s for fault in plan.faults)


def test_a_long_soak_meets_every_kind_of_mischief() -> None:
    met = {fault.mischief for seed in range(8) for fault in plan_of(seed, 600).faults}
    assert met == set(Mischief)
