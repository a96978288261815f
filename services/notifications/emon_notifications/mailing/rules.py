"""What is told, decided at the last moment; how long to pause; what a refusal means. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from emon_notifications.deliveries.rules import Cause, Kind

FIRST_PAUSE = timedelta(minutes=1)
FIRST_PAUSE_OF_SIGN_IN = timedelta(seconds=5)
PAUSE_MAX = timedelta(hours=4)
JITTER = 0.25

NOT_SENT_AT_ONCE_AGAIN = 3
"""So often a mail that the connection broke on is tried without a pause; then others go first."""

GROUP_MAX = 64
GROUP_GROWS_BELOW_S = 0.025
GROUP_SHRINKS_ABOVE_S = 0.1

REPLY_LENGTH_MAX = 300

# RFC 3463: X.1.* is about the address, X.2.1 a mailbox that is disabled. Anything else may be about us, and pass.
_ENHANCED_STATUS = re.compile(r"\b[245]\.(\d{1,3}\.\d{1,3})\b")
_STATUSES_OF_DEAD_ADDRESSES = ("1.1", "1.2", "1.3", "1.6", "1.10", "2.1")
_CODES_OF_DEAD_ADDRESSES = (550, 551, 553)  # RFC 5321 section 4.2.3, where no enhanced status says more


@dataclass(frozen=True, slots=True)
class Told:
    """The newest that a person got, or may have got, about a subject."""

    kind: Kind
    revision: int


@dataclass(frozen=True, slots=True)
class Meeting:
    """What is true of a meeting now."""

    revision: int
    cancelled: bool
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An address that is not the person's: not yet, or no longer. Somebody else may read what goes there."""

    email: str
    email_key: str
    is_suppressed: bool


class Tell(NamedTuple):
    """A mail is to be sent that says this, to the person's own address unless it goes `elsewhere`."""

    kind: Kind
    revision: int | None
    elsewhere: Elsewhere | None = None


@dataclass(frozen=True, slots=True)
class End:
    """No mail is to be sent."""

    cause: Cause
    reason: str


def what_to_tell(meeting: Meeting, told: Told | None, now: datetime, *, may_know: bool = False) -> Tell | End:
    """What one guest is told about a meeting, whatever event led here: what is true now, against what they know.

    Never an older state after a newer one, and nothing that they know already. `may_know`: they may have been told more than is
    on record, before a restore; then a cancellation too many is better than none.
    """
    if told is None and meeting.cancelled and not may_know:
        return End(Cause.HAD_NOTHING_TO_TELL, "cancelled-before-invited")
    if told is not None and (told.kind is Kind.CANCELLATION or told.revision >= meeting.revision):
        return End(Cause.HAD_NOTHING_TO_TELL, "nothing-new")
    if now >= meeting.starts_at:
        return End(Cause.TIME_RAN_OUT, "meeting-started")
    if told is None and not meeting.cancelled:
        return Tell(Kind.INVITATION, meeting.revision)
    return Tell(Kind.CANCELLATION if meeting.cancelled else Kind.CHANGE, meeting.revision)


def pause_after(tries: int, kind: Kind, jitter: float) -> timedelta:
    """How long to wait after the n-th try that was put off; `jitter` in [-1, 1) spreads those who were put off together."""
    first = FIRST_PAUSE_OF_SIGN_IN if kind is Kind.SIGN_IN else FIRST_PAUSE
    pause = min(first * 2 ** min(tries - 1, 20), PAUSE_MAX)
    return pause * (1 + JITTER * jitter)


def next_group_size(size: int, seconds: float) -> int:
    """How many mails go out between two records, so that a crash leaves at most some 50 ms of mail in doubt."""
    if seconds < GROUP_GROWS_BELOW_S:
        return min(size * 2, GROUP_MAX)
    if seconds > GROUP_SHRINKS_ABOVE_S:
        return max(size // 2, 1)
    return size


def is_dead_address(code: int, reply: str) -> bool:
    """Whether a refusal of a recipient (RCPT) says that no mail will ever be taken for this address."""
    enhanced = _ENHANCED_STATUS.search(reply)
    if enhanced is not None:
        return enhanced[1] in _STATUSES_OF_DEAD_ADDRESSES
    return code in _CODES_OF_DEAD_ADDRESSES


def reply_to_keep(reply: str, address: str) -> str:
    """A mail server's reply without the address that it quotes, on one line."""
    local_part = address.rpartition("@")[0]
    text = reply
    for quoted in (address, local_part):
        if quoted.lower() in text.lower():
            text = re.sub(rf"(?<![\w.]){re.escape(quoted)}(?![\w.])", "[recipient]", text, flags=re.IGNORECASE)
    text = text[:REPLY_LENGTH_MAX]
    return text if text.isprintable() else "".join(character if character.isprintable() else " " for character in text)
