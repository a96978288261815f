"""What is told, how long to pause, what a refusal means: rules without I/O."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from emon_notifications.deliveries.rules import Cause, Kind
from emon_notifications.mailing.rules import (
    GROUP_MAX,
    PAUSE_MAX,
    End,
    Meeting,
    Tell,
    Told,
    is_dead_address,
    next_group_size,
    pause_after,
    reply_to_keep,
    what_to_tell,
)

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


@pytest.mark.parametrize(
    ("meeting", "told", "expected"),
    [
        (Meeting(1, False, LATER), None, Tell(Kind.INVITATION, 1)),
        (Meeting(3, False, LATER), None, Tell(Kind.INVITATION, 3)),
        (Meeting(2, True, LATER), None, End(Cause.HAD_NOTHING_TO_TELL, "cancelled-before-invited")),
        (Meeting(1, False, NOW), None, End(Cause.TIME_RAN_OUT, "meeting-started")),
        (Meeting(1, False, LATER), Told(Kind.INVITATION, 1), End(Cause.HAD_NOTHING_TO_TELL, "nothing-new")),
        (Meeting(2, False, LATER), Told(Kind.INVITATION, 1), Tell(Kind.CHANGE, 2)),
        (Meeting(2, True, LATER), Told(Kind.INVITATION, 1), Tell(Kind.CANCELLATION, 2)),
        (Meeting(3, True, LATER), Told(Kind.CHANGE, 2), Tell(Kind.CANCELLATION, 3)),
        (Meeting(3, True, LATER), Told(Kind.CANCELLATION, 3), End(Cause.HAD_NOTHING_TO_TELL, "nothing-new")),
        (Meeting(2, True, NOW), Told(Kind.INVITATION, 1), End(Cause.TIME_RAN_OUT, "meeting-started")),
    ],
)
def test_what_is_told_follows_from_what_is_true_and_what_was_told(
    meeting: Meeting, told: Told | None, expected: Tell | End
) -> None:
    assert what_to_tell(meeting, told, NOW) == expected


def test_who_may_have_been_invited_before_a_restore_hears_of_the_cancellation() -> None:
    assert what_to_tell(Meeting(2, True, LATER), None, NOW, may_know=True) == Tell(Kind.CANCELLATION, 2)
    assert what_to_tell(Meeting(2, False, LATER), None, NOW, may_know=True) == Tell(Kind.INVITATION, 2)


@dataclass
class _Guest:
    """Somebody who is told again and again whatever there is to tell."""

    got: list[Tell]

    @property
    def told(self) -> Told | None:
        last = max(self.got, key=lambda tell: tell.revision or 0, default=None)
        return None if last is None or last.revision is None else Told(last.kind, last.revision)


@given(st.lists(st.sampled_from(["reschedule", "cancel", "look", "look_and_lose"]), max_size=30))
def test_never_an_older_state_after_a_newer_one_and_never_twice(history: list[str]) -> None:
    revision, cancelled, guest = 1, False, _Guest([])
    for step in history:
        if step == "reschedule" and not cancelled:
            revision += 1
        elif step == "cancel" and not cancelled:
            revision, cancelled = revision + 1, True
        elif step.startswith("look"):
            decision = what_to_tell(Meeting(revision, cancelled, LATER), guest.told, NOW)
            if isinstance(decision, Tell) and step == "look":
                assert decision.revision == revision
                assert (decision.kind is Kind.CANCELLATION) == cancelled
                assert (decision.kind is Kind.INVITATION) == (not guest.got)
                guest.got.append(decision)
    revisions = [tell.revision for tell in guest.got]
    assert revisions == sorted(set(revisions), key=lambda value: value or 0)
    assert all(tell.kind is not Kind.CANCELLATION for tell in guest.got[:-1])


@given(st.integers(1, 100), st.sampled_from([Kind.SIGN_IN, Kind.INVITATION]), st.floats(-1, 1))
def test_pauses_grow_with_jitter_and_are_bounded(tries: int, kind: Kind, jitter: float) -> None:
    pause = pause_after(tries, kind, jitter)
    assert timedelta(seconds=3) < pause <= PAUSE_MAX * 1.25
    assert pause_after(tries + 1, kind, 0) >= pause_after(tries, kind, 0)


def test_a_sign_in_mail_is_tried_again_within_seconds() -> None:
    assert pause_after(1, Kind.SIGN_IN, 0) == timedelta(seconds=5)
    assert pause_after(1, Kind.INVITATION, 0) == timedelta(minutes=1)


def test_groups_grow_while_the_mail_server_is_quick_and_shrink_when_it_is_slow() -> None:
    assert next_group_size(1, 0.001) == 2
    assert next_group_size(GROUP_MAX, 0.001) == GROUP_MAX
    assert next_group_size(8, 0.05) == 8
    assert next_group_size(8, 0.2) == 4
    assert next_group_size(1, 5) == 1


@pytest.mark.parametrize(
    ("code", "reply", "dead"),
    [
        (550, "5.1.1 no such user", True),
        (550, "no such user", True),
        (553, "5.1.3 bad address syntax", True),
        (550, "5.2.1 mailbox disabled", True),
        (550, "5.7.1 relaying denied", False),
        (552, "5.2.2 mailbox full", False),
        (554, "transaction failed", False),
        (552, "too much mail data", False),
    ],
)
def test_an_address_is_suppressed_only_when_it_is_the_address_that_is_bad(code: int, reply: str, dead: bool) -> None:
    assert is_dead_address(code, reply) is dead


def test_a_reply_is_kept_without_the_address_it_quotes() -> None:
    kept = reply_to_keep("5.1.1 <Kim.Muster@Example.org>: user kim.muster unknown\r\nsee\tlog", "kim.muster@example.org")
    assert kept == "5.1.1 <[recipient]>: user [recipient] unknown  see log"
    assert len(reply_to_keep("x" * 5000, "a@example.org")) == 300
