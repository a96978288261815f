"""Notifications with defects, to see that the auditor finds them: `python -m tests.faults.broken_variants VARIANT+… {all,…}`.

The defects are put in from outside, in a process of its own, before the service runs; the product knows nothing of them.
"""

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from emon_contracts.events.feedback import FeedbackSubmitted
from emon_notifications.deliveries.rules import Kind
from emon_notifications.feedback import rules as feedback
from emon_notifications.feedback.rules import FeedbackEvent
from emon_notifications.introductions import repository as introductions
from emon_notifications.introductions.rules import Standing
from emon_notifications.mailing import outcomes
from emon_notifications.mailing.kinds import meetings
from emon_notifications.mailing.lane import Lane
from emon_notifications.mailing.outcomes import Posted
from emon_notifications.mailing.rules import End, Meeting, Tell, Told
from emon_notifications.planning import repository as planning
from emon_notifications.smtp import Accepted, Connection
from emon_platform.consumer import inbox, offsets
from emon_platform.consumer.offsets import Advance
from emon_platform.database import Transaction
from emon_platform.entry import main

TOLD_AS_WELL = "EMON_TEST_TOLD_AS_WELL"
ONE_ROW_FOR_EVENT_AND_PERSON = "ON CONFLICT (event_id, person_id, channel) DO NOTHING"


def record_before_sending() -> None:
    """Notes that a mail was accepted before the mail server was told of it: who is killed in between loses it."""
    lane: Any = Lane
    send = lane._send

    async def record_and_send(self: Lane, connection: Connection, group: Sequence[Posted]) -> bool:
        await self.ledger.record([outcomes.finished(mail, Accepted("250 hoped for")) for mail in group])
        return await send(self, connection, group)

    lane._send = record_and_send


def forget_what_was_handled() -> None:
    """No inbox and no conditional offset; nor the ledger's own guards behind them, its key and what a person was told already.

    The key has to be dropped from the table as well.
    """

    async def admit_all(_tx: Transaction, event_ids: Sequence[UUID]) -> set[UUID]:
        return set(event_ids)

    async def advance_anyway(tx: Transaction, consumer: str, advances: Sequence[Advance]) -> None:
        await tx.executemany(
            "UPDATE consumer_offsets SET next_offset = $4 WHERE consumer = $1 AND topic = $2 AND partition = $3",
            [(consumer, item.partition.topic, item.partition.number, item.next) for item in advances],
        )

    mails_about_meetings: Any = meetings
    what_to_tell = mails_about_meetings.what_to_tell

    def as_if_nothing_was_told(meeting: Meeting, _told: Told | None, now: datetime, *, may_know: bool) -> Tell | End:
        return what_to_tell(meeting, None, now, may_know=may_know)

    inbox.admit = admit_all
    offsets.advance = advance_anyway
    mails_about_meetings.what_to_tell = as_if_nothing_was_told
    statements: Any = planning
    if ONE_ROW_FOR_EVENT_AND_PERSON not in statements._PLAN_FOR_PEOPLE:
        raise LookupError("planning's statement is no longer the one that this variant breaks")
    statements._PLAN_FOR_PEOPLE = statements._PLAN_FOR_PEOPLE.replace(ONE_ROW_FOR_EVENT_AND_PERSON, "")


def forget_who_was_introduced() -> None:
    """Whatever became of a mail, its reader counts as somebody who was told nothing yet."""

    def still_new(_outcomes: Collection[str | None]) -> Standing:
        return Standing.NEW

    who_was_introduced: Any = introductions
    who_was_introduced.standing_after = still_new


def tell_whom_feedback_is_about() -> None:
    """Whoever is asked, one more is: the person whose id stands in the environment."""
    told_as_well = UUID(os.environ[TOLD_AS_WELL])
    rules: Any = feedback
    kinds_for = rules.kinds_for

    def kinds_for_one_more(event: FeedbackEvent) -> Sequence[tuple[UUID, Kind]]:
        told = kinds_for(event)
        return [*told, (told_as_well, told[0][1])] if isinstance(event.payload, FeedbackSubmitted) else told

    rules.kinds_for = kinds_for_one_more


VARIANTS: Mapping[str, Callable[[], None]] = {
    "record-before-sending": record_before_sending,
    "forget-what-was-handled": forget_what_was_handled,
    "forget-who-was-introduced": forget_who_was_introduced,
    "tell-whom-feedback-is-about": tell_whom_feedback_is_about,
}

if __name__ == "__main__":
    for variant in sys.argv.pop(1).split("+"):
        VARIANTS[variant]()
    main("emon_notifications")
