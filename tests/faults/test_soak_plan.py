"""The plan of a soak comes from its seed alone."""

import pytest

from tests.faults.soak.plan import LANES, Deed, Mischief, plan_of


@pytest.mark.parametrize("seed", [0, 1, 20270301])
def test_the_same_seed_makes_the_same_plan(seed: int) -> None:
    assert plan_of(seed, 300) == plan_of(seed, 300)


def test_another_seed_makes_another_plan() -> None:
    assert plan_of(1, 60).operations != plan_of(2, 60).operations
    assert plan_of(1, 60).faults != plan_of(2, 60).faults


def test_a_plan_schedules_a_meeting_before_it_changes_it_and_changes_nothing_that_was_cancelled() -> None:
    for seed in range(20):
        for lane in range(LANES):
            standing: set[int] = set()
            for operation in plan_of(seed, 120).operations:
                if operation.lane != lane:
                    continue
                match operation.deed:
                    case Deed.SCHEDULE:
                        assert operation.meeting not in standing
                        standing.add(operation.meeting)
                    case Deed.RESCHEDULE | Deed.RETITLE:
                        assert operation.meeting in standing
                    case Deed.CANCEL:
                        standing.remove(operation.meeting)
                    case _:
                        assert operation.guest is not None


def test_everything_lies_within_the_time_of_the_soak() -> None:
    plan = plan_of(7, 60)
    assert all(0 <= operation.at_s < 60 for operation in plan.operations)
    assert all(0 < fault.at_s < 60 for fault in plan.faults)
    assert [fault.at_s for fault in plan.faults] == sorted(fault.at_s for fault in plan.faults)


def test_a_long_soak_meets_every_kind_of_mischief() -> None:
    met = {fault.mischief for seed in range(8) for fault in plan_of(seed, 600).faults}
    assert met == set(Mischief)
