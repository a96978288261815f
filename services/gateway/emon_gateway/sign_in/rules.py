"""When a link signs in, when a session lives, and what becomes of a request for a link."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from emon_contracts.actors import Actor, Grant
from emon_contracts.directory import MembershipRecord, effective_grants
from emon_contracts.refusals import Refusal
from emon_contracts.values import Locale

LINK_VALID_FOR = timedelta(minutes=30)
# Somebody who was entered a moment ago may not have come through Kafka yet. A mailbox of which only the first of two people is
# known here would get one link instead of two, so that nobody is looked up at once.
LOOK_UP_AFTER = timedelta(milliseconds=500)
UNKNOWN_LOOKED_UP_FOR = timedelta(seconds=10)
LOOK_AGAIN_AFTER = timedelta(milliseconds=250)
# So that a request in a busy session does not write a row each time.
USE_NOTED_EVERY = timedelta(minutes=1)


class LinkState(StrEnum):
    """What a sign-in link is worth."""

    VALID = "link-valid"
    USED = "link-used"
    EXPIRED = "link-expired"
    INVALID = "link-invalid"


_REFUSALS = {
    LinkState.USED: Refusal("link-used", "The link was used already; it signs in once. Ask for a new one.", "/token"),
    LinkState.EXPIRED: Refusal("link-expired", "The link has expired. Ask for a new one.", "/token"),
    LinkState.INVALID: Refusal(
        "link-invalid", "This is no sign-in link of ours. Copy the whole link, or ask for a new one.", "/token"
    ),
}


def refusal_of(state: LinkState) -> Refusal | None:
    """Why a link in this state signs nobody in; None if it does."""
    return _REFUSALS.get(state)


@dataclass(frozen=True, slots=True)
class Terms:
    """How long sessions last: `lifetime` from sign-in on, however busy; `idle` from the last use on."""

    lifetime: timedelta
    idle: timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """An open session, known by the hash of its token."""

    token_hash: bytes
    person_id: UUID
    opened_at: datetime
    used_at: datetime
    expires_at: datetime


def open_session(token_hash: bytes, person_id: UUID, now: datetime, terms: Terms) -> Session:
    """A session that begins now."""
    return Session(token_hash, person_id, now, now, now + terms.lifetime)


def is_live(session: Session, now: datetime, terms: Terms) -> bool:
    """Whether a session can still be used."""
    # Also when the lifetime was shortened since: the newer setting counts for open sessions too.
    ends = min(session.expires_at, session.opened_at + terms.lifetime, session.used_at + terms.idle)
    return now < ends


def is_use_to_be_noted(session: Session, now: datetime) -> bool:
    """Whether the last use on record is old enough to be replaced."""
    return now - session.used_at >= USE_NOTED_EVERY


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who calls: a person in a session, with what the directory says about them now."""

    session: Session
    display_name: str
    email: str | None
    locale: Locale
    memberships: tuple[MembershipRecord, ...]
    grants: tuple[Grant, ...]

    @property
    def effective_grants(self) -> tuple[Grant, ...]:
        """Everything they may act as."""
        return effective_grants(self.memberships, self.grants)

    @property
    def actor(self) -> Actor:
        """The caller as services know them."""
        return Actor(self.session.person_id, self.effective_grants)


class Outcome(StrEnum):
    """What becomes of a request for a sign-in link."""

    SEND = "send"
    LOOK_AGAIN = "look-again"
    DROP = "drop"


def outcome_of_request(requested_at: datetime, now: datetime, *, mailbox_is_known: bool) -> Outcome:
    """An unknown mailbox is looked up again for a while, and then forgotten without a word."""
    age = now - requested_at
    if age >= LINK_VALID_FOR:
        return Outcome.DROP
    if mailbox_is_known:
        return Outcome.SEND
    return Outcome.LOOK_AGAIN if age < UNKNOWN_LOOKED_UP_FOR else Outcome.DROP
