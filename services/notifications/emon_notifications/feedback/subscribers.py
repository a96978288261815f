"""What an event about feedback changes here: the copy of it, and what is owed to whom."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from emon_contracts.events.feedback import (
    FeedbackAcknowledged,
    FeedbackAnswered,
    FeedbackContinued,
    FeedbackOverdue,
    FeedbackPutOff,
    FeedbackSubmitted,
)
from emon_contracts.topics import FEEDBACK_EVENTS
from emon_notifications.feedback import repository, rules
from emon_notifications.feedback.rules import FeedbackEvent, Request
from emon_notifications.planning.repository import Owed, plan_for_people, supersede_older
from emon_platform.consumer.subscriptions import Facts
from emon_platform.database import Transaction


class FeedbackPlanner:
    """Plans deliveries about feedback. `hold_before` as the planner of everything else has it."""

    def __init__(self, hold_before: datetime | None) -> None:
        self._hold_before = hold_before

    def subscription(self) -> Facts:
        """Every event about feedback may be worth a mail."""
        heard = (
            *(FeedbackSubmitted, FeedbackAcknowledged, FeedbackPutOff),
            *(FeedbackAnswered, FeedbackOverdue, FeedbackContinued),
        )
        return Facts(FEEDBACK_EVENTS, dict.fromkeys(heard, self.on_feedback))

    async def on_feedback(self, tx: Transaction, events: Sequence[FeedbackEvent]) -> None:
        """Those who are asked, or the author, are told; who wrote is known here from the deliveries alone."""
        await _save(tx, events)
        told = [event for event in events if not event.replayed]
        owed = [(kind, _owed(event, person_id)) for event in told for person_id, kind in rules.kinds_for(event)]
        # In the order of events, which is what makes one delivery newer than another; runs of one kind at once.
        for kind, run in groupby(owed, key=itemgetter(0)):
            await plan_for_people(tx, kind, [item for _, item in run], self._hold_before)
        if owed:
            await supersede_older(tx, [event.id for event in told])


async def _save(tx: Transaction, events: Sequence[FeedbackEvent]) -> None:
    known = await repository.lock_feedback(tx, [event.payload.feedback_id for event in events])
    requests: dict[UUID, dict[UUID, Request]] = {}
    for event in events:
        before = known.get(event.payload.feedback_id)
        if before is not None and before.version >= event.sequence:
            continue
        feedback = known[event.payload.feedback_id] = rules.after(before, event)
        if feedback.asking_since is None:
            requests[feedback.feedback_id] = {}
        elif feedback.asking_since == event.sequence:
            asked = rules.kinds_for(event)
            requests[feedback.feedback_id] = {person_id: Request(kind, event.sequence) for person_id, kind in asked}
    await repository.save_feedback(tx, list(known.values()))
    if requests:
        await repository.save_requests(tx, requests)


def _owed(event: FeedbackEvent, person_id: UUID) -> Owed:
    return Owed(
        event_id=event.id,
        person_id=person_id,
        subject_id=event.payload.feedback_id,
        # What is about a person is not even listed for their municipality.
        ags=None if event.payload.confidential else event.payload.ags,
        occurred_at=event.time,
        expires_at=None,
        traceparent=event.traceparent,
    )
