"""What happens in the services behind the gateway, as events that its read model takes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from emon_contracts.envelope import Event, Payload
from emon_contracts.events.feedback import FeedbackKind, FeedbackSubmitted
from emon_contracts.events.meetings import (
    InvitationReplied,
    InvitationsIssued,
    IssuedInvitation,
    MeetingCancelled,
    MeetingKind,
    MeetingRescheduled,
    MeetingScheduled,
    Reply,
)
from emon_contracts.events.notifications import DeliveryFailed, DeliverySettled, FailedAs
from emon_contracts.values import ZonedDateTime
from emon_gateway.read_model.subscribers import subscriptions
from emon_platform.database import Database

HERE, ELSEWHERE = "08115003", "08999001"


async def take(database: Database, *events: Event[Any]) -> None:
    """The gateway's consumer takes these events, of one type, in one transaction."""
    handlers = {payload: handler for subscription in subscriptions() for payload, handler in subscription.handlers.items()}
    async with database.unscoped() as tx:
        await handlers[type(events[0].payload)](tx, events)


@dataclass
class Elsewhere:
    """The other services. Every change of something raises its version."""

    worker: Database
    versions: dict[UUID, int] = field(default_factory=dict[UUID, int])
    invitations: dict[tuple[UUID, UUID], UUID] = field(default_factory=dict[tuple[UUID, UUID], UUID])
    meetings: dict[UUID, MeetingScheduled] = field(default_factory=dict[UUID, MeetingScheduled])

    def event(self, payload: Payload, subject: UUID | None = None, *, at: datetime | None = None) -> Event[Any]:
        """An event about `subject`, which is what its key says unless it is told."""
        subject = subject or UUID(payload.key())
        self.versions[subject] = self.versions.get(subject, 0) + 1
        return Event(
            id=uuid7(),
            type=payload.TYPE,
            subject=str(subject),
            sequence=self.versions[subject],
            tenant=None,
            time=at or datetime.now(UTC),
            payload=payload,
        )

    async def tell(self, payload: Payload, subject: UUID | None = None, *, at: datetime | None = None) -> None:
        """This happens."""
        await take(self.worker, self.event(payload, subject, at=at))

    async def meeting(
        self, *guests: UUID, ags: str = HERE, starts_in: timedelta = timedelta(days=3), title: str = "Runder Tisch"
    ) -> UUID:
        """A meeting is scheduled, and these are invited."""
        starts_at = (datetime.now(UTC) + starts_in).replace(second=0, microsecond=0)
        scheduled = MeetingScheduled(
            meeting_id=uuid4(),
            ags=ags,
            kind=MeetingKind.ROUND_TABLE,
            title=title,
            start=ZonedDateTime(time_zone="UTC", local=starts_at.replace(tzinfo=None)),
            starts_at=starts_at,
            duration_minutes=90,
            place="Rathaus",
            link=None,
            revision=0,
        )
        self.meetings[scheduled.meeting_id] = scheduled
        await self.tell(scheduled)
        await self.invite(scheduled.meeting_id, guests)
        return scheduled.meeting_id

    async def invite(self, meeting_id: UUID, guests: Sequence[UUID]) -> None:
        issued = tuple(IssuedInvitation(invitation_id=uuid4(), person_id=guest) for guest in guests)
        for invitation in issued:
            self.invitations[meeting_id, invitation.person_id] = invitation.invitation_id
            self.versions[invitation.invitation_id] = 1
        await self.tell(InvitationsIssued(meeting_id=meeting_id, ags=self.meetings[meeting_id].ags, invitations=issued))

    async def reschedule(self, meeting_id: UUID) -> None:
        await self._change(MeetingRescheduled, meeting_id)

    async def cancel(self, meeting_id: UUID) -> None:
        await self._change(MeetingCancelled, meeting_id)

    async def _change(self, kind: type[Payload], meeting_id: UUID) -> None:
        now = self.meetings[meeting_id]
        self.meetings[meeting_id] = now = now.model_copy(update={"revision": now.revision + 1})
        await self.tell(kind.model_validate(now.model_dump()))

    async def reply(self, meeting_id: UUID, person_id: UUID, reply: Reply = Reply.ACCEPTED) -> None:
        """Somebody replies to the meeting as it is now."""
        meeting, invitation = self.meetings[meeting_id], self.invitations[meeting_id, person_id]
        said = InvitationReplied(
            meeting_id=meeting_id,
            ags=meeting.ags,
            invitation_id=invitation,
            person_id=person_id,
            reply=reply,
            revision=meeting.revision,
            replied_by=person_id,
        )
        await self.tell(said, invitation)

    async def feedback(self, kind: type[Payload], feedback_id: UUID, *, at: datetime | None = None, **said: Any) -> None:
        """This happens to feedback, a problem HERE that is about nobody in particular, unless told otherwise."""
        facts = {"feedback_id": feedback_id, "ags": HERE, "kind": FeedbackKind.PROBLEM, "confidential": False}
        await self.tell(kind.model_validate(facts | said), at=at)

    async def feedback_for(self, *asked: UUID, due_in: int = 5, **said: Any) -> UUID:
        """Feedback arrives, which these are to acknowledge within so many days on the calendar."""
        feedback_id = uuid4()
        day = date.today() + timedelta(days=due_in)  # noqa: DTZ011 - where the tests run; a day more or less does not matter
        await self.feedback(FeedbackSubmitted, feedback_id, asked=asked, acknowledge_by=day, **said)
        return feedback_id

    async def delivery(
        self,
        status: FailedAs,
        person_id: UUID,
        subject_id: UUID | None = None,
        *,
        ags: str | None = HERE,
        kind: str = "invitation",
        category: str = "meetings",
        delivery_id: UUID | None = None,
    ) -> UUID:
        """A delivery fails."""
        facts = _delivery(delivery_id or uuid7(), person_id, subject_id or uuid4(), ags, kind, category)
        await self.tell(DeliveryFailed(**facts, status=status))
        return facts["delivery_id"]

    async def settle(self, delivery_id: UUID, person_id: UUID, subject_id: UUID, *, ags: str | None = HERE) -> None:
        """Nobody has to look at a delivery any more."""
        facts = _delivery(delivery_id, person_id, subject_id, ags, "invitation", "meetings")
        await self.tell(DeliverySettled(**facts, status="accepted"))


def _delivery(delivery_id: UUID, person_id: UUID, subject_id: UUID, ags: str | None, kind: str, category: str) -> dict[str, Any]:
    return {
        "delivery_id": delivery_id,
        "person_id": person_id,
        "subject_id": subject_id,
        "ags": ags,
        "kind": kind,
        "category": category,
        "reason": None,
    }
