"""What other services would say to notifications, and what became of it: for faults around a service that runs as a process."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from emon_contracts.directory import PersonRecord
from emon_contracts.envelope import NewEvent, Payload
from emon_contracts.events.gateway import SignInRequested
from emon_contracts.events.meetings import (
    InvitationsIssued,
    IssuedInvitation,
    MeetingCancelled,
    MeetingKind,
    MeetingRescheduled,
    MeetingScheduled,
)
from emon_contracts.topics import TOPICS
from emon_contracts.values import Locale, ZonedDateTime
from emon_platform import outbox
from emon_platform.consumer import offsets
from emon_platform.database import Database

from tests.platform import kafka_peer

HERE = "08115003"


async def begin_at_the_end(worker: Database, consumer: str, bootstrap: str) -> None:
    """A new database of a service whose group Kafka knows from other tests: it begins behind whatever they left there."""
    ends = {topic.name: await kafka_peer.ends(bootstrap, topic.name) for topic in TOPICS}
    async with worker.unscoped() as tx:
        await offsets.begin(
            tx,
            consumer,
            {offsets.Partition(topic, number): end for topic, found in ends.items() for number, end in found.items()},
        )


@dataclass
class Story:
    """Tells through the outbox of this database, which the service's own relay carries to Kafka and its consumer brings back."""

    worker: Database
    run: str = field(default_factory=lambda: uuid4().hex[:8])
    versions: dict[UUID, int] = field(default_factory=dict[UUID, int])
    meetings: dict[UUID, MeetingScheduled] = field(default_factory=dict[UUID, MeetingScheduled])

    async def tell(self, *payloads: Payload) -> None:
        """These events happen, in one transaction."""
        events: list[NewEvent] = []
        for payload in payloads:
            subject = UUID(payload.key())
            self.versions[subject] = self.versions.get(subject, 0) + 1
            events.append(NewEvent(payload, subject=str(subject), sequence=self.versions[subject]))
        async with self.worker.unscoped() as tx:
            await outbox.append(tx, "test", events)
        self.worker.wake_relay()

    def person(self, name: str, person_id: UUID | None = None) -> PersonRecord:
        return PersonRecord(
            person_id=person_id or uuid4(),
            display_name=name,
            email=f"{name}.{self.run}@example.org",
            locale=Locale.DE,
            memberships=(),
            grants=(),
        )

    async def people(self, *names: str) -> list[UUID]:
        """The directory tells of them."""
        people = [self.person(name) for name in names]
        await self.tell(*people)
        return [person.person_id for person in people]

    async def meeting(self, guests: Sequence[UUID], title: str = "Runder Tisch") -> UUID:
        """A meeting is scheduled, and these are invited."""
        starts_at = (datetime.now(UTC) + timedelta(days=30)).replace(second=0, microsecond=0)
        scheduled = MeetingScheduled(
            meeting_id=uuid4(),
            ags=HERE,
            kind=MeetingKind.ROUND_TABLE,
            title=f"{title} {self.run}",
            start=ZonedDateTime(local=starts_at.replace(tzinfo=None), time_zone="Etc/UTC"),
            starts_at=starts_at,
            duration_minutes=90,
            place="Rathaus",
            link=None,
            revision=0,
        )
        self.meetings[scheduled.meeting_id] = scheduled
        invitations = tuple(IssuedInvitation(invitation_id=uuid4(), person_id=guest) for guest in guests)
        await self.tell(scheduled, InvitationsIssued(meeting_id=scheduled.meeting_id, ags=HERE, invitations=invitations))
        return scheduled.meeting_id

    async def move(self, meeting_id: UUID, place: str) -> None:
        """It takes place elsewhere."""
        await self._change(MeetingRescheduled, meeting_id, place=place)

    async def cancel(self, meeting_id: UUID) -> None:
        """It does not take place."""
        await self._change(MeetingCancelled, meeting_id)

    async def _change(self, event: type[Payload], meeting_id: UUID, **changes: Any) -> None:
        now = self.meetings[meeting_id]
        now = now.model_copy(update={**changes, "revision": now.revision + 1})
        self.meetings[meeting_id] = now
        await self.tell(event.model_validate(now.model_dump()))

    async def ask_to_sign_in(self, person_id: UUID) -> UUID:
        """Somebody asks for a link; answers the id of the request."""
        request = SignInRequested(
            request_id=uuid4(), person_ids=(person_id,), expires_at=datetime.now(UTC) + timedelta(minutes=15)
        )
        await self.tell(request)
        return request.request_id

    async def outcomes(self, subject_id: UUID | None = None, worker: Database | None = None) -> list[tuple[str, str, str | None]]:
        """Kind, status and reason of each delivery, in the order of planning."""
        async with (worker or self.worker).unscoped() as tx:
            rows = await tx.fetch(
                "SELECT kind, status, reason FROM deliveries WHERE $1::uuid IS NULL OR subject_id = $1 ORDER BY position",
                subject_id,
            )
        return [(row["kind"], row["status"], row["reason"]) for row in rows]
