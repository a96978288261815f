"""The auditor's law of feedback on records written by hand: all is well, and each way in which it can be broken."""

from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import pytest

from tests.faults.audit.history import (
    FEEDBACK_ACKNOWLEDGED,
    FEEDBACK_ANSWERED,
    FEEDBACK_CONTINUED,
    FEEDBACK_OVERDUE,
    FEEDBACK_SUBMITTED,
)
from tests.faults.audit.records import Committed, Delivery, Promises, Written
from tests.faults.audit_story import FEEDBACK, Story


@dataclass
class Feedback(Story):
    """Somebody wrote; one was asked in vain and is reminded beside another, who acknowledges; the author writes back."""

    author: UUID = field(default_factory=uuid4)
    first: UUID = field(default_factory=uuid4)
    second: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.author, self.first, self.second = (self.person() for _ in range(3))
        submitted = self.feedback(FEEDBACK_SUBMITTED, asked=(self.first,))
        self.mailed(submitted, self.first, "feedback_asked", 1)
        overdue = self.feedback(FEEDBACK_OVERDUE, asked=(self.first, self.second), asked_in_vain=(self.first,))
        self.mailed(overdue, self.first, "feedback_reminder", 2)
        self.mailed(overdue, self.second, "feedback_escalation", 2)
        self.mailed(self.feedback(FEEDBACK_ACKNOWLEDGED, author_id=self.author), self.author, "feedback_acknowledged", 3)
        self.mailed(self.feedback(FEEDBACK_CONTINUED, asked=(self.second,)), self.second, "feedback_continued", 4)
        self.mailed(self.feedback(FEEDBACK_ANSWERED, author_id=self.author), self.author, "feedback_answered", 5)

    def unsent(self, place: int, status: str, reason: str) -> Delivery:
        """The delivery at this place of the story ended like this, without a mail."""
        mail_id = self.deliveries[place].mail_id
        self.mails = [mail for mail in self.mails if mail.id != mail_id]
        self.attempts = [attempt for attempt in self.attempts if attempt.mail_id != mail_id]
        self.taken = [mail for mail in self.taken if mail.mail_id != mail_id]
        self.deliveries[place] = replace(self.deliveries[place], status=status, reason=reason, mail_id=None)
        return self.deliveries[place]

    def says(self, place: int, kind: str, version: int) -> None:
        """The mail at this place says something else, and the ledger knows."""
        self.mails[place] = replace(self.mails[place], kind=kind, revision=version)
        links = tuple(replace(link, revision=version) for link in self.taken[place].links)
        self.taken[place] = replace(self.taken[place], kind=kind, links=links)


@pytest.fixture
def story() -> Feedback:
    return Feedback()


def test_a_world_in_which_all_is_well_breaks_no_law(story: Feedback) -> None:
    committed = Committed({FEEDBACK: 5}, asked=frozenset({(FEEDBACK, story.second)}))
    happened = {FEEDBACK: {FEEDBACK_SUBMITTED: 1, FEEDBACK_CONTINUED: 1}}
    promises = Promises(feedback=happened, written={FEEDBACK: Written(story.author, uuid4())})
    report = story.audit(committed=committed, promises=promises)
    assert report.violations == []
    assert (report.intended, report.count("accepted")) == (6, 6)
    assert {kind for kind, _ in report.states} == {
        *("feedback_asked", "feedback_reminder", "feedback_escalation"),
        *("feedback_acknowledged", "feedback_continued", "feedback_answered"),
    }


@pytest.mark.parametrize("place", range(6))
def test_everybody_who_is_asked_and_the_author_hears_of_each_event(story: Feedback, place: int) -> None:
    story.unsent(place, "queued", "any")
    del story.deliveries[place]
    assert story.laws_broken() == {"never-planned"}


def test_nobody_else_hears_of_it(story: Feedback) -> None:
    stranger = story.person()
    story.mailed(story.events[0], stranger, "feedback_asked", 1)
    assert story.laws_broken() == {"not-intended", "says-what-is-not-so"}


def test_an_author_without_a_name_hears_nothing(story: Feedback) -> None:
    story.events[2:] = [replace(event, payload={**event.payload, "author_id": None}) for event in story.events[2:]]
    assert story.laws_broken() == {"not-intended", "says-what-is-not-so"}


def test_a_request_that_was_left_out_is_found(story: Feedback) -> None:
    """Who was asked once more and never heard so is not only told that the author wrote back."""
    story.feedback(FEEDBACK_OVERDUE, asked=(story.second,), asked_in_vain=(story.second,))
    story.mailed(story.feedback(FEEDBACK_CONTINUED, asked=(story.second,)), story.second, "feedback_continued", 7)
    story.delivery(story.events[-2], story.second, "superseded", "newer-planned")
    assert story.laws_broken() == {"request-left-out"}
    story.says(-1, "feedback_reminder", 7)
    assert story.laws_broken() == set()


def test_who_has_heard_of_the_request_is_told_that_the_author_wrote_back(story: Feedback) -> None:
    overdue = story.feedback(FEEDBACK_OVERDUE, asked=(story.second,), asked_in_vain=(story.second,))
    story.mailed(overdue, story.second, "feedback_reminder", 6, "uncertain", arrives=False)
    story.mailed(story.feedback(FEEDBACK_CONTINUED, asked=(story.second,)), story.second, "feedback_continued", 7)
    assert story.laws_broken() == set()


@pytest.mark.parametrize(
    ("place", "kind", "version"),
    [
        (0, "feedback_escalation", 1),
        (0, "feedback_reminder", 1),
        (2, "feedback_escalation", 3),  # it was acknowledged by then
        (3, "feedback_answered", 3),
        (4, "feedback_asked", 4),
    ],
)
def test_a_mail_that_says_what_is_not_so_is_found(story: Feedback, place: int, kind: str, version: int) -> None:
    story.says(place, kind, version)
    assert "says-what-is-not-so" in story.laws_broken()


def test_a_mail_about_a_version_that_never_was_is_found(story: Feedback) -> None:
    story.says(5, "feedback_answered", 6)
    assert story.laws_broken() == {"state-that-never-was"}


def test_a_mail_older_than_its_event_is_found(story: Feedback) -> None:
    story.says(4, "feedback_escalation", 2)
    assert story.laws_broken() == {"older-than-its-event", "told-twice"}


def test_an_older_version_after_a_newer_one_is_found(story: Feedback) -> None:
    story.taken[3], story.taken[5] = replace(story.taken[3], order=5), replace(story.taken[5], order=3)
    assert story.laws_broken() == {"older-after-newer"}


def test_the_link_in_a_mail_leads_its_reader_to_what_the_ledger_says(story: Feedback) -> None:
    story.taken[0] = replace(story.taken[0], links=tuple(replace(link, person_id=story.second) for link in story.taken[0].links))
    assert "links-of-somebody-else" in story.laws_broken()
    story.taken[0] = replace(story.taken[0], links=())
    assert story.laws_broken() >= {"mail-differs-from-ledger"}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_who_need_not_act_any_more_is_not_asked(story: Feedback, place: int) -> None:
    story.unsent(place, "skipped", "nothing-new")
    assert story.laws_broken() == set()


@pytest.mark.parametrize("place", [4, 5])
def test_news_are_kept_from_nobody_who_does_not_know_them(story: Feedback, place: int) -> None:
    story.unsent(place, "skipped", "nothing-new")
    assert story.laws_broken() == {"not-justified"}


def test_who_knows_already_is_told_nothing(story: Feedback) -> None:
    story.unsent(3, "skipped", "nothing-new")
    assert story.laws_broken() == set(), "the answer says that it was acknowledged"


def test_whom_it_is_about_hears_nothing_nor_does_their_mailbox(story: Feedback) -> None:
    assert story.laws_broken(promises=Promises(written={FEEDBACK: Written(story.author, story.first)})) == {
        "told-whom-it-is-about"
    }
    spouse = uuid4()
    story.people[spouse] = story.people[story.second]
    assert story.laws_broken(promises=Promises(written={FEEDBACK: Written(story.author, spouse)})) == {"told-whom-it-is-about"}


def test_who_gave_no_name_is_not_named_and_who_did_is_until_they_are_erased(story: Feedback) -> None:
    assert story.laws_broken(promises=Promises(written={FEEDBACK: Written(None)})) == {"wrong-author"}
    story.feedback(FEEDBACK_ANSWERED, author_id=None)
    named = Promises(written={FEEDBACK: Written(story.author)})
    assert story.laws_broken(promises=named) == {"wrong-author"}
    story.people[story.author] = replace(story.people[story.author], was_erased=True)
    assert story.laws_broken(promises=named) == set()


def test_what_was_committed_or_confirmed_and_never_published_is_found(story: Feedback) -> None:
    assert story.laws_broken(committed=Committed({FEEDBACK: 6})) == {"event-lost"}
    assert story.laws_broken(committed=Committed(asked=frozenset({(FEEDBACK, uuid4())}))) == {"not-asked"}
    assert story.laws_broken(promises=Promises(feedback={FEEDBACK: {FEEDBACK_CONTINUED: 2}})) == {"promise-broken"}
