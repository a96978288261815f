"""The table of states: what may follow what, also when outcomes come late, twice or out of order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emon_contracts.refusals import Refusal
from emon_notifications.deliveries.rules import (
    FINAL,
    OPEN,
    TRANSITIONS,
    Cause,
    Kind,
    Status,
    Undelivered,
    refusal_of,
    retry,
    sources,
    target,
)

NOW = datetime(2027, 3, 1, tzinfo=UTC)
TRIED_FOR = timedelta(days=5)

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


def test_final_states_are_final_but_for_staff_who_try_again_what_did_not_arrive() -> None:
    leaving = {cause: FINAL & set(transitions) for cause, transitions in TRANSITIONS.items() if FINAL & set(transitions)}
    assert leaving == {Cause.STAFF_RETRIED: {Status.BOUNCED, Status.SUPPRESSED}}
    assert {Status.ACCEPTED, Status.BOUNCED, Status.SUPPRESSED, Status.SUPERSEDED, Status.SKIPPED, Status.EXPIRED} < FINAL
    assert {Status.ERASED, Status.CANCELLED, Status.BY_HAND} < FINAL


def test_every_state_but_the_first_ones_can_be_reached_and_every_open_one_left() -> None:
    reached = {status for transitions in TRANSITIONS.values() for status in transitions.values()}
    assert set(Status) - reached == {Status.WAITING}
    left = {status for transitions in TRANSITIONS.values() for status in transitions}
    assert left == OPEN | {Status.SENDING, Status.UNCERTAIN, Status.BOUNCED, Status.SUPPRESSED}


def test_what_is_on_its_way_cannot_be_called_back() -> None:
    for cause in (
        Cause.NEWER_WAS_PLANNED,
        Cause.TIME_RAN_OUT,
        Cause.PERSON_WAS_ERASED,
        Cause.STAFF_CANCELLED,
        Cause.STAFF_RELEASED,
        Cause.STAFF_RETRIED,
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
        ([Cause.WAS_REFUSED, Cause.STAFF_RETRIED, Cause.ATTEMPT_BEGAN, Cause.WAS_ACCEPTED], Status.ACCEPTED),
        ([Cause.WAS_REFUSED, Cause.STAFF_RETRIED, Cause.WAS_REFUSED], Status.QUEUED),
        ([Cause.WAS_REFUSED, Cause.STAFF_RETRIED, Cause.STAFF_RETRIED], Status.QUEUED),
        ([Cause.WAS_ACCEPTED, Cause.STAFF_RETRIED], Status.ACCEPTED),
        ([Cause.GOT_NO_REPLY, Cause.STAFF_RETRIED], Status.UNCERTAIN),
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
    retriable = {status for status in Status if refusal_of(Cause.STAFF_RETRIED, status) is None}
    assert retriable == {Status.BOUNCED, Status.SUPPRESSED}


def undelivered(kind: Kind = Kind.INVITATION, **changes: Any) -> Undelivered:
    """Refused three weeks ago; the meeting is in six."""
    facts: dict[str, Any] = {
        "expires_at": NOW - timedelta(days=16),
        "meeting_starts_at": NOW + timedelta(weeks=6),
        "has_address": True,
        "address_is_suppressed": False,
    }
    return Undelivered(kind, **{**facts, **changes})


@pytest.mark.parametrize(
    ("delivery", "until"),
    [
        (undelivered(), NOW + TRIED_FOR),
        (undelivered(meeting_starts_at=NOW + timedelta(days=1)), NOW + timedelta(days=1)),
        (undelivered(Kind.FEEDBACK_ANSWERED, meeting_starts_at=None), NOW + TRIED_FOR),
        (undelivered(Kind.SIGN_IN, meeting_starts_at=None, expires_at=NOW + timedelta(minutes=9)), NOW + timedelta(minutes=9)),
    ],
)
def test_what_did_not_arrive_is_tried_again_until_what_it_tells_is_over(delivery: Undelivered, until: datetime) -> None:
    assert retry(delivery, NOW, TRIED_FOR) == until


@pytest.mark.parametrize(
    ("delivery", "code"),
    [
        (undelivered(has_address=False), "no-address"),
        (undelivered(address_is_suppressed=True), "address-still-refused"),
        (undelivered(meeting_starts_at=NOW), "delivery-too-late"),
        (undelivered(Kind.SIGN_IN, meeting_starts_at=None), "delivery-too-late"),
    ],
)
def test_what_cannot_arrive_is_not_tried_again(delivery: Undelivered, code: str) -> None:
    refusal = retry(delivery, NOW, TRIED_FOR)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.conflict) == (code, True)
