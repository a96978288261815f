"""Feedback: who is asked, reminded or answered gets one mail, which says what is true when it is sent."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc.jwk import OKPKey

from emon_contracts.envelope import NewEvent
from emon_contracts.events.feedback import (
    Awaited,
    FeedbackAcknowledged,
    FeedbackAnswered,
    FeedbackContinued,
    FeedbackKind,
    FeedbackOverdue,
    FeedbackSubmitted,
)
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka
from emon_platform import outbox
from emon_platform.signed_links import Purpose, verify

from tests.faults.service_process import Keys, service_process
from tests.faults.story import begin_at_the_end
from tests.notifications.conftest import HERE, Mailers, World
from tests.notifications.mail_server import MailServer
from tests.polling import eventually

DAY, LATER_DAY = date(2027, 3, 18), date(2027, 4, 1)


async def test_who_is_asked_gets_a_link_and_the_day(
    world: World, mailers: Mailers, mail_server: MailServer, link_key: OKPKey
) -> None:
    [person] = await world.people(1, introduced=True)
    feedback = uuid4()
    await world.feedback(FeedbackSubmitted, feedback, asked=(person,), acknowledge_by=DAY)
    [delivery] = await world.deliveries()
    assert (delivery["kind"], delivery["category"], delivery["ags"]) == ("feedback_asked", "feedback", HERE)
    assert delivery["expires_at"] - delivery["occurred_at"] == timedelta(days=5)
    async with mailers.running():
        assert await world.settled() == ["accepted"]
    [mail] = mail_server.mails
    assert mail.subject == "Neues Feedback aus Musterstadt: bitte bestätigen"
    assert "Donnerstag, 18. März 2027" in mail.text()
    [token] = set(re.findall(r"http://127.0.0.1:8080/links/([A-Za-z0-9_-]+)", mail.text()))
    link = verify(token, link_key, datetime.now(UTC))
    assert (link.purpose, link.subject_id, link.person_id, link.revision) == (Purpose.FEEDBACK, feedback, person, 1)
    assert timedelta(days=179) < link.expires_at - datetime.now(UTC) <= timedelta(days=180)


async def test_the_whole_story_reaches_each_side(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    first, second, author = await world.people(3, introduced=True)
    feedback = uuid4()
    async with mailers.running():
        await world.feedback(FeedbackSubmitted, feedback, asked=(first,), acknowledge_by=DAY)
        await world.settled()
        said: dict[str, Any] = {
            "awaited": Awaited.ACKNOWLEDGEMENT,
            "asked": (first, second),
            "asked_in_vain": (first,),
            "due_by": LATER_DAY,
        }
        await world.feedback(FeedbackOverdue, feedback, **said)
        await world.settled()
        said = {"author_id": author, "acknowledged_by": second, "answer_by": LATER_DAY}
        await world.feedback(FeedbackAcknowledged, feedback, **said)
        await world.settled()
        await world.feedback(FeedbackContinued, feedback, asked=(second,))
        await world.settled()
        await world.feedback(FeedbackAnswered, feedback, author_id=author, answered_by=second)
        assert await world.settled() == ["accepted"] * 6
    assert [(mail.recipient, mail.subject) for mail in mail_server.mails if mail.recipient != "person1@example.org"] == [
        ("person0@example.org", "Neues Feedback aus Musterstadt: bitte bestätigen"),
        ("person0@example.org", "Erinnerung: Feedback aus Musterstadt wartet auf Ihre Bestätigung"),
        ("person2@example.org", "Ihr Feedback wurde gelesen"),
        ("person2@example.org", "Ihr Feedback ist beantwortet"),
    ]
    assert [mail.subject for mail in mail_server.mails if mail.recipient == "person1@example.org"] == [
        "Feedback aus Musterstadt wartet auf eine Bestätigung",
        "Neue Nachricht zu einem Feedback aus Musterstadt",
    ]


async def test_an_unsent_request_survives_that_the_author_wrote_back(world: World, mailers: Mailers) -> None:
    [person] = await world.people(1)
    feedback = uuid4()
    await world.feedback(FeedbackSubmitted, feedback, asked=(person,), acknowledge_by=DAY)
    await world.feedback(FeedbackContinued, feedback, asked=(person,))
    async with mailers.running():
        assert await world.settled() == ["superseded", "accepted"]
    assert await world.mail_kinds() == ["feedback_asked"]


async def test_who_need_not_act_any_more_is_not_asked(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    first, second = await world.people(2)
    feedback = uuid4()
    await world.feedback(FeedbackSubmitted, feedback, asked=(first, second), acknowledge_by=DAY)
    await world.feedback(FeedbackAcknowledged, feedback, author_id=None, acknowledged_by=first, answer_by=LATER_DAY)
    async with mailers.running():
        await world.settled()
    assert await world.outcomes() == [("skipped", "nothing-new")] * 2
    assert mail_server.mails == []


async def test_what_is_published_anew_is_told_to_nobody_and_an_older_event_changes_nothing(world: World) -> None:
    [person] = await world.people(1)
    feedback = uuid4()
    await world.feedback(FeedbackSubmitted, feedback, asked=(person,), acknowledge_by=DAY)
    before = await world.deliveries()
    event = world.event(
        FeedbackSubmitted.model_validate(
            {"feedback_id": feedback, "ags": HERE, "kind": "praise", "confidential": False, "asked": [person]}
            | {"acknowledge_by": LATER_DAY}
        ),
        replayed=True,
    )
    await world.deliver(event)
    assert await world.deliveries() == before
    world.versions[feedback] = 0
    await world.feedback(FeedbackAnswered, feedback, author_id=None, answered_by=person)
    async with world.worker.unscoped() as tx:
        row = await tx.fetchrow("SELECT version, phase, kind, due_by FROM feedback")
        asked = await tx.fetchval("SELECT count(*) FROM feedback_requests")
    assert (row["version"], row["phase"], row["kind"], row["due_by"], asked) == (2, "received", "praise", LATER_DAY, 1)


async def test_an_erased_person_is_asked_nothing(world: World) -> None:
    [person] = await world.people(1)
    await world.feedback(FeedbackSubmitted, uuid4(), asked=(person,), acknowledge_by=DAY)
    await world.erase(person)
    assert await world.statuses() == ["erased"]
    async with world.worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(*) FROM feedback_requests") == 0


async def test_who_is_late_goes_before_who_is_asked_and_both_before_many_invitations(world: World) -> None:
    people = await world.people(2)
    await world.meeting(people)
    await world.feedback(FeedbackSubmitted, uuid4(), asked=people, acknowledge_by=DAY)
    said: dict[str, Any] = {"awaited": Awaited.ANSWER, "asked": people, "asked_in_vain": (), "due_by": DAY}
    await world.feedback(FeedbackOverdue, uuid4(), **said)
    by_priority = sorted(await world.deliveries(), key=lambda row: row["priority"])
    assert [row["kind"] for row in by_priority] == ["feedback_escalation"] * 2 + ["feedback_asked"] * 2 + ["invitation"] * 2


async def test_what_feedback_publishes_is_mailed(
    urls: ServiceDatabase, world: World, kafka: RunningKafka, mail_server: MailServer, tmp_path: Path
) -> None:
    """The service itself, between a real broker and a mail server: events of one feedback, published in one transaction."""
    first, second = await world.people(2, introduced=True)
    feedback = uuid4()
    facts = {"feedback_id": feedback, "ags": HERE, "kind": FeedbackKind.IDEA, "confidential": True}
    story = (
        FeedbackSubmitted.model_validate(facts | {"asked": (first,), "acknowledge_by": DAY}),
        FeedbackOverdue.model_validate(
            facts | {"awaited": "acknowledgement", "asked": (second,), "asked_in_vain": (first,), "due_by": LATER_DAY}
        ),
    )
    await begin_at_the_end(world.worker, "notifications", kafka.bootstrap_servers)
    async with world.worker.unscoped() as tx:
        events = [NewEvent(payload, payload.key(), version) for version, payload in enumerate(story, 1)]
        await outbox.append(tx, "test", events)
    environment = {"EMON_SMTP_URL": mail_server.url}
    async with service_process("notifications", urls, kafka.bootstrap_servers, Keys(tmp_path), environment):

        async def subjects() -> list[str]:
            return [mail.subject for mail in mail_server.mails if mail.recipient == "person1@example.org"]

        wanted = ["Feedback aus Musterstadt wartet auf eine Bestätigung"]
        await eventually(subjects, lambda found: found == wanted, within_s=40)
    assert {row["ags"] for row in await world.deliveries(subject_id=feedback)} == {None}
