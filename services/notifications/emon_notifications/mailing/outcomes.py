"""What the mail server's answers mean."""

import random
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from emon_notifications.deliveries.rules import Cause, Kind
from emon_notifications.mailing import rules
from emon_notifications.mailing.letters import Letter
from emon_notifications.mailing.repository import Finished
from emon_notifications.smtp import Accepted, InDoubt, NotSent, Outgoing, Rejected, Result, Stage


class Posted(NamedTuple):
    """A mail whose try is recorded, ready for the mail server."""

    letter: Letter
    attempt_id: UUID
    outgoing: Outgoing


def finished(posted: Posted, result: Result) -> Finished:
    """What the mail server's answer means."""
    first = posted.letter.due[0]
    tries = first.tries + 1
    match result:
        case Accepted():
            return _finished(posted, Cause.WAS_ACCEPTED, "accepted", reply=result.reply)
        case InDoubt() if posted.letter.tell.kind is Kind.SIGN_IN:
            # Sent again by itself, as after a crash, but not in a hurry: each time may bring one more copy.
            pause = rules.pause_after(tries, posted.letter.tell.kind, _jitter())
            return _finished(posted, Cause.WAS_PUT_OFF, "uncertain", reason="no-reply", reply=result.reason, pause=pause)
        case InDoubt():
            return _finished(posted, Cause.GOT_NO_REPLY, "uncertain", reason="no-reply", reply=result.reason)
        case NotSent() if tries % rules.NOT_SENT_AT_ONCE_AGAIN:
            return _finished(posted, Cause.WAS_NOT_SENT, "not_sent", reason="not-sent", reply=result.reason)
        case NotSent():
            pause = rules.pause_after(tries, posted.letter.tell.kind, _jitter())
            return _finished(posted, Cause.WAS_PUT_OFF, "not_sent", reason="not-sent", reply=result.reason, pause=pause)
        case Rejected():
            return _rejected(posted, result, tries)


def _rejected(posted: Posted, result: Rejected, tries: int) -> Finished:
    stage = result.stage.value
    reason = f"{stage.lower()}-{result.code}"
    # A refusal of the sender says nothing about this mail: it must not end everybody's because of a setting.
    if not result.permanent or result.stage is Stage.MAIL:
        pause = rules.pause_after(tries, posted.letter.tell.kind, _jitter())
        return _finished(
            posted,
            Cause.WAS_PUT_OFF,
            "deferred",
            reason=reason,
            stage=stage,
            code=result.code,
            reply=result.reply,
            pause=pause,
        )
    is_dead = result.stage is Stage.RCPT and rules.is_dead_address(result.code, result.reply)
    return _finished(
        posted,
        Cause.WAS_REFUSED,
        "bounced",
        reason=reason,
        stage=stage,
        code=result.code,
        reply=result.reply,
        dead_address=posted.letter.due[0].email_key if is_dead else None,
    )


def _finished(
    posted: Posted,
    cause: Cause,
    outcome: str,
    *,
    reply: str,
    reason: str | None = None,
    stage: str | None = None,
    code: int | None = None,
    pause: timedelta | None = None,
    dead_address: str | None = None,
) -> Finished:
    return Finished(
        mail_id=posted.letter.mail_id,
        attempt_id=posted.attempt_id,
        delivery_ids=tuple(item.id for item in posted.letter.due),
        cause=cause,
        outcome=outcome,
        reason=reason,
        stage=stage,
        code=code,
        reply=rules.reply_to_keep(reply, posted.letter.address),
        pause=pause,
        dead_address=dead_address,
        introduces=posted.letter.introduction is not None,
    )


def _jitter() -> float:
    return random.uniform(-1, 1)
