"""Notifications with its own database and a mail server that does what a test wants."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc.jwk import OKPKey
from uuid_utils.compat import uuid7

from emon_contracts.actors import Engagement, Grant, Role
from emon_contracts.directory import AddressChangeRecord, MembershipRecord, MunicipalityRecord, PersonRecord
from emon_contracts.envelope import Event, Payload
from emon_contracts.events.feedback import FeedbackKind
from emon_contracts.events.gateway import SignInRequested
from emon_contracts.events.meetings import (
    InvitationsIssued,
    IssuedInvitation,
    MeetingCancelled,
    MeetingKind,
    MeetingRescheduled,
    MeetingRetitled,
    MeetingScheduled,
)
from emon_contracts.events.notifications import DeliveryFailed
from emon_contracts.topics import NOTIFICATIONS_EVENTS
from emon_contracts.values import Locale, ZonedDateTime
from emon_embedded.service_databases import ServiceDatabase
from emon_notifications.mailing.letters import Writer
from emon_notifications.mailing.mailer import Mailer
from emon_notifications.planning.subscribers import Planner
from emon_notifications.rendering import Sender
from emon_notifications.schema import migrations
from emon_notifications.smtp import SmtpSettings
from emon_platform import directory
from emon_platform.consumer.subscriptions import StateRecord, States
from emon_platform.database import Database

from tests.conftest import FreshDatabase
from tests.notifications.mail_server import MailServer, running_mail_server
from tests.polling import eventually

HERE, ELSEWHERE = "08115003", "08999001"
CIRCLE = UUID("00000000-0000-4000-8000-00000000c1c1")
GATEWAY = "http://127.0.0.1:8080"
SENDER = Sender("EmON", "noreply@emon.example", "antwort@emon.example", "emon.example", GATEWAY, GATEWAY)


@pytest.fixture
async def urls(fresh_database: FreshDatabase) -> ServiceDatabase:
    return await fresh_database("notifications", migrations)


@pytest.fixture
async def worker(urls: ServiceDatabase) -> AsyncGenerator[Database]:
    database = await Database.connect(urls.worker_url, name="test worker")
    yield database
    await database.close()


@pytest.fixture(scope="session")
def link_key() -> OKPKey:
    return OKPKey.generate_key("Ed25519")


@pytest.fixture
def link_key_file(link_key: OKPKey, tmp_path: Path) -> Path:
    file = tmp_path / "links.jwk"
    file.write_text(json.dumps(link_key.as_dict(private=True)))
    return file


@pytest.fixture
async def mail_server() -> AsyncGenerator[MailServer]:
    async with running_mail_server() as server:
        yield server


@dataclass
class World:
    """What the other services say, and what notifications made of it."""

    worker: Database
    planner: Planner
    versions: dict[UUID, int] = field(default_factory=dict[UUID, int])
    meetings: dict[UUID, MeetingScheduled] = field(default_factory=dict[UUID, MeetingScheduled])

    async def tell(self, *payloads: Payload, at: datetime | None = None, replayed: bool = False) -> list[UUID]:
        """These events happen, each in a transaction of its own. Answers their ids."""
        return [await self.deliver(self.event(payload, at=at, replayed=replayed)) for payload in payloads]

    def event(self, payload: Payload, *, at: datetime | None = None, replayed: bool = False) -> Event[Any]:
        subject = UUID(payload.key())
        self.versions[subject] = self.versions.get(subject, 0) + 1
        return Event(
            id=uuid7(),
            type=payload.TYPE,
            subject=str(subject),
            sequence=self.versions[subject],
            tenant=HERE,
            time=at or datetime.now(UTC),
            payload=payload,
            replayed=replayed,
        )

    async def deliver(self, *events: Event[Any]) -> UUID:
        """A run of events of one type is handled in one transaction."""
        handlers = {
            payload: handler
            for subscription in self.planner.subscriptions()
            for payload, handler in getattr(subscription, "handlers", {}).items()
        }
        async with self.worker.unscoped() as tx:
            await handlers[type(events[0].payload)](tx, events)
        return events[-1].id

    async def person(
        self,
        email: str | None,
        name: str = "Kim Muster",
        *,
        person_id: UUID | None = None,
        locale: Locale = Locale.DE,
        ags: str = HERE,
        entered_by: UUID | None = None,
        introduced: bool = False,
        address_changes: Sequence[AddressChangeRecord] = (),
    ) -> UUID:
        """The directory tells of somebody, who was told so long ago or not."""
        person_id = person_id or uuid4()
        membership = MembershipRecord(organisation_id=CIRCLE, ags=ags, engagement=Engagement.VOLUNTEER)
        record = PersonRecord(
            person_id=person_id,
            display_name=name,
            email=email,
            locale=locale,
            memberships=(membership,),
            grants=(Grant(role=Role.VOLUNTEER, ags=ags, organisation_id=CIRCLE),),
            entered_by=entered_by,
            address_changes=tuple(address_changes),
        )
        await self._save_person(person_id, record)
        if introduced:
            async with self.worker.unscoped() as tx:
                await tx.execute("UPDATE newcomers SET introduced_at = now() WHERE person_id = $1", person_id)
        return person_id

    async def people(self, count: int, *, introduced: bool = False) -> list[UUID]:
        """So many people, each with their own mailbox."""
        return [
            await self.person(f"person{number}@example.org", f"Person {number}", introduced=introduced) for number in range(count)
        ]

    async def erase(self, person_id: UUID) -> None:
        await self._save_person(person_id, None)

    async def _save_person(self, person_id: UUID, record: PersonRecord | None) -> None:
        self.versions[person_id] = self.versions.get(person_id, 0) + 1
        [people, *_] = [item for item in self.planner.subscriptions() if isinstance(item, States)]
        async with self.worker.unscoped() as tx:
            await people.handle(tx, [StateRecord(str(person_id), self.versions[person_id], record)])

    async def meeting(
        self, guests: Sequence[UUID] = (), *, title: str = "Runder Tisch", starts_in: timedelta = timedelta(days=30)
    ) -> UUID:
        """A meeting is scheduled, and these are invited."""
        scheduled = a_meeting(title=title, starts_in=starts_in)
        self.meetings[scheduled.meeting_id] = scheduled
        await self.tell(scheduled)
        if guests:
            await self.invite(scheduled.meeting_id, guests)
        return scheduled.meeting_id

    async def invite(
        self, meeting_id: UUID, guests: Sequence[UUID], *, at: datetime | None = None, replayed: bool = False
    ) -> UUID:
        invitations = tuple(IssuedInvitation(invitation_id=uuid4(), person_id=guest) for guest in guests)
        [event_id] = await self.tell(
            InvitationsIssued(meeting_id=meeting_id, ags=HERE, invitations=invitations), at=at, replayed=replayed
        )
        return event_id

    async def reschedule(self, meeting_id: UUID, place: str = "Anderer Saal", **how: Any) -> UUID:
        return await self._change(MeetingRescheduled, meeting_id, raise_revision=True, place=place, how=how)

    async def retitle(self, meeting_id: UUID, title: str) -> UUID:
        return await self._change(MeetingRetitled, meeting_id, raise_revision=False, title=title, how={})

    async def cancel(self, meeting_id: UUID, **how: Any) -> UUID:
        return await self._change(MeetingCancelled, meeting_id, raise_revision=True, how=how)

    async def _change(
        self, event: type[Payload], meeting_id: UUID, *, raise_revision: bool, how: dict[str, Any], **changes: Any
    ) -> UUID:
        now = self.meetings[meeting_id]
        now = now.model_copy(update={**changes, "revision": now.revision + int(raise_revision)})
        self.meetings[meeting_id] = now
        [event_id] = await self.tell(event.model_validate(now.model_dump()), **how)
        return event_id

    async def ask_to_sign_in(self, *person_ids: UUID, lasts: timedelta = timedelta(minutes=15)) -> UUID:
        request_id = uuid7()
        await self.tell(SignInRequested(request_id=request_id, person_ids=person_ids, expires_at=datetime.now(UTC) + lasts))
        return request_id

    async def feedback(self, event: type[Payload], feedback_id: UUID, *, confidential: bool = False, **said: Any) -> UUID:
        """This happens to feedback, a problem HERE."""
        facts = {"feedback_id": feedback_id, "ags": HERE, "kind": FeedbackKind.PROBLEM, "confidential": confidential}
        [event_id] = await self.tell(event.model_validate(facts | said))
        return event_id

    async def mail_kinds(self) -> list[str]:
        """What the mails say that were written, the oldest first."""
        async with self.worker.unscoped() as tx:
            return [row["kind"] for row in await tx.fetch("SELECT kind FROM mails ORDER BY created_at, id")]

    async def deliveries(self, **wanted: UUID) -> list[dict[str, Any]]:
        """In the order of planning."""
        conditions = " AND ".join(f"{column} = ${number}" for number, column in enumerate(wanted, 1)) or "true"
        async with self.worker.unscoped() as tx:
            rows = await tx.fetch(f"SELECT * FROM deliveries WHERE {conditions} ORDER BY position", *wanted.values())
        return [dict(row) for row in rows]

    async def statuses(self, **wanted: UUID) -> list[str]:
        """What became of deliveries, in the order of planning."""
        return [row["status"] for row in await self.deliveries(**wanted)]

    async def outcomes(self, **wanted: UUID) -> list[tuple[str, str | None]]:
        """Status and reason of deliveries, in the order of planning."""
        return [(row["status"], row["reason"]) for row in await self.deliveries(**wanted)]

    async def attempts(self) -> list[dict[str, Any]]:
        async with self.worker.unscoped() as tx:
            return [dict(row) for row in await tx.fetch("SELECT * FROM attempts ORDER BY started_at, id")]

    async def settled(self, *, within_s: float = 20.0) -> list[str]:
        """Waits until nothing is queued or on its way."""
        return await eventually(self.statuses, lambda all_: not {"queued", "sending"} & set(all_), within_s=within_s)

    async def told(self) -> dict[UUID, list[tuple[int, str | None, str | None]]]:
        """What others were told of each delivery, in order: version, the status it failed with (None: settled), reason."""
        async with self.worker.unscoped() as tx:
            rows = await tx.fetch(
                "SELECT headers, value FROM outbox WHERE topic = $1 ORDER BY position", NOTIFICATIONS_EVENTS.name
            )
        found: dict[UUID, list[tuple[int, str | None, str | None]]] = {}
        for row in rows:
            headers, said = dict(json.loads(row["headers"])), json.loads(row["value"])
            status = said["status"] if headers["ce_type"] == DeliveryFailed.TYPE else None
            found.setdefault(UUID(said["delivery_id"]), []).append((int(headers["ce_sequence"]), status, said["reason"]))
        return found

    async def make_due(self) -> None:
        """As if the pause of everything that was put off were over."""
        async with self.worker.unscoped() as tx:
            await tx.execute("UPDATE deliveries SET not_before = now() WHERE status = 'deferred'")


def a_meeting(*, title: str, starts_in: timedelta) -> MeetingScheduled:
    starts_at = (datetime.now(UTC) + starts_in).replace(second=0, microsecond=0)
    return MeetingScheduled(
        meeting_id=uuid4(),
        ags=HERE,
        kind=MeetingKind.ROUND_TABLE,
        title=title,
        start=ZonedDateTime(time_zone="UTC", local=starts_at.replace(tzinfo=None)),
        starts_at=starts_at,
        duration_minutes=90,
        place="Rathaus",
        link=None,
        revision=1,
    )


@pytest.fixture
async def world(worker: Database) -> World:
    async with worker.unscoped() as tx:
        municipality = MunicipalityRecord(ags=HERE, name="Musterstadt")
        await directory.save_municipalities(tx, [StateRecord(HERE, 1, municipality)])
    return World(worker, Planner())


@dataclass
class Mailers:
    """Mailers that run in this process."""

    worker: Database
    database_url: str
    mail_server: MailServer
    key: OKPKey

    @asynccontextmanager
    async def running(self, *, count: int = 1, connections: int = 4, per_minute: int | None = None) -> AsyncGenerator[Mailer]:
        mailers = [
            Mailer(
                self.worker,
                self.database_url,
                SmtpSettings.from_url(self.mail_server.url),
                Writer(SENDER, self.key),
                connections=connections,
                per_minute=per_minute,
            )
            for _ in range(count)
        ]
        tasks = [asyncio.create_task(mailer.run()) for mailer in mailers]
        try:
            yield mailers[0]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for task in tasks:
                if not task.cancelled() and (error := task.exception()):
                    raise error


@pytest.fixture
def mailers(worker: Database, urls: ServiceDatabase, mail_server: MailServer, link_key: OKPKey) -> Mailers:
    return Mailers(worker, urls.worker_url, mail_server, link_key)
