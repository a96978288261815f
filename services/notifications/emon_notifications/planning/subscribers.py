"""What an event changes here: the copy of a meeting, and what is owed to whom. One function for each event."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from emon_contracts.envelope import Event
from emon_contracts.events.gateway import SignInRequested
from emon_contracts.events.meetings import (
    InvitationsIssued,
    MeetingCancelled,
    MeetingRescheduled,
    MeetingRetitled,
    MeetingScheduled,
)
from emon_contracts.topics import GATEWAY_EVENTS, MEETINGS_EVENTS
from emon_notifications.addresses import repository as addresses
from emon_notifications.deliveries.rules import Kind
from emon_notifications.feedback.repository import forget_erased
from emon_notifications.feedback.subscribers import FeedbackPlanner
from emon_notifications.introductions import repository as introductions
from emon_notifications.planning import repository
from emon_notifications.planning.repository import Guest, MeetingEvent, Owed
from emon_notifications.undelivered import repository as undelivered
from emon_platform import directory
from emon_platform.consumer.subscriptions import Facts, StateRecord, Subscription
from emon_platform.database import Transaction


class Planner:
    """Plans deliveries. Events from before `hold_before` are planned as held: nothing older than a restore is sent by itself."""

    def __init__(self, hold_before: datetime | None = None, introduce_after: timedelta = timedelta(days=7)) -> None:
        self._hold_before = hold_before
        self._introduce_after = introduce_after

    def subscriptions(self) -> tuple[Subscription, ...]:
        """What notifications listens to."""
        return (
            Facts(
                MEETINGS_EVENTS,
                {
                    MeetingScheduled: self.on_meeting_saved,
                    MeetingRetitled: self.on_meeting_saved,
                    InvitationsIssued: self.on_invitations_issued,
                    MeetingRescheduled: self.on_meeting_rescheduled,
                    MeetingCancelled: self.on_meeting_cancelled,
                },
            ),
            Facts(GATEWAY_EVENTS, {SignInRequested: self.on_sign_in_requested}),
            FeedbackPlanner(self._hold_before).subscription(),
            *directory.subscriptions(after_people=self.after_people, keep_more=self.keep_more),
        )

    async def on_meeting_saved(self, tx: Transaction, events: Sequence[MeetingEvent]) -> None:
        """Scheduling alone tells nobody, the invitations do; a title alone is not worth a mail."""
        await repository.save_meetings(tx, events)
        await repository.reconsider_waiting(tx, self._hold_before, meeting_ids=[event.payload.meeting_id for event in events])

    async def on_invitations_issued(self, tx: Transaction, events: Sequence[Event[InvitationsIssued]]) -> None:
        """Invitations go to everybody who was invited."""
        guests = [
            Guest(event.payload.meeting_id, invitation.person_id, invitation.invitation_id)
            for event in events
            for invitation in event.payload.invitations
        ]
        if guests:
            await repository.save_guests(tx, guests)
        owed = [
            Owed(
                event_id=event.id,
                person_id=invitation.person_id,
                subject_id=event.payload.meeting_id,
                ags=event.payload.ags,
                occurred_at=event.time,
                expires_at=None,
                traceparent=event.traceparent,
            )
            for event in events
            if not event.replayed
            for invitation in event.payload.invitations
        ]
        if owed:
            await repository.plan_for_people(tx, Kind.INVITATION, owed, self._hold_before)
            await repository.supersede_older(tx, [event.id for event in events])

    async def on_meeting_rescheduled(self, tx: Transaction, events: Sequence[Event[MeetingRescheduled]]) -> None:
        """A new time or place goes to all guests."""
        await self._tell_guests(tx, Kind.CHANGE, events)

    async def on_meeting_cancelled(self, tx: Transaction, events: Sequence[Event[MeetingCancelled]]) -> None:
        """A cancellation goes to all guests."""
        await self._tell_guests(tx, Kind.CANCELLATION, events)

    async def on_sign_in_requested(self, tx: Transaction, events: Sequence[Event[SignInRequested]]) -> None:
        """A link for each person goes to their mailbox, in one mail where they share it."""
        owed = [
            Owed(
                event_id=event.id,
                person_id=person_id,
                subject_id=event.payload.request_id,
                ags=None,
                occurred_at=event.time,
                expires_at=event.payload.expires_at,
                traceparent=event.traceparent,
            )
            for event in events
            if not event.replayed
            for person_id in event.payload.person_ids
        ]
        if owed:
            await repository.plan_for_people(tx, Kind.SIGN_IN, owed, self._hold_before)

    async def after_people(self, tx: Transaction, person_ids: Sequence[UUID]) -> None:
        """What waited for somebody who turned up is planned; what is owed to somebody who was erased ends.

        An address that was refused, and that the person has changed, is refused no more.
        """
        await repository.end_for_erased(tx, person_ids)
        await undelivered.settle_for_people(tx, person_ids)
        await forget_erased(tx, person_ids)
        await repository.forget_unused_addresses(tx)
        await repository.reconsider_waiting(tx, self._hold_before, person_ids=person_ids)
        await introductions.meet(tx, person_ids)
        if not self._introduce_after:
            await self.introduce(tx)

    async def keep_more(self, tx: Transaction, records: Sequence[StateRecord]) -> None:
        """Who changes their address is asked at the new one, and told at the former one."""
        await addresses.keep_changes(tx, records, self._hold_before)

    async def introduce(self, tx: Transaction) -> None:
        """Who was told of nothing since they became known gets a mail that does nothing but introduce."""
        await introductions.plan_introductions(tx, self._introduce_after, self._hold_before)

    async def _tell_guests(self, tx: Transaction, kind: Kind, events: Sequence[MeetingEvent]) -> None:
        await self.on_meeting_saved(tx, events)
        to_tell = [event for event in events if not event.replayed]
        if to_tell:
            await repository.plan_for_guests(tx, kind, to_tell, self._hold_before)
            await repository.supersede_older(tx, [event.id for event in to_tell])
