"""Notifications is killed around the commit in which it plans mails: every guest gets one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from emon_contracts.directory import PersonRecord
from emon_contracts.envelope import NewEvent
from emon_contracts.events.meetings import InvitationsIssued, IssuedInvitation, MeetingKind, MeetingScheduled
from emon_contracts.values import Locale, ZonedDateTime
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka, RunningMailSink, running_mail_sink
from emon_notifications.schema import migrations
from emon_operator.demo_client import Mailbox
from emon_platform import outbox
from emon_platform.database import Database

from tests.conftest import FreshDatabase
from tests.faults.killing_proxy import KillPoint, killing_proxy
from tests.faults.service_process import Keys, service_process
from tests.faults.story import begin_at_the_end
from tests.polling import eventually

GUESTS = 40


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> ServiceDatabase:
    return await fresh_database("notifications", migrations)


@pytest.fixture
async def worker(database: ServiceDatabase) -> AsyncGenerator[Database]:
    connected = await Database.connect(database.worker_url, name="test")
    yield connected
    await connected.close()


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncGenerator[RunningMailSink]:
    async with running_mail_sink(tmp_path / "mails") as running:
        yield running


def story(title: str) -> Sequence[NewEvent]:
    """People, a meeting, and invitations for all of them."""
    people = [
        PersonRecord(
            person_id=uuid4(), display_name=f"Gast {n}", email=f"gast{n}@example.org", locale=Locale.DE, memberships=(), grants=()
        )
        for n in range(GUESTS)
    ]
    starts_at = (datetime.now(UTC) + timedelta(days=30)).replace(second=0, microsecond=0)
    meeting = MeetingScheduled(
        meeting_id=uuid4(),
        ags="08115003",
        kind=MeetingKind.ROUND_TABLE,
        title=title,
        start=ZonedDateTime(local=starts_at.replace(tzinfo=None), time_zone="Etc/UTC"),
        starts_at=starts_at,
        duration_minutes=90,
        place="Rathaus",
        link=None,
        revision=0,
    )
    invitations = tuple(IssuedInvitation(invitation_id=uuid4(), person_id=person.person_id) for person in people)
    issued = InvitationsIssued(meeting_id=meeting.meeting_id, ags=meeting.ags, invitations=invitations)
    return [NewEvent(payload, subject=payload.key(), sequence=1) for payload in (*people, meeting, issued)]


@pytest.mark.parametrize("after", [False, True], ids=["before its commit", "after its commit"])
async def test_a_planner_killed_around_its_commit_mails_every_guest_once(
    database: ServiceDatabase, worker: Database, kafka: RunningKafka, sink: RunningMailSink, tmp_path: Path, after: bool
) -> None:
    keys, title = Keys(tmp_path), f"Runder Tisch {uuid4()}"
    mail = {"EMON_SMTP_URL": sink.smtp_url}
    point = KillPoint((title.encode(), b"COMMIT"), after=after)
    await begin_at_the_end(worker, "notifications", kafka.bootstrap_servers)
    async with worker.unscoped() as tx:
        await outbox.append(tx, "test", story(title))
    async with killing_proxy(database.worker_url, point) as url:
        broken = {**mail, "EMON_DATABASE_WORKER_URL": url}
        async with service_process("notifications", database, kafka.bootstrap_servers, keys, broken) as service:
            point.pid = service.pid
            await asyncio.wait_for(point.reached.wait(), 60)
    async with service_process("notifications", database, kafka.bootstrap_servers, keys, mail):

        async def states() -> list[Any]:
            async with worker.unscoped() as tx:
                return await tx.fetch(
                    """
                    SELECT status, count(*) AS count
                    FROM deliveries JOIN meetings ON meetings.meeting_id = deliveries.subject_id
                    WHERE meetings.title = $1
                    GROUP BY status
                    """,
                    title,
                )

        await eventually(states, lambda found: [tuple(row) for row in found] == [("accepted", GUESTS)], within_s=60)
    async with Mailbox(sink.http_url) as mailbox:
        recipients = [mail["To"][0]["Address"] for mail in await mailbox.about(title, GUESTS)]
    assert sorted(recipients) == sorted(f"gast{n}@example.org" for n in range(GUESTS))
