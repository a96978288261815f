"""What counts after a restore, and what staff decide by the mail server's log: without a container."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.drill.restored import BEHIND, decided_by_log, evidence_after
from tests.faults.audit.history import MEETING_SCHEDULED
from tests.faults.audit.records import Attempt, Delivery, Evidence, Link, Person, SourceEvent, TakenMail

CUT = datetime(2027, 3, 1, 12, tzinfo=UTC)
RESTORED = CUT + timedelta(hours=1)
ANNA, MAIL = UUID(int=1), UUID(int=2)
EARLY, NEAR, FORGOTTEN, LATER = (UUID(int=number) for number in range(11, 15))


def event(subject: UUID, time: datetime) -> SourceEvent:
    return SourceEvent(UUID(int=subject.int + 100), MEETING_SCHEDULED, subject, 1, time, 7, {"revision": 0})


def mail(meeting: UUID, state: int = 0) -> TakenMail:
    link = Link("invitation", meeting, ANNA, state)
    return TakenMail(3, MAIL, "invitation", "anna@example.org", meeting, state, links=(link,))


BEFORE = Evidence(
    events=[event(EARLY, CUT - timedelta(minutes=1)), event(NEAR, CUT), event(FORGOTTEN, CUT + timedelta(minutes=1))],
    people={ANNA: Person(addresses=frozenset({"old@example.org"}), entered_by_others=True)},
    deliveries=(),
    mails=(),
    attempts=(),
    taken=(),
)
NOW = replace(
    BEFORE,
    events=[event(LATER, RESTORED + timedelta(minutes=1))],
    people={ANNA: Person(addresses=frozenset({"anna@example.org"}))},
    attempts=[Attempt(UUID(int=9), MAIL, "accepted", started_at=CUT - timedelta(seconds=30))],
)


def test_what_is_forgotten_or_too_near_to_the_cut_is_not_asked_about() -> None:
    found = evidence_after(BEFORE, NOW, [], CUT, RESTORED)
    assert {item.subject for item in found.events} == {EARLY, NEAR, LATER}
    assert found.subjects == {EARLY, LATER, ANNA}
    assert [item.offset for item in found.events if item.subject == LATER] == [7 + BEHIND], "behind all that was before"
    assert found.people[ANNA].entered_by_others
    assert found.people[ANNA].addresses == {"old@example.org", "anna@example.org"}


def test_a_mail_counts_if_the_restored_ledger_had_tried_it() -> None:
    taken = [mail(EARLY), replace(mail(EARLY), mail_id=UUID(int=99))]
    assert evidence_after(BEFORE, NOW, taken, CUT, RESTORED).taken == taken[:1]
    tried_later = replace(NOW, attempts=[replace(NOW.attempts[0], started_at=RESTORED + timedelta(minutes=2))])
    assert evidence_after(BEFORE, tried_later, taken, CUT, RESTORED).taken == []


def test_what_the_log_shows_is_cancelled_and_all_else_released() -> None:
    held = Delivery(UUID(int=5), UUID(int=EARLY.int + 100), ANNA, EARLY, "held", "from-before-the-restore", None, RESTORED)
    assert decided_by_log([held], BEFORE.events, [mail(EARLY)]).cancelled == {held.id}
    assert decided_by_log([held], BEFORE.events, [mail(LATER)]).released == {held.id}
    newer = replace(BEFORE.events[0], payload={"revision": 2})
    assert decided_by_log([held], [newer], [mail(EARLY, state=1)]).released == {held.id}, "told of an older state alone"
    introduction = replace(held, subject_id=ANNA)
    assert decided_by_log([introduction], BEFORE.events, [mail(EARLY)]).released == {held.id}
