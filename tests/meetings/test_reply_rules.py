"""What may be replied to an invitation, without any I/O."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from hypothesis import given, strategies as st

from emon_contracts.events.meetings import Reply
from emon_contracts.refusals import Refusal
from emon_meetings.invitations import rules
from emon_meetings.invitations.rules import Answered, GivenReply
from emon_meetings.meetings import rules as meeting_rules
from emon_meetings.meetings.rules import Changed, Changes

from tests.meetings.test_rules import MEETING, NOW

GUEST, STAFF = uuid4(), uuid4()
MOVED = replace(MEETING, place="Gemeindehaus", revision=1)

replies = st.sampled_from(Reply)


def code(outcome: Answered | Refusal) -> str | None:
    return outcome.code if isinstance(outcome, Refusal) else None


@given(replies, replies, st.sampled_from([None, 1]), st.sampled_from([0, 1]))
def test_a_reply_is_new_unless_the_same_was_said_to_the_same_time_and_place(
    before: Reply, wanted: Reply, seen: int | None, revision_before: int
) -> None:
    earlier = GivenReply(before, revision_before, GUEST)
    outcome = rules.reply(MOVED, earlier, 3, wanted, STAFF, seen, NOW)
    same = before is wanted and revision_before == MOVED.revision
    assert outcome == (
        Answered(earlier, 3, changed=False) if same else Answered(GivenReply(wanted, MOVED.revision, STAFF), 4, changed=True)
    )


@given(replies, st.integers(0, 5))
def test_a_reply_to_another_time_than_stands_now_is_refused(wanted: Reply, seen: int) -> None:
    outcome = rules.reply(MOVED, None, 1, wanted, GUEST, seen, NOW)
    assert code(outcome) == (None if seen == MOVED.revision else "meeting-changed")


def test_a_new_time_or_place_asks_again_and_a_new_title_does_not() -> None:
    given = GivenReply(Reply.ACCEPTED, MEETING.revision, GUEST)
    retitled = meeting_rules.change(MEETING, Changes(title="Austausch"), NOW)
    moved = meeting_rules.change(MEETING, Changes(place="Gemeindehaus"), NOW)
    assert isinstance(retitled, Changed)
    assert isinstance(moved, Changed)
    assert (rules.reply_to(retitled.meeting, given), rules.earlier_reply_to(retitled.meeting, given)) == (Reply.ACCEPTED, None)
    assert (rules.reply_to(moved.meeting, given), rules.earlier_reply_to(moved.meeting, given)) == (None, Reply.ACCEPTED)
    assert (rules.reply_to(MEETING, None), rules.earlier_reply_to(MEETING, None)) == (None, None)


def test_a_cancelled_meeting_keeps_the_replies_it_had_and_takes_no_more() -> None:
    given = GivenReply(Reply.ACCEPTED, MEETING.revision, GUEST)
    cancelled = meeting_rules.cancel(MEETING, None, NOW)
    assert isinstance(cancelled, Changed)
    assert rules.reply_to(cancelled.meeting, given) is Reply.ACCEPTED
    for seen in (None, MEETING.revision, cancelled.meeting.revision):
        assert code(rules.reply(cancelled.meeting, given, 2, Reply.DECLINED, GUEST, seen, NOW)) == "meeting-cancelled"


def test_a_meeting_that_has_started_takes_no_replies() -> None:
    before, at = MEETING.starts_at - timedelta(seconds=1), MEETING.starts_at
    assert code(rules.reply(MEETING, None, 1, Reply.ACCEPTED, GUEST, 0, before)) is None
    assert code(rules.reply(MEETING, None, 1, Reply.ACCEPTED, GUEST, 0, at)) == "meeting-started"
