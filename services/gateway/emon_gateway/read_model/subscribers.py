"""What the gateway notes of what happens elsewhere, and whose streams hear of it."""

from collections.abc import Sequence
from uuid import UUID

from emon_contracts.envelope import Event
from emon_contracts.events.feedback import (
    FeedbackAcknowledged,
    FeedbackAnswered,
    FeedbackContinued,
    FeedbackOverdue,
    FeedbackPutOff,
    FeedbackSubmitted,
)
from emon_contracts.events.meetings import (
    InvitationReplied,
    InvitationsIssued,
    MeetingCancelled,
    MeetingRescheduled,
    MeetingRetitled,
    MeetingScheduled,
)
from emon_contracts.events.notifications import DeliveryFailed, DeliverySettled
from emon_contracts.topics import FEEDBACK_EVENTS, MEETINGS_EVENTS, NOTIFICATIONS_EVENTS
from emon_gateway.read_model import repository
from emon_gateway.read_model.repository import DeliveryEvent, MeetingEvent
from emon_gateway.read_model.rules import FeedbackEvent, facts_of
from emon_platform.changes import NOBODYS
from emon_platform.consumer.subscriptions import Facts
from emon_platform.database import Transaction


async def note_meetings(tx: Transaction, events: Sequence[MeetingEvent]) -> None:
    """What needs its guests, and the staff of its municipality, is read anew."""
    await repository.save_meetings(tx, events)
    guests = await repository.guests_of(tx, [event.payload.meeting_id for event in events])
    tx.note_changes(*(event.payload.ags for event in events), *guests)


async def note_invitations(tx: Transaction, events: Sequence[Event[InvitationsIssued]]) -> None:
    """Those who were invited have something to reply to."""
    await repository.hold_erasure_off(tx)
    await repository.save_invitations(tx, events)
    people = (invitation.person_id for event in events for invitation in event.payload.invitations)
    tx.note_changes(*(event.payload.ags for event in events), *people)


async def note_replies(tx: Transaction, events: Sequence[Event[InvitationReplied]]) -> None:
    """One fewer reply is missing."""
    await repository.hold_erasure_off(tx)
    await repository.save_replies(tx, events)
    tx.note_changes(*(event.payload.ags for event in events), *(event.payload.person_id for event in events))


async def note_feedback(tx: Transaction, events: Sequence[FeedbackEvent]) -> None:
    """Those who are asked, and the coordinators of its municipality, have something to act on, or not any more."""
    await repository.hold_erasure_off(tx)
    facts = [facts_of(event) for event in events]
    await repository.save_feedback(tx, facts)
    for said in facts:
        tx.note_changes(*said.involved, *([] if said.confidential else [said.ags]))


async def note_deliveries(tx: Transaction, events: Sequence[DeliveryEvent]) -> None:
    """Staff have something to look at, or not any more."""
    await repository.hold_erasure_off(tx)
    await repository.save_deliveries(tx, events)
    tx.note_changes(*(event.payload.ags or NOBODYS for event in events))


async def note_people(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """What is shown about somebody who was erased goes, and who may see what follows from their grants."""
    await repository.forget_erased(tx, person_ids)
    tx.note_changes(*person_ids)


def subscriptions() -> tuple[Facts, ...]:
    """Everything that changes what needs somebody."""
    meetings = (MeetingScheduled, MeetingRescheduled, MeetingRetitled, MeetingCancelled)
    feedback = (
        *(FeedbackSubmitted, FeedbackAcknowledged, FeedbackPutOff),
        *(FeedbackAnswered, FeedbackContinued, FeedbackOverdue),
    )
    return (
        Facts(
            MEETINGS_EVENTS,
            {
                **dict.fromkeys(meetings, note_meetings),
                InvitationsIssued: note_invitations,
                InvitationReplied: note_replies,
            },
        ),
        Facts(FEEDBACK_EVENTS, dict.fromkeys(feedback, note_feedback)),
        Facts(NOTIFICATIONS_EVENTS, dict.fromkeys((DeliveryFailed, DeliverySettled), note_deliveries)),
    )
