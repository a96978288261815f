"""The auditor on a running notifications that is killed and gets events twice: healthy it passes, with a defect it is caught."""

import os
import signal
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from emon_contracts.directory import PersonRecord
from emon_contracts.envelope import NewEvent, Payload
from emon_contracts.events.feedback import (
    FeedbackAcknowledged,
    FeedbackAnswered,
    FeedbackContinued,
    FeedbackKind,
    FeedbackSubmitted,
)
from emon_contracts.events.gateway import SignInRequested
from emon_contracts.events.meetings import InvitationsIssued, IssuedInvitation, MeetingKind, MeetingScheduled
from emon_contracts.topics import FEEDBACK_EVENTS, GATEWAY_EVENTS, MEETINGS_EVENTS
from emon_contracts.values import Locale, ZonedDateTime
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka
from emon_notifications.schema import migrations
from emon_platform import outbox
from emon_platform.database import Database

from tests.conftest import FreshDatabase
from tests.faults.audit.records import Promises, Written
from tests.faults.audit.sources import read_events
from tests.faults.auditor import Report, audit, gather
from tests.faults.broken_variants import TOLD_AS_WELL
from tests.faults.service_process import Keys, ServiceProcess, service_process
from tests.faults.story import begin_at_the_end
from tests.notifications.mail_server import DATA, DROP, MailServer, Script, friendly, running_mail_server
from tests.platform import kafka_peer
from tests.polling import eventually

TOPICS = (MEETINGS_EVENTS.name, GATEWAY_EVENTS.name, FEEDBACK_EVENTS.name)
GUESTS = 12
SIGN_INS = 1
ABOUT_FEEDBACK = 6
KILLED_AFTER_MAILS = 5
SOON = date(2031, 3, 10)
UNSETTLED = ["waiting", "queued", "sending", "deferred"]


@pytest.fixture
async def mail_server() -> AsyncGenerator[MailServer]:
    async with running_mail_server() as server:
        yield server


class Journey:
    """Events for a notifications that is killed in the middle of its mails, comes back, and is told the same events once more."""

    def __init__(self, database: ServiceDatabase, kafka: RunningKafka, mail_server: MailServer, folder: Path) -> None:
        self.database = database
        self.bootstrap = kafka.bootstrap_servers
        self.mail_server = mail_server
        self.keys = Keys(folder)
        self.meeting, self.request, self.waiting, self.answered = a_meeting(), uuid4(), uuid4(), uuid4()
        self.people = [uuid4() for _ in range(GUESTS)]
        self.signs_in, self.asked, self.asked_beside, self.author, self.spoken_of = self.people[:5]

    @property
    def subjects(self) -> list[UUID]:
        """What all of it is about, but for the people themselves."""
        return [self.meeting.meeting_id, self.request, self.waiting, self.answered]

    async def travel(self, module: Sequence[str] | None = None) -> Report:
        starts = {topic: await kafka_peer.ends(self.bootstrap, topic) for topic in TOPICS}
        worker = await Database.connect(self.database.worker_url, name="test")
        try:
            await begin_at_the_end(worker, "notifications", self.bootstrap)
            async with worker.unscoped() as tx:
                await outbox.append(tx, "test", self._story())
            settings = {"EMON_SMTP_URL": self.mail_server.url, TOLD_AS_WELL: str(self.spoken_of)}
            where = self.database, self.bootstrap, self.keys, settings
            async with service_process("notifications", *where, module=module) as service:
                self.mail_server.script = kill_at_data(service)
                await service.process.wait()
            self.mail_server.script = friendly
            async with service_process("notifications", *where, module=module):
                await self._settled(worker)
                for topic, start in starts.items():
                    await self._tell_again(topic, start)
                await self._settled(worker)
        finally:
            await worker.close()
        mails = [mail.content for mail in self.mail_server.mails]
        promises = Promises(written={self.waiting: Written(None, self.spoken_of), self.answered: Written(self.author)})
        subjects = [*self.subjects, *self.people]
        return audit(await gather(self.bootstrap, self.database.worker_url, mails, promises=promises, subjects=subjects))

    def _story(self) -> list[NewEvent]:
        people = [
            PersonRecord(
                person_id=person, display_name=f"Gast {number}", email=f"gast{number}.{person}@example.org", locale=Locale.DE,
                memberships=(), grants=(),
            )
            for number, person in enumerate(self.people)
        ]  # fmt: skip
        meeting_id, ags = self.meeting.meeting_id, self.meeting.ags
        guests = tuple(IssuedInvitation(invitation_id=uuid4(), person_id=person) for person in self.people)
        expires_at = datetime.now(UTC) + timedelta(minutes=30)
        payloads: list[Payload] = [
            *people,
            self.meeting,
            InvitationsIssued(meeting_id=meeting_id, ags=ags, invitations=guests),
            SignInRequested(request_id=self.request, person_ids=(self.signs_in,), expires_at=expires_at),
        ]
        first = [NewEvent(payload, subject=payload.key(), sequence=1) for payload in payloads]
        return first + [
            NewEvent(payload, subject=payload.key(), sequence=version)
            for feedback in (self._waiting_feedback(), self._answered_feedback())
            for version, payload in enumerate(feedback, 1)
        ]

    def _waiting_feedback(self) -> list[Payload]:
        """About somebody; its author, who gave no name, writes back."""
        facts = partial(dict[str, Any], feedback_id=self.waiting, ags=self.meeting.ags, kind=FeedbackKind.IDEA, confidential=True)
        return [
            FeedbackSubmitted(**facts(asked=(self.asked, self.asked_beside), acknowledge_by=SOON)),
            FeedbackContinued(**facts(asked=(self.asked,))),
        ]

    def _answered_feedback(self) -> list[Payload]:
        facts = partial(
            dict[str, Any], feedback_id=self.answered, ags=self.meeting.ags, kind=FeedbackKind.IDEA, confidential=False
        )
        return [
            FeedbackSubmitted(**facts(asked=(self.asked_beside,), acknowledge_by=SOON)),
            FeedbackAcknowledged(**facts(author_id=self.author, acknowledged_by=self.asked_beside, answer_by=SOON)),
            FeedbackAnswered(**facts(author_id=self.author, answered_by=self.asked_beside)),
        ]

    async def _tell_again(self, topic: str, start: dict[int, int]) -> None:
        """The same records once more, as from a relay that was killed before it deleted them."""
        ends = await kafka_peer.ends(self.bootstrap, topic)
        records = await kafka_peer.read_from(self.bootstrap, topic, start, sum(ends.values()) - sum(start.values()))
        ours = {str(subject) for subject in self.subjects}
        again = [(record.key, list(record.headers), record.value) for record in records if record.key.decode() in ours]
        assert again
        await kafka_peer.put(self.bootstrap, topic, again)

    async def _settled(self, worker: Database) -> None:
        ends: dict[tuple[str, int], int] = {}
        for topic in TOPICS:
            ends |= {(topic, partition): end for partition, end in (await kafka_peer.ends(self.bootstrap, topic)).items()}

        async def what_is_left() -> list[Any]:
            async with worker.unscoped() as tx:
                carried = await tx.fetchval("SELECT count(*) FROM outbox")
                offsets = await tx.fetch("SELECT topic, partition, next_offset FROM consumer_offsets")
                statuses = await tx.fetch("SELECT status FROM deliveries WHERE subject_id = ANY($1::uuid[])", self.subjects)
            read = {(row["topic"], row["partition"]): row["next_offset"] for row in offsets}
            behind = [place for place, end in ends.items() if read.get(place, 0) < end]
            open_ = [row["status"] for row in statuses if row["status"] in UNSETTLED]
            planned = len(statuses) >= GUESTS + SIGN_INS + ABOUT_FEEDBACK
            return [*behind, *open_, *([] if planned else ["not planned"]), *(["outbox"] if carried else [])]

        await eventually(what_is_left, lambda left: not left, within_s=60)


def a_meeting() -> MeetingScheduled:
    starts_at = (datetime.now(UTC) + timedelta(days=30)).replace(second=0, microsecond=0)
    return MeetingScheduled(
        meeting_id=uuid4(),
        ags="08115003",
        kind=MeetingKind.ROUND_TABLE,
        title=f"Runder Tisch {uuid4()}",
        start=ZonedDateTime(local=starts_at.replace(tzinfo=None), time_zone="Etc/UTC"),
        starts_at=starts_at,
        duration_minutes=90,
        place="Rathaus",
        link=None,
        revision=0,
    )


def kill_at_data(service: ServiceProcess) -> Script:
    """The service is killed when it wants to hand over a mail, after so many."""
    begun = 0

    def script(step: str, _recipient: str) -> str | None:
        nonlocal begun
        begun += step == DATA
        if begun <= KILLED_AFTER_MAILS:
            return None
        if service.process.returncode is None:
            os.kill(service.pid, signal.SIGKILL)
        return DROP

    return script


@pytest.fixture
async def journey(fresh_database: FreshDatabase, kafka: RunningKafka, mail_server: MailServer, tmp_path: Path) -> Journey:
    return Journey(await fresh_database("notifications", migrations), kafka, mail_server, tmp_path)


async def test_the_auditor_reads_every_event_each_time_it_looks(kafka: RunningKafka) -> None:
    meeting = a_meeting()
    headers = [("ce_id", str(uuid4())), ("ce_type", "for.the.auditor.alone"), ("ce_subject", meeting.key()), ("ce_sequence", "1")]
    headers.append(("ce_time", datetime.now(UTC).isoformat()))
    record = (meeting.key().encode(), [(name, value.encode()) for name, value in headers], b"{}")
    await kafka_peer.put(kafka.bootstrap_servers, FEEDBACK_EVENTS.name, [record])
    for _ in range(5):
        found = await read_events(kafka.bootstrap_servers)
        assert str(meeting.meeting_id) in {str(event.subject) for event in found}


async def test_a_healthy_platform_that_is_killed_and_told_everything_twice_passes_the_audit(journey: Journey) -> None:
    report = await journey.travel()
    assert report.violations == [], report
    assert report.intended == GUESTS + SIGN_INS + ABOUT_FEEDBACK
    arrived_or_in_doubt = {kind: report.states[kind, "accepted"] + report.states[kind, "uncertain"] for kind, _ in report.states}
    assert (arrived_or_in_doubt["invitation"], arrived_or_in_doubt["sign_in"]) == (GUESTS, SIGN_INS)
    assert arrived_or_in_doubt["feedback_answered"] == 1
    assert report.count("accepted") > 0
    assert report.to_introduce == sum(report.introducing.values()) == GUESTS


async def test_a_platform_that_records_before_it_sends_is_caught(journey: Journey) -> None:
    report = await journey.travel(("tests.faults.broken_variants", "record-before-sending"))
    # Who is taken for introduced by a mail that was lost gets the next one without an introduction.
    assert report.laws_broken() - {"told-before-introduced"} == {"accepted-but-lost"}, report


async def test_a_platform_that_forgets_what_it_did_and_tells_whom_it_must_not_is_caught(journey: Journey) -> None:
    connection = await asyncpg.connect(journey.database.owner_url)
    await connection.execute("ALTER TABLE deliveries DROP CONSTRAINT deliveries_event_id_person_id_channel_key")
    await connection.close()
    defects = {
        "forget-what-was-handled": {"planned-twice", "told-twice"},
        "forget-who-was-introduced": {"introduced-twice"},
        "tell-whom-feedback-is-about": {"not-intended", "says-what-is-not-so", "told-whom-it-is-about"},
    }
    report = await journey.travel(("tests.faults.broken_variants", "+".join(defects)))
    assert report.laws_broken() == set[str]().union(*defects.values()), report
    assert people_of(report, "planned-twice") == set(journey.people)
    assert people_of(report, "told-whom-it-is-about") == {journey.spoken_of}


def people_of(report: Report, law: str) -> set[UUID]:
    """Those whom violations of this law name."""
    return {UUID(value) for item in report.violations if item.law == law for name, value in item.about if name == "person"}
