"""What becomes of deliveries that are due, and what the mail server's answers mean for them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from emon_notifications.deliveries.rules import Cause, Kind
from emon_notifications.mailing import repository, rules
from emon_notifications.mailing.due import Due, take_due
from emon_notifications.mailing.letters import Letter, Writer
from emon_notifications.mailing.repository import Begun, Finished
from emon_notifications.mailing.rules import End, Meeting, Tell
from emon_notifications.smtp import Accepted, InDoubt, NotSent, Outgoing, Rejected, Result, Stage
from emon_platform.database import Transaction

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Posted:
    """A mail whose try is recorded, ready for the mail server."""

    letter: Letter
    attempt_id: UUID
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class Taken:
    """What one look at the queue brought: mail to send, and how many deliveries were seen in all."""

    posted: list[Posted]
    seen: int


async def take(tx: Transaction, writer: Writer, mailer_id: int, limit: int) -> Taken:
    """Decides about deliveries that are due, and writes and records the mails that are to be sent now."""
    now = await repository.clock(tx)
    due = await take_due(tx, limit)
    ended: dict[Cause, list[tuple[UUID, str]]] = {}
    posted: list[Posted] = []
    for letter in _letters(due, now, ended):
        try:
            outgoing = writer.write(letter, now)
        except Exception as error:
            log.error("mail_not_written", delivery_id=str(letter.due[0].id), exc_info=error)
            ended.setdefault(Cause.COULD_NOT_BE_WRITTEN, []).extend((item.id, "could-not-be-written") for item in letter.due)
            continue
        posted.append(Posted(letter, uuid7(), outgoing))
    for cause, deliveries in ended.items():
        await repository.end(tx, cause, deliveries)
    if posted:
        begun = [
            Begun(item.id, mail.letter.mail_id, mail.attempt_id, mail.letter.kind, mail.letter.revision)
            for mail in posted
            for item in mail.letter.due
        ]
        await repository.begin(tx, mailer_id, begun)
    return Taken(posted, len(due))


def _letters(due: Sequence[Due], now: datetime, ended: dict[Cause, list[tuple[UUID, str]]]) -> list[Letter]:
    groups: dict[tuple[UUID, str | None, UUID | None], tuple[Tell, list[Due]]] = {}
    for item in due:
        decision = decide(item, now)
        if isinstance(decision, End):
            ended.setdefault(decision.cause, []).append((item.id, decision.reason))
            continue
        key = (item.subject_id, item.email_key, None if decision.kind is Kind.SIGN_IN else item.person_id)
        groups.setdefault(key, (decision, []))[1].append(item)
    return [Letter(_mail_id(tell, items), tell.kind, tell.revision, items) for tell, items in groups.values()]


def decide(due: Due, now: datetime) -> Tell | End:
    """Whether a mail goes out for this delivery, and what it says."""
    if due.is_erased:
        return End(Cause.PERSON_WAS_ERASED, "person-erased")
    if due.has_newer:
        return End(Cause.NEWER_WAS_PLANNED, "newer-planned")
    if due.expires_at <= now:
        return End(Cause.TIME_RAN_OUT, "too-late")
    if due.kind is Kind.SIGN_IN:
        decision = Tell(Kind.SIGN_IN, None)
    elif due.meeting is None:
        return End(Cause.COULD_NOT_BE_WRITTEN, "meeting-unknown")
    else:
        meeting = Meeting(due.meeting.revision, due.is_meeting_cancelled, due.meeting.starts_at)
        decision = rules.what_to_tell(meeting, due.told, now, may_know=due.may_know)
    if isinstance(decision, End):
        return decision
    if due.email is None:
        if due.kind is Kind.SIGN_IN:
            return End(Cause.HAD_NOTHING_TO_TELL, "no-address")
        return End(Cause.HAD_NO_ADDRESS, "no-address")
    if due.is_suppressed:
        return End(Cause.WAS_SUPPRESSED, "address-suppressed")
    return decision


def _mail_id(tell: Tell, due: Sequence[Due]) -> UUID:
    # The same words as at an earlier try are the same mail, with the same Message-ID: a reader that got both can tell.
    earlier = due[0].mail_id
    unchanged = all(
        item.mail_id == earlier and item.mail_kind is tell.kind and item.mail_revision == tell.revision for item in due
    )
    return earlier if earlier is not None and unchanged else uuid7()


def finished(posted: Posted, result: Result) -> Finished:
    """What the mail server's answer means."""
    first = posted.letter.due[0]
    tries = first.tries + 1
    match result:
        case Accepted():
            return _finished(posted, Cause.WAS_ACCEPTED, "accepted", reply=result.reply)
        case InDoubt() if posted.letter.kind is Kind.SIGN_IN:
            # Sent again by itself, as after a crash, but not in a hurry: each time may bring one more copy.
            pause = rules.pause_after(tries, posted.letter.kind, _jitter())
            return _finished(posted, Cause.WAS_PUT_OFF, "uncertain", reason="no-reply", reply=result.reason, pause=pause)
        case InDoubt():
            return _finished(posted, Cause.GOT_NO_REPLY, "uncertain", reason="no-reply", reply=result.reason)
        case NotSent() if tries % rules.NOT_SENT_AT_ONCE_AGAIN:
            return _finished(posted, Cause.WAS_NOT_SENT, "not_sent", reason="not-sent", reply=result.reason)
        case NotSent():
            pause = rules.pause_after(tries, posted.letter.kind, _jitter())
            return _finished(posted, Cause.WAS_PUT_OFF, "not_sent", reason="not-sent", reply=result.reason, pause=pause)
        case Rejected():
            return _rejected(posted, result, tries)


def _rejected(posted: Posted, result: Rejected, tries: int) -> Finished:
    stage = result.stage.value
    reason = f"{stage.lower()}-{result.code}"
    # A refusal of the sender says nothing about this mail: it must not end everybody's because of a setting.
    if not result.permanent or result.stage is Stage.MAIL:
        pause = rules.pause_after(tries, posted.letter.kind, _jitter())
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
    )


def _jitter() -> float:
    return random.uniform(-1, 1)
