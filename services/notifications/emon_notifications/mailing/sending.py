"""What becomes of deliveries that are due."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from emon_notifications.deliveries.rules import Cause
from emon_notifications.introductions import repository as introductions
from emon_notifications.introductions.rules import Manner, Standing, manner_of
from emon_notifications.mailing import repository
from emon_notifications.mailing.due import Due, clock, take_due
from emon_notifications.mailing.kinds import Matter, matters_of
from emon_notifications.mailing.letters import Letter, Writer
from emon_notifications.mailing.outcomes import Posted
from emon_notifications.mailing.repository import Begun
from emon_notifications.mailing.rules import End, Tell
from emon_platform.database import Transaction

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Taken:
    """What one look at the queue brought: mail to send, and how many deliveries it decided about in all."""

    posted: list[Posted]
    decided: int


@dataclass(frozen=True, slots=True)
class _Draft:
    """What is to be told to whom, in one mail."""

    tell: Tell
    matter: Matter
    due: list[Due]


async def take(tx: Transaction, writer: Writer, mailer_id: int, limit: int) -> Taken:
    """Decides about deliveries that are due, and writes and records the mails that are to be sent now."""
    now = await clock(tx)
    due = await take_due(tx, limit)
    ended: dict[Cause, list[tuple[UUID, str]]] = {}
    drafts = _drafts(due, await matters_of(tx, due), now, ended)
    letters = await _letters(tx, drafts)
    posted: list[Posted] = []
    for letter in letters:
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
        await _begin(tx, mailer_id, posted)
    not_yet = sum(len(draft.due) for draft in drafts) - sum(len(letter.due) for letter in letters)
    return Taken(posted, len(due) - not_yet)


async def _begin(tx: Transaction, mailer_id: int, posted: Sequence[Posted]) -> None:
    begun: list[Begun] = []
    introducing: dict[UUID, UUID] = {}
    for mail in posted:
        letter = mail.letter
        if letter.introduces is not None:
            introducing[letter.introduces] = letter.mail_id
        begun += [
            Begun(item.id, letter.mail_id, mail.attempt_id, letter.tell.kind, letter.tell.revision, letter.introduces)
            for item in letter.due
        ]
    await repository.begin(tx, mailer_id, begun)
    if introducing:
        await introductions.begin(tx, introducing)


def _drafts(
    due: Sequence[Due], matters: Mapping[UUID, Matter], now: datetime, ended: dict[Cause, list[tuple[UUID, str]]]
) -> list[_Draft]:
    groups: dict[tuple[UUID, str | None, UUID | None], _Draft] = {}
    for item in due:
        matter = matters[item.id]
        decision = decide(item, matter, now)
        if isinstance(decision, End):
            ended.setdefault(decision.cause, []).append((item.id, decision.reason))
            continue
        key = (item.subject_id, item.email_key, None if matter.shares_mail else item.person_id)
        groups.setdefault(key, _Draft(decision, matter, [])).due.append(addressed(item, decision))
    return list(groups.values())


def decide(due: Due, matter: Matter, now: datetime) -> Tell | End:
    """Whether a mail goes out for this delivery, and what it says."""
    if due.is_erased:
        return End(Cause.PERSON_WAS_ERASED, "person-erased")
    if due.has_newer:
        return End(Cause.NEWER_WAS_PLANNED, "newer-planned")
    if due.expires_at <= now:
        return End(Cause.TIME_RAN_OUT, "too-late")
    decision = matter.decide(due, now)
    if isinstance(decision, End):
        return decision
    due = addressed(due, decision)
    if due.email is None:
        return End(Cause.HAD_NO_ADDRESS, "no-address")
    if due.is_suppressed:
        return End(Cause.WAS_SUPPRESSED, "address-suppressed")
    return decision


def addressed(due: Due, tell: Tell) -> Due:
    """With the address to which the mail goes: the person's own, unless it goes elsewhere."""
    there = tell.elsewhere
    if there is None:
        return due
    return due._replace(email=there.email, email_key=there.email_key, is_suppressed=there.is_suppressed)


async def _letters(tx: Transaction, drafts: Sequence[_Draft]) -> list[Letter]:
    """The mails that go out now. Who is being introduced by another mail gets theirs when it is known how that one ended."""
    alone = [draft.due[0] for draft in drafts if len(draft.due) == 1]
    # Once everybody is introduced, neither asks the database anything.
    new = {due.person_id for due in alone if due.is_new}
    held = await introductions.hold_new(tx, new) if new else {}
    repeated = {due.person_id for due in alone if due.repeats_introduction}
    told = await introductions.facts_of(tx, repeated) if repeated else {}
    letters: list[Letter] = []
    for draft in drafts:
        first = draft.due[0]
        manner = manner_of(
            _standing(first, held),
            readers=len(draft.due),
            repeats_introduction=first.repeats_introduction and _tells_the_same(first, draft.tell),
            goes_elsewhere=draft.tell.elsewhere is not None,
        )
        if manner is Manner.NOT_YET:
            continue
        introduction = None
        if manner is Manner.INTRODUCING:
            # Taken out: who has several mails due is introduced by the first alone.
            introduction = held.pop(first.person_id, None) or told[first.person_id]
        mail_id = _mail_id(draft, introduces=introduction is not None)
        letters.append(Letter(mail_id, draft.tell, draft.matter, draft.due, introduction))
    return letters


def _standing(due: Due, held: Collection[UUID]) -> Standing:
    if due.person_id in held:
        return Standing.NEW
    return Standing.BEING_INTRODUCED if due.is_new else Standing.INTRODUCED


def _tells_the_same(due: Due, tell: Tell) -> bool:
    return due.mail_kind is tell.kind and due.mail_revision == tell.revision


def _mail_id(draft: _Draft, *, introduces: bool) -> UUID:
    # The same words as at an earlier try are the same mail, with the same Message-ID: a reader that got both can tell.
    earlier = draft.due[0].mail_id
    unchanged = all(
        item.mail_id == earlier and _tells_the_same(item, draft.tell) and item.mail_introduces == introduces for item in draft.due
    )
    return earlier if earlier is not None and unchanged else uuid7()
