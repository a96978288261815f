"""The auditor's law on records written by hand: a world in which all is well, and each way in which it can be broken."""

import ast
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.faults.audit.history import INVITATION_REPLIED, MEETING_CANCELLED, MEETING_RESCHEDULED, MEETING_SCHEDULED
from tests.faults.audit.records import Committed, Decisions, Link, Promises
from tests.faults.audit_story import MEETING, NOW, Story

CANCELLATION_REVISION = 2


@pytest.fixture
def story() -> Story:
    """A meeting to which somebody is invited; they are told when it moves and when it is cancelled."""
    story = Story()
    guest = story.person()
    story.state(MEETING_SCHEDULED, 0)
    story.mailed(story.invited(guest), guest, "invitation", 0)
    story.mailed(story.state(MEETING_RESCHEDULED, 1), guest, "change", 1)
    story.mailed(story.state(MEETING_CANCELLED, CANCELLATION_REVISION), guest, "cancellation", CANCELLATION_REVISION)
    return story


@pytest.fixture
def invited(story: Story) -> Story:
    """The same, before anything changed."""
    return Story(story.events[:2], story.people, story.deliveries[:1], story.mails[:1], story.attempts[:1], story.taken[:1], 1)


def test_a_world_in_which_all_is_well_breaks_no_law(story: Story) -> None:
    report = story.audit()
    assert report.violations == []
    assert (report.intended, sum(report.taken.values()), report.count("accepted")) == (3, 3, 3)
    assert "@" not in str(report)


def test_an_event_that_was_sent_twice_by_the_relay_intends_nothing_new(story: Story) -> None:
    story.events.extend(replace(event, offset=event.offset + 100) for event in list(story.events))
    assert story.audit().violations == []


def test_what_was_published_anew_intends_nothing(story: Story) -> None:
    guest = story.deliveries[0].person_id
    story.invited(guest)
    story.events[-1] = replace(story.events[-1], replayed=True)
    assert story.audit().violations == []


def test_whoever_is_not_in_the_ledger_was_never_planned(story: Story) -> None:
    del story.deliveries[0], story.mails[0], story.attempts[0], story.taken[0]
    assert story.laws_broken() == {"never-planned"}


def test_a_delivery_that_nothing_intended_is_found(story: Story) -> None:
    stranger = story.person()
    story.mailed(story.events[1], stranger, "invitation", 0)
    assert story.laws_broken() == {"not-intended"}


def test_two_deliveries_of_one_event_to_one_person_are_found(invited: Story) -> None:
    invited.mailed(invited.events[1], invited.deliveries[0].person_id, "invitation", 0)
    assert invited.laws_broken() == {"planned-twice", "told-twice"}


def test_a_mail_that_is_said_to_be_accepted_and_never_arrived_is_found(invited: Story) -> None:
    invited.taken.clear()
    assert invited.laws_broken() == {"accepted-but-lost"}


@pytest.mark.parametrize("outcome", ["deferred", "bounced", "not_sent", None])
def test_a_mail_that_arrived_in_a_try_that_says_it_did_not_is_found(invited: Story, outcome: str | None) -> None:
    invited.attempts[0] = replace(invited.attempts[0], outcome=outcome)
    invited.deliveries[0] = replace(invited.deliveries[0], status="bounced", reason="content-554")
    assert "taken-but-not-known" in invited.laws_broken()


def test_a_mail_that_the_ledger_knows_nothing_of_is_found(invited: Story) -> None:
    invited.taken.append(replace(invited.taken[0], order=7, mail_id=uuid4(), sequence=9))
    assert invited.laws_broken() >= {"taken-but-not-known"}


def test_a_second_copy_is_found(invited: Story) -> None:
    invited.taken.append(replace(invited.taken[0], order=1))
    assert invited.laws_broken() == {"doubled"}


@pytest.mark.parametrize("copies", [0, 1])
def test_what_is_in_doubt_may_have_arrived_or_not(invited: Story, copies: int) -> None:
    invited.attempts[0] = replace(invited.attempts[0], outcome="uncertain")
    invited.deliveries[0] = replace(invited.deliveries[0], status="uncertain", reason="no-reply")
    del invited.taken[copies:]
    report = invited.audit()
    assert (report.violations, report.count("uncertain")) == ([], 1)


def test_what_is_in_doubt_never_arrives_twice(invited: Story) -> None:
    invited.attempts[0] = replace(invited.attempts[0], outcome="uncertain")
    invited.deliveries[0] = replace(invited.deliveries[0], status="uncertain", reason="no-reply")
    invited.taken.append(replace(invited.taken[0], order=1))
    assert invited.laws_broken() == {"doubled"}


def test_only_staff_send_again_what_is_in_doubt(invited: Story) -> None:
    invited.attempts.insert(0, replace(invited.attempts[0], id=uuid4(), outcome="uncertain"))
    assert invited.laws_broken() == {"tried-again-in-doubt"}
    assert invited.laws_broken(decisions=Decisions(released=frozenset({invited.deliveries[0].id}))) == set()


def test_a_sign_in_mail_is_sent_again_by_itself_and_may_hold_links_for_several(story: Story) -> None:
    first, second = story.person(), story.person()
    story.people[second] = story.people[first]
    request = story.signs_in(first, second)
    sent = story.mailed(request, first, "sign_in", None)
    story.deliveries.append(replace(sent, id=uuid4(), person_id=second))
    story.attempts.append(replace(story.attempts[-1], id=uuid4(), outcome="uncertain"))
    story.taken[-1] = replace(story.taken[-1], links=(*story.taken[-1].links, Link("sign_in", second, second, 0)))
    story.taken.append(replace(story.taken[-1], order=9))
    assert story.laws_broken() == set()
    story.taken.append(replace(story.taken[-1], order=10))
    assert story.laws_broken() == {"doubled"}


def test_two_people_never_share_a_mail_about_a_meeting(invited: Story) -> None:
    other = invited.person()
    invited.people[other] = invited.people[invited.deliveries[0].person_id]
    invited.deliveries.append(replace(invited.deliveries[0], id=uuid4(), event_id=invited.invited(other).id, person_id=other))
    assert invited.laws_broken() == {"one-mail-for-several", "links-of-somebody-else"}


def test_a_state_without_a_try_is_found(invited: Story) -> None:
    invited.attempts.clear()
    invited.taken.clear()
    invited.deliveries[0] = replace(invited.deliveries[0], status="uncertain", reason="no-reply")
    assert invited.laws_broken() == {"no-try"}


def unsent(story: Story, status: str, reason: str | None) -> set[str]:
    """The laws that the first delivery breaks when it ended like this, without a mail."""
    delivery = replace(story.deliveries[0], status=status, reason=reason, mail_id=None)
    rest = story.mails[1:], story.attempts[1:], story.taken[1:]
    return Story(story.events, story.people, [delivery, *story.deliveries[1:]], *rest).laws_broken()


@pytest.mark.parametrize("status", ["waiting", "queued", "sending", "deferred", "held"])
def test_a_delivery_that_rests_in_no_final_state_is_found(invited: Story, status: str) -> None:
    assert unsent(invited, status, "any") == {"unsettled"}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("superseded", "newer-planned"),
        ("skipped", "nothing-new"),
        ("skipped", "cancelled-before-invited"),
        ("skipped", "no-address"),
        ("bounced", "rcpt-550"),
        ("suppressed", "address-suppressed"),
        ("expired", "too-late"),
        ("erased", "person-erased"),
        ("cancelled", "cancelled-by-staff"),
        ("by_hand", "no-address"),
    ],
)
def test_a_final_state_that_nothing_justifies_is_found(invited: Story, status: str, reason: str) -> None:
    assert unsent(invited, status, reason) == {"not-justified"}
    assert unsent(invited, status, None) == {"no-reason"}


def test_something_newer_justifies_that_the_older_was_superseded(story: Story) -> None:
    assert unsent(story, "superseded", "newer-planned") == set()
    story.deliveries[2] = replace(story.deliveries[2], status="superseded", reason="newer-planned", mail_id=None)
    assert story.laws_broken() >= {"not-justified"}, "the newest is never superseded"


def test_who_knows_already_is_told_nothing(story: Story) -> None:
    guest = story.deliveries[0].person_id
    story.delivery(story.invited(guest), guest, "skipped", "nothing-new")
    assert story.laws_broken() == set()


def test_a_cancellation_is_kept_from_nobody_who_was_invited(story: Story) -> None:
    story.deliveries[2] = replace(story.deliveries[2], status="skipped", reason="cancelled-before-invited", mail_id=None)
    del story.mails[2], story.attempts[2], story.taken[2]
    assert story.laws_broken() == {"not-justified"}


def test_who_never_heard_of_a_cancelled_meeting_hears_nothing(story: Story) -> None:
    late = story.person()
    story.delivery(story.invited(late), late, "skipped", "cancelled-before-invited")
    assert story.laws_broken() == set()


def test_final_states_are_justified_by_what_happened(invited: Story) -> None:
    nobody, erased, shared, late = (
        invited.person(was_without_address=True),
        invited.person(was_erased=True),
        invited.person(),
        invited.person(),
    )
    invited.people[shared] = invited.people[invited.deliveries[0].person_id]
    invited.deliveries[0] = replace(invited.deliveries[0], status="bounced", reason="rcpt-550")
    invited.attempts[0] = replace(invited.attempts[0], outcome="bounced", code=550)
    invited.taken.clear()
    issued = invited.invited(nobody, erased, shared, late)
    invited.delivery(issued, nobody, "by_hand", "no-address")
    invited.delivery(issued, erased, "erased", "person-erased")
    invited.delivery(issued, shared, "suppressed", "address-suppressed")
    expired = invited.delivery(issued, late, "expired", "too-late")
    invited.deliveries[-1] = replace(expired, updated_at=NOW + timedelta(days=30))
    assert invited.laws_broken() == set()


def test_staff_may_cancel(invited: Story) -> None:
    delivery = replace(invited.deliveries[0], status="cancelled", reason="cancelled-by-staff", mail_id=None)
    silent = Story(invited.events, invited.people, [delivery])
    assert silent.laws_broken(decisions=Decisions(cancelled=frozenset({delivery.id}))) == set()


def test_a_mail_to_somebody_elses_address_is_found(invited: Story) -> None:
    invited.taken[0] = replace(invited.taken[0], address="somebody@example.org")
    assert invited.laws_broken() == {"wrong-address"}


def test_a_mail_that_says_something_else_than_the_ledger_is_found(invited: Story) -> None:
    invited.taken[0] = replace(invited.taken[0], kind="change")
    assert invited.laws_broken() == {"mail-differs-from-ledger"}


def test_a_mail_about_a_state_that_never_was_is_found(invited: Story) -> None:
    invited.taken[0] = replace(invited.taken[0], sequence=5)
    invited.mails[0] = replace(invited.mails[0], revision=5)
    assert invited.laws_broken() == {"state-that-never-was"}


def test_a_mail_older_than_its_event_is_found(story: Story) -> None:
    late = story.person()
    story.mailed(story.invited(late), late, "change", 1)
    assert "older-than-its-event" in story.laws_broken()


def test_an_older_state_after_a_newer_one_is_found(story: Story) -> None:
    first, second, third = story.taken
    story.taken = [replace(second, order=0), replace(first, order=1), third]
    assert story.laws_broken() == {"older-after-newer"}


def test_anything_after_the_cancellation_is_found(story: Story) -> None:
    first, second, third = story.taken
    story.taken = [first, replace(third, order=1), replace(second, order=2)]
    assert story.laws_broken() == {"after-the-cancellation"}


def test_what_was_committed_and_never_published_is_found(invited: Story) -> None:
    guest = invited.deliveries[0].person_id
    assert invited.laws_broken(committed=Committed({MEETING: 1}, invited=frozenset({(MEETING, guest)}))) == set()
    assert invited.laws_broken(committed=Committed({MEETING: 2})) == {"event-lost"}
    assert invited.laws_broken(committed=Committed(invited=frozenset({(MEETING, uuid4())}))) == {"event-lost"}


def test_what_the_api_confirmed_and_nobody_committed_is_found(invited: Story) -> None:
    assert invited.laws_broken(promises=Promises(meetings={MEETING: 1})) == set()
    assert invited.laws_broken(promises=Promises(meetings={MEETING: 2})) == {"promise-broken"}


def test_a_reply_that_was_promised_and_does_not_stand_is_found(invited: Story) -> None:
    guest, invitation = invited.deliveries[0].person_id, uuid4()
    said = {"meeting_id": str(MEETING), "person_id": str(guest)}
    invited.happens(INVITATION_REPLIED, subject=invitation, reply="declined", **said)
    invited.events[-1] = replace(invited.events[-1], sequence=2)
    declined = Promises(replies={(MEETING, guest): "declined"})
    assert invited.laws_broken(promises=declined, committed=Committed(replies={invitation: (2, "declined")})) == set()
    assert invited.laws_broken(promises=Promises(replies={(MEETING, guest): "accepted"})) == {"promise-broken"}
    assert invited.laws_broken(committed=Committed(replies={invitation: (3, "accepted")})) == {"event-lost"}
    invited.happens(INVITATION_REPLIED, subject=invitation, reply="accepted", **said)
    invited.events[-1] = replace(invited.events[-1], sequence=3)
    assert invited.laws_broken(promises=declined) == {"promise-broken"}


def test_an_erasure_that_was_promised_and_is_not_published_is_found(invited: Story) -> None:
    guest = invited.deliveries[0].person_id
    erased = {"promises": Promises(erased=frozenset({guest})), "committed": Committed(erased={guest: 2})}
    assert invited.laws_broken(**erased) == {"promise-broken", "event-lost"}
    invited.people[guest] = replace(invited.people[guest], was_erased=True, version=2)
    assert invited.laws_broken(**erased) == set()


def test_a_link_that_was_promised_and_never_made_is_found(story: Story) -> None:
    person = story.person()
    story.mailed(story.signs_in(person), person, "sign_in", None)
    assert story.laws_broken(promises=Promises(links={person: 1})) == set()
    assert story.laws_broken(promises=Promises(links={person: 2})) == {"promise-broken"}


def test_a_member_who_was_not_invited_is_found(invited: Story) -> None:
    assert invited.laws_broken(committed=Committed(due=frozenset({(MEETING, uuid4())}))) == {"not-invited"}


def test_somebody_whom_the_directory_does_not_know_as_they_are_is_found(invited: Story) -> None:
    guest = invited.deliveries[0].person_id
    invited.people[guest] = replace(invited.people[guest], version=3)
    assert invited.laws_broken(committed=Committed(people={guest: 3})) == set()
    assert invited.laws_broken(committed=Committed(people={guest: 4})) == {"event-lost"}


def test_a_mail_that_no_delivery_is_behind_is_found_unless_staff_released_it(invited: Story) -> None:
    [delivery] = invited.deliveries
    invited.attempts[0] = replace(invited.attempts[0], outcome="uncertain")
    invited.deliveries.clear()
    invited.mailed(invited.state(MEETING_RESCHEDULED, 1), delivery.person_id, "change", 1)
    invited.deliveries.append(replace(delivery, status="superseded", reason="newer-planned", mail_id=None))
    assert invited.laws_broken() == {"mail-of-no-delivery"}
    assert invited.laws_broken(decisions=Decisions(released=frozenset({delivery.id}))) == set()


def test_dead_letters_are_found(invited: Story) -> None:
    assert invited.laws_broken(dead_letters=1) == {"dead-letters"}


def test_an_audit_keeps_to_the_subjects_it_is_asked_about(invited: Story) -> None:
    invited.deliveries[0] = replace(invited.deliveries[0], status="queued")
    assert invited.laws_broken(subjects=frozenset({uuid4()})) == set()


def test_the_auditor_shares_no_code_with_the_platform() -> None:
    folder = Path(__file__).parent
    for file in (folder / "auditor.py", *(folder / "audit").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.startswith("emon_")], file.name
            assert not [name for name in names if name.startswith("tests.") and not name.startswith("tests.faults.audit")]
