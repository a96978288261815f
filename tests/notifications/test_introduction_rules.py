"""Whoever was entered by others is told so once, and before anything else: the law, in any order of what can happen."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, strategies as st

from emon_notifications.introductions.rules import Manner, Standing, manner_of, standing_after


@pytest.mark.parametrize(
    ("outcomes", "standing"),
    [
        ([], Standing.NEW),
        ([None], Standing.BEING_INTRODUCED),
        (["accepted"], Standing.INTRODUCED),
        (["uncertain"], Standing.INTRODUCED),
        (["deferred"], Standing.NEW),
        (["bounced"], Standing.NEW),
        (["not_sent", None], Standing.BEING_INTRODUCED),
        (["uncertain", None], Standing.INTRODUCED),
        (["uncertain", "deferred"], Standing.INTRODUCED),
        (["deferred", "deferred", "accepted"], Standing.INTRODUCED),
    ],
)
def test_what_may_have_arrived_counts_as_arrived(outcomes: list[str | None], standing: Standing) -> None:
    assert standing_after(outcomes) is standing


def test_a_sign_in_mail_to_several_people_neither_introduces_nor_waits() -> None:
    for standing in Standing:
        assert manner_of(standing, readers=2, repeats_introduction=False) is Manner.PLAIN


def test_what_goes_to_an_address_that_is_not_theirs_introduces_nobody() -> None:
    for standing in Standing:
        assert manner_of(standing, readers=1, repeats_introduction=False, goes_elsewhere=True) is Manner.PLAIN


def test_the_mail_that_may_have_introduced_is_repeated_word_for_word() -> None:
    assert manner_of(Standing.INTRODUCED, readers=1, repeats_introduction=True) is Manner.INTRODUCING
    assert manner_of(Standing.INTRODUCED, readers=1, repeats_introduction=False) is Manner.PLAIN


@dataclass
class _Mail:
    """One mail to the person, and its tries; None: under way."""

    introduces: bool
    outcomes: list[str | None] = field(default_factory=list[str | None])

    @property
    def may_have_arrived(self) -> bool:
        return bool({"accepted", "uncertain"} & set(self.outcomes))


@dataclass
class _Ledger:
    """One newcomer, to whom several deliveries are due at any time, each with the mail of its last try."""

    mails: dict[int, _Mail] = field(default_factory=dict[int, _Mail])
    introducing: _Mail | None = None  # what newcomers.mail_id holds
    told: list[_Mail] = field(default_factory=list[_Mail])

    def standing(self) -> Standing:
        return Standing.NEW if self.introducing is None else standing_after(self.introducing.outcomes)

    def take(self, delivery: int) -> None:
        """A mailer takes a delivery that is queued."""
        earlier = self.mails.get(delivery)
        if earlier is not None and (None in earlier.outcomes or "accepted" in earlier.outcomes):
            return
        repeats = earlier is not None and earlier.introduces and "uncertain" in earlier.outcomes
        manner = manner_of(self.standing(), readers=1, repeats_introduction=repeats)
        if manner is Manner.NOT_YET:
            return
        introduces = manner is Manner.INTRODUCING
        mail = earlier if earlier is not None and earlier.introduces is introduces else _Mail(introduces)
        if not introduces:
            others = [other for other in self.told if other.introduces]
            assert any(other.may_have_arrived for other in others), "another notice goes before the introduction"
        mail.outcomes.append(None)
        self.mails[delivery] = mail
        if mail not in self.told:
            self.told.append(mail)
        if introduces and self.standing() is Standing.NEW:
            self.introducing = mail
        elif introduces:
            assert self.introducing is mail

    def finish(self, delivery: int, outcome: str) -> None:
        """A try ends; or one that was given up as uncertain ends otherwise after all."""
        mail = self.mails.get(delivery)
        open_tries = [] if mail is None else [at for at, was in enumerate(mail.outcomes) if was in (None, "uncertain")]
        if mail is None or not open_tries:
            return
        mail.outcomes[open_tries[0]] = outcome
        if self.introducing is not None and self.standing() is Standing.NEW:
            self.introducing = None


_STEPS = st.tuples(st.integers(0, 3), st.sampled_from(["take", "accepted", "uncertain", "deferred", "bounced", "not_sent"]))


@given(st.lists(_STEPS, max_size=40))
def test_any_order_of_outcomes_introduces_once_and_before_anything_else(steps: list[tuple[int, str]]) -> None:
    ledger = _Ledger()
    for delivery, step in steps:
        if step == "take":
            ledger.take(delivery)
        else:
            ledger.finish(delivery, step)
        arrived = [mail for mail in ledger.told if mail.introduces and mail.may_have_arrived]
        under_way = [mail for mail in ledger.told if mail.introduces and None in mail.outcomes]
        assert len(arrived) <= 1
        assert len({id(mail) for mail in arrived + under_way}) <= 1
