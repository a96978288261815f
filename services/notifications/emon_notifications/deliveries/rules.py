"""The states of a delivery, and everything that leads from one to another, in one table.

Every query that changes a status takes its `from` and its `to` from TRANSITIONS, so that what does not stand here cannot happen:
an outcome that comes late, twice or out of order finds no row to change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from emon_contracts.refusals import Refusal


class Kind(StrEnum):
    """What a delivery is about, and what a mail says."""

    SIGN_IN = "sign_in"
    INVITATION = "invitation"
    CHANGE = "change"
    CANCELLATION = "cancellation"
    FEEDBACK_ASKED = "feedback_asked"
    FEEDBACK_REMINDER = "feedback_reminder"
    FEEDBACK_ESCALATION = "feedback_escalation"
    FEEDBACK_CONTINUED = "feedback_continued"
    FEEDBACK_ACKNOWLEDGED = "feedback_acknowledged"
    FEEDBACK_PUT_OFF = "feedback_put_off"
    FEEDBACK_ANSWERED = "feedback_answered"
    INTRODUCTION = "introduction"
    ADDRESS_CONFIRMATION = "address_confirmation"
    ADDRESS_CHANGED = "address_changed"


class Status(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"  # for the directory to know the person, or for the meeting
    QUEUED = "queued"
    SENDING = "sending"  # recorded before the mail server is told of it
    DEFERRED = "deferred"  # the mail server said: later
    HELD = "held"  # until staff release it
    UNCERTAIN = "uncertain"  # it may have arrived: no reply came (RFC 1047); until staff decide

    ACCEPTED = "accepted"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"  # an earlier mail to this address was refused for good
    SUPERSEDED = "superseded"  # something newer about the same subject is on its way
    SKIPPED = "skipped"  # there was nothing to tell
    EXPIRED = "expired"
    ERASED = "erased"
    CANCELLED = "cancelled"  # by staff
    BY_HAND = "by_hand"  # the person has no address: to be phoned or printed


OPEN = frozenset({Status.WAITING, Status.QUEUED, Status.DEFERRED, Status.HELD})
"""Nothing is on its way, and something still may be."""

FINAL = frozenset(Status) - OPEN - {Status.SENDING, Status.UNCERTAIN}
"""Nothing leads on by itself. From two of these staff do: see Cause.STAFF_RETRIED."""


class Cause(StrEnum):
    """What happens to a delivery."""

    BECAME_DELIVERABLE = "became_deliverable"  # person and meeting are known now
    BECAME_DELIVERABLE_ON_RELEASE = "became_deliverable_on_release"  # the same, for an event from before a restore
    NEWER_WAS_PLANNED = "newer_was_planned"
    WAS_SUPPRESSED = "was_suppressed"
    HAD_NOTHING_TO_TELL = "had_nothing_to_tell"
    TIME_RAN_OUT = "time_ran_out"
    PERSON_WAS_ERASED = "person_was_erased"
    HAD_NO_ADDRESS = "had_no_address"
    COULD_NOT_BE_WRITTEN = "could_not_be_written"

    ATTEMPT_BEGAN = "attempt_began"
    WAS_ACCEPTED = "was_accepted"
    WAS_REFUSED = "was_refused"  # 5xx
    WAS_PUT_OFF = "was_put_off"  # 4xx
    BECAME_DUE = "became_due"  # the pause after a 4xx is over
    WAS_NOT_SENT = "was_not_sent"  # for certain
    GOT_NO_REPLY = "got_no_reply"
    MAILER_DIED = "mailer_died"
    MAILER_DIED_ON_SIGN_IN = "mailer_died_on_sign_in"

    DATABASE_WAS_RESTORED = "database_was_restored"
    STAFF_RELEASED = "staff_released"
    STAFF_CANCELLED = "staff_cancelled"
    STAFF_RETRIED = "staff_retried"  # after the address was mended


def _to(target: Status, *sources: Status) -> Mapping[Status, Status]:
    return dict.fromkeys(sources, target)


# `sending | uncertain` as sources of outcomes: the reply of the very attempt that is in doubt decides, however late. Whether it
# is that attempt, the query asks by its id. A late acceptance counts even after a release, as long as nothing else was tried.
TRANSITIONS: Mapping[Cause, Mapping[Status, Status]] = {
    Cause.BECAME_DELIVERABLE: _to(Status.QUEUED, Status.WAITING),
    Cause.BECAME_DELIVERABLE_ON_RELEASE: _to(Status.HELD, Status.WAITING),
    Cause.NEWER_WAS_PLANNED: _to(Status.SUPERSEDED, *sorted(OPEN)),
    Cause.WAS_SUPPRESSED: _to(Status.SUPPRESSED, Status.QUEUED),
    Cause.HAD_NOTHING_TO_TELL: _to(Status.SKIPPED, Status.WAITING, Status.QUEUED),
    Cause.TIME_RAN_OUT: _to(Status.EXPIRED, *sorted(OPEN)),
    Cause.PERSON_WAS_ERASED: _to(Status.ERASED, *sorted(OPEN), Status.UNCERTAIN),
    Cause.HAD_NO_ADDRESS: _to(Status.BY_HAND, Status.WAITING, Status.QUEUED),
    Cause.COULD_NOT_BE_WRITTEN: _to(Status.HELD, Status.QUEUED),
    Cause.ATTEMPT_BEGAN: _to(Status.SENDING, Status.QUEUED),
    Cause.WAS_ACCEPTED: _to(Status.ACCEPTED, Status.SENDING, Status.UNCERTAIN, Status.QUEUED),
    Cause.WAS_REFUSED: _to(Status.BOUNCED, Status.SENDING, Status.UNCERTAIN),
    Cause.WAS_PUT_OFF: _to(Status.DEFERRED, Status.SENDING, Status.UNCERTAIN),
    Cause.BECAME_DUE: _to(Status.QUEUED, Status.DEFERRED),
    Cause.WAS_NOT_SENT: _to(Status.QUEUED, Status.SENDING, Status.UNCERTAIN),
    Cause.GOT_NO_REPLY: _to(Status.UNCERTAIN, Status.SENDING),
    Cause.MAILER_DIED: _to(Status.UNCERTAIN, Status.SENDING),
    # A sign-in mail is wanted now or not at all, its link works once, and a second copy does no harm.
    Cause.MAILER_DIED_ON_SIGN_IN: _to(Status.QUEUED, Status.SENDING),
    # It may have been sent after the backup was taken.
    Cause.DATABASE_WAS_RESTORED: _to(Status.HELD, Status.QUEUED, Status.DEFERRED),
    Cause.STAFF_RELEASED: _to(Status.QUEUED, Status.UNCERTAIN, Status.HELD),
    Cause.STAFF_CANCELLED: _to(Status.CANCELLED, *sorted(OPEN), Status.UNCERTAIN),
    # The one way back from an end: for certain nothing arrived.
    Cause.STAFF_RETRIED: _to(Status.QUEUED, Status.BOUNCED, Status.SUPPRESSED),
}


def sources(cause: Cause) -> list[str]:
    """The states that this cause changes."""
    return [status.value for status in TRANSITIONS[cause]]


def target(cause: Cause) -> str:
    """The state that this cause leads to."""
    return next(iter(TRANSITIONS[cause].values())).value


def refusal_of(cause: Cause, status: Status) -> Refusal | None:
    """Why staff cannot do this to a delivery in this state."""
    if status in TRANSITIONS[cause]:
        return None
    wanted = ", ".join(sorted(sources(cause)))
    return Refusal("delivery-status", f"The delivery is {status.value}; this is for one that is {wanted}.", conflict=True)


_WANTED_NOW = (Kind.SIGN_IN, Kind.ADDRESS_CONFIRMATION)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A delivery that did not arrive, and what is known of its person now."""

    kind: Kind
    expires_at: datetime
    meeting_starts_at: datetime | None  # where it is about a meeting
    has_address: bool
    address_is_suppressed: bool


def retry(undelivered: Undelivered, now: datetime, tried_for: timedelta) -> datetime | Refusal:
    """Until when it is tried once more, or why it is not.

    Its time is that of what it is about, and not how long the mail server had to take it: an invitation is worth sending until
    the meeting starts, a link that is wanted now as long as it lasts.
    """
    if not undelivered.has_address:
        return Refusal("no-address", "The person has no address, or you do not see them. Reach them by hand.", conflict=True)
    if undelivered.address_is_suppressed:
        return Refusal(
            "address-still-refused",
            "The mail server refused this address for good. Have the address mended first.",
            conflict=True,
        )
    until = undelivered.expires_at if undelivered.kind in _WANTED_NOW else now + tried_for
    if undelivered.meeting_starts_at is not None:
        until = min(until, undelivered.meeting_starts_at)
    if until <= now:
        return Refusal("delivery-too-late", "What it tells is over.", conflict=True)
    return until
