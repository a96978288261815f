"""The table of states: what may follow what, also when outcomes come late, twice or out of order."""

import pytest

from emon_notifications.deliveries.rules import FINAL, OPEN, TRANSITIONS, Cause, Status, refusal_of, sources, target

LATE_OUTCOMES = (Cause.WAS_ACCEPTED, Cause.WAS_REFUSED, Cause.WAS_PUT_OFF, Cause.WAS_NOT_SENT)


def after(status: Status, *causes: Cause) -> Status:
    """Where a delivery stands after these causes; a cause that does not fit changes nothing, as in the database."""
    for cause in causes:
        status = TRANSITIONS[cause].get(status, status)
    return status


def test_every_cause_stands_in_the_table_and_leads_to_one_state() -> None:
    assert set(TRANSITIONS) == set(Cause)
    assert all(len(set(transitions.values())) == 1 for transitions in TRANSITIONS.values())
    assert all(target(cause) not in sources(cause) for cause in Cause)


def test_final_states_are_final() -> None:
    assert all(not FINAL & set(transitions) for transitions in TRANSITIONS.values())
    assert {Status.ACCEPTED, Status.BOUNCED, Status.SUPPRESSED, Status.SUPERSEDED, Status.SKIPPED, Status.EXPIRED} < FINAL
    assert {Status.ERASED, Status.CANCELLED, Status.BY_HAND} < FINAL


def test_every_state_but_the_first_ones_can_be_reached_and_every_open_one_left() -> None:
    reached = {status for transitions in TRANSITIONS.values() for status in transitions.values()}
    assert set(Status) - reached == {Status.WAITING}
    left = {status for transitions in TRANSITIONS.values() for status in transitions}
    assert left == OPEN | {Status.SENDING, Status.UNCERTAIN}


def test_what_is_on_its_way_cannot_be_called_back() -> None:
    for cause in (
        Cause.NEWER_WAS_PLANNED,
        Cause.TIME_RAN_OUT,
        Cause.PERSON_WAS_ERASED,
        Cause.STAFF_CANCELLED,
        Cause.STAFF_RELEASED,
    ):
        assert after(Status.SENDING, cause) is Status.SENDING


@pytest.mark.parametrize(
    ("causes", "expected"),
    [
        ([Cause.WAS_ACCEPTED, Cause.WAS_ACCEPTED], Status.ACCEPTED),
        ([Cause.WAS_ACCEPTED, Cause.MAILER_DIED], Status.ACCEPTED),
        ([Cause.WAS_ACCEPTED, Cause.WAS_REFUSED], Status.ACCEPTED),
        ([Cause.WAS_REFUSED, Cause.WAS_ACCEPTED], Status.BOUNCED),
        ([Cause.MAILER_DIED, Cause.WAS_ACCEPTED], Status.ACCEPTED),
        ([Cause.MAILER_DIED, Cause.WAS_REFUSED], Status.BOUNCED),
        ([Cause.MAILER_DIED, Cause.WAS_PUT_OFF], Status.DEFERRED),
        ([Cause.MAILER_DIED, Cause.WAS_NOT_SENT], Status.QUEUED),
        ([Cause.GOT_NO_REPLY, Cause.STAFF_RELEASED], Status.QUEUED),
        ([Cause.GOT_NO_REPLY, Cause.STAFF_RELEASED, Cause.WAS_ACCEPTED], Status.ACCEPTED),
        ([Cause.GOT_NO_REPLY, Cause.STAFF_RELEASED, Cause.WAS_REFUSED], Status.QUEUED),
        ([Cause.GOT_NO_REPLY, Cause.STAFF_CANCELLED, Cause.WAS_ACCEPTED], Status.CANCELLED),
        ([Cause.GOT_NO_REPLY, Cause.NEWER_WAS_PLANNED], Status.UNCERTAIN),
        ([Cause.GOT_NO_REPLY, Cause.TIME_RAN_OUT], Status.UNCERTAIN),
        ([Cause.MAILER_DIED_ON_SIGN_IN, Cause.WAS_ACCEPTED], Status.ACCEPTED),
        ([Cause.MAILER_DIED_ON_SIGN_IN, Cause.ATTEMPT_BEGAN, Cause.WAS_REFUSED], Status.BOUNCED),
        ([Cause.WAS_PUT_OFF, Cause.BECAME_DUE, Cause.ATTEMPT_BEGAN, Cause.WAS_ACCEPTED], Status.ACCEPTED),
        ([Cause.WAS_PUT_OFF, Cause.WAS_ACCEPTED], Status.DEFERRED),
        ([Cause.WAS_PUT_OFF, Cause.NEWER_WAS_PLANNED, Cause.BECAME_DUE], Status.SUPERSEDED),
        ([Cause.WAS_NOT_SENT, Cause.ATTEMPT_BEGAN], Status.SENDING),
    ],
)
def test_outcomes_in_odd_orders(causes: list[Cause], expected: Status) -> None:
    assert after(Status.SENDING, *causes) is expected


def test_staff_release_and_cancel_only_what_can_be() -> None:
    releasable = {status for status in Status if refusal_of(Cause.STAFF_RELEASED, status) is None}
    assert releasable == {Status.UNCERTAIN, Status.HELD}
    cancellable = {status for status in Status if refusal_of(Cause.STAFF_CANCELLED, status) is None}
    assert cancellable == OPEN | {Status.UNCERTAIN}
    refusal = refusal_of(Cause.STAFF_RELEASED, Status.ACCEPTED)
    assert refusal is not None
    assert refusal.conflict
