"""The auditor's law of introductions on records written by hand: all is well, and each way in which it can be broken."""

from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import pytest

from tests.faults.audit.history import MEETING_SCHEDULED
from tests.faults.audit.records import Link
from tests.faults.audit_story import Story


@dataclass
class Newcomers(Story):
    """Two people whom others entered: one hears so within an invitation, the other by a mail that does nothing else."""

    guest: UUID = field(default_factory=uuid4)
    other: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.guest, self.other = self.entered(), self.entered()
        self.state(MEETING_SCHEDULED, 0)
        self.mailed(self.invited(self.guest), self.guest, "invitation", 0, introduces=True)
        self.introduced(self.other)

    def entered(self, **more: bool) -> UUID:
        return self.person(entered_by_others=True, **more)


@pytest.fixture
def story() -> Newcomers:
    return Newcomers()


def test_a_world_in_which_all_is_well_breaks_no_law(story: Newcomers) -> None:
    report = story.audit()
    assert report.violations == []
    assert (report.to_introduce, report.introducing) == (2, {"invitation": 1, "introduction": 1})
    assert report.states["introduction", "accepted"] == 1


def test_somebody_who_is_never_introduced_is_found(story: Newcomers) -> None:
    late = story.entered()
    assert story.laws_broken() == {"never-introduced"}
    story.people[late] = replace(story.people[late], was_erased=True)
    assert story.laws_broken() == set()


@pytest.mark.parametrize(
    ("status", "reason", "more"),
    [("by_hand", "no-address", {"was_without_address": True}), ("bounced", "rcpt-554", {}), ("uncertain", "no-reply", {})],
)
def test_an_introduction_that_was_not_sent_is_justified_like_anything_else(
    story: Newcomers, status: str, reason: str, more: dict[str, bool]
) -> None:
    story.introduced(story.entered(**more), status, reason, arrives=False)
    assert story.laws_broken() == set()


@pytest.mark.parametrize(("status", "reason"), [("by_hand", "no-address"), ("skipped", "introduced-already")])
def test_an_introduction_that_was_kept_from_somebody_is_found(story: Newcomers, status: str, reason: str) -> None:
    story.introduced(story.entered(), status, reason)
    assert "not-justified" in story.laws_broken()


def test_who_was_introduced_meanwhile_gets_no_mail_of_their_own(story: Newcomers) -> None:
    story.introduced(story.guest, "skipped", "introduced-already")
    assert story.laws_broken() == set()


def test_a_second_introduction_is_found(story: Newcomers) -> None:
    story.introduced(story.guest)
    assert story.laws_broken() == {"introduced-twice"}


def test_a_second_introduction_that_may_have_arrived_is_found(story: Newcomers) -> None:
    story.introduced(story.guest, "uncertain", "no-reply", arrives=False)
    assert story.laws_broken() == {"introduced-twice"}


def test_an_introduction_that_is_owed_twice_is_found(story: Newcomers) -> None:
    story.introduced(story.other, "skipped", "introduced-already")
    assert story.laws_broken() == {"planned-twice"}


def test_who_entered_themselves_is_introduced_to_nobody(story: Newcomers) -> None:
    story.introduced(story.person())
    assert story.laws_broken() == {"introduced-for-nothing", "not-intended"}


def test_whatever_comes_before_the_introduction_is_found(story: Newcomers) -> None:
    late = story.entered()
    story.mailed(story.signs_in(late), late, "sign_in", None)
    story.introduced(late)
    assert story.laws_broken() == {"told-before-introduced"}


def test_what_is_in_doubt_may_have_introduced(story: Newcomers) -> None:
    late = story.entered()
    doubtful = story.introduced(late, "uncertain", "no-reply", arrives=False)
    story.mailed(story.signs_in(late), late, "sign_in", None)
    assert story.laws_broken() == set()
    [attempt] = [attempt for attempt in story.attempts if attempt.mail_id == doubtful.mail_id]
    story.attempts[story.attempts.index(attempt)] = replace(attempt, started_at=story.attempts[-1].started_at.replace(year=2028))
    assert story.laws_broken() == {"told-before-introduced"}, "the doubt came later"


def test_a_sign_in_mail_to_several_people_introduces_none_of_them(story: Newcomers) -> None:
    first, second = story.entered(), story.entered()
    story.people[second] = replace(story.people[first])
    sent = story.mailed(story.signs_in(first, second), first, "sign_in", None)
    story.deliveries.append(replace(sent, id=uuid4(), person_id=second))
    story.taken[-1] = replace(story.taken[-1], links=(*story.taken[-1].links, Link("sign_in", second, second, 0)))
    story.introduced(first)
    story.introduced(second)
    assert story.laws_broken() == set()


def test_a_mail_that_introduces_where_the_ledger_says_it_does_not_is_found(story: Newcomers) -> None:
    story.mails[0] = replace(story.mails[0], introduces=None)
    assert story.laws_broken() == {"mail-differs-from-ledger"}


def test_an_audit_keeps_to_the_people_it_is_asked_about(story: Newcomers) -> None:
    story.entered()
    assert story.laws_broken(subjects=frozenset({story.guest})) == set()
