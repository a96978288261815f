"""From what is owed to mail: each once, in the right order, with the right words, whatever the mail server says."""

import asyncio
import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from joserfc.jwk import OKPKey

from emon_contracts.values import Locale
from emon_notifications.mailing import repository
from emon_platform.signed_links import Purpose, verify

from tests.notifications.conftest import Mailers, World
from tests.notifications.mail_server import CONTENT, DATA, DROP, MAIL, RCPT, MailServer
from tests.polling import eventually


async def test_an_invitation_arrives(world: World, mailers: Mailers, mail_server: MailServer, link_key: OKPKey) -> None:
    person = await world.person("kim@example.org", introduced=True)
    meeting = await world.meeting([person], title="Runder Tisch Sprache")
    async with mailers.running() as mailer:
        await world.settled()
        assert mailer.trouble() == []
    [mail] = mail_server.mails
    assert mail.recipient == "kim@example.org"
    assert "Runder Tisch Sprache" in mail.subject
    assert "METHOD:REQUEST" in mail.content.decode()
    [token] = set(re.findall(r"/links/([A-Za-z0-9_-]+)", mail.text()))
    link = verify(token, link_key, datetime.now(UTC))
    assert (link.purpose, link.person_id, link.revision) == (Purpose.INVITATION, person, 1)
    assert link.expires_at == world.meetings[meeting].starts_at + timedelta(minutes=90, days=1)
    [attempt] = await world.attempts()
    assert (attempt["outcome"], attempt["reply"]) == ("accepted", "250 2.0.0 kept")
    assert mail.message_id == f"<{attempt['mail_id']}@emon.example>"


async def test_the_whole_story_is_told_in_order(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    people = await world.people(3)
    meeting = await world.meeting(people)
    async with mailers.running():
        await world.settled()
        await world.reschedule(meeting)
        await world.settled()
        await world.cancel(meeting)
        assert await world.settled() == ["accepted"] * 9
    assert Counter(mail_server.recipients()) == Counter({f"person{number}@example.org": 3 for number in range(3)})
    mine = [mail.content.decode() for mail in mail_server.mails if mail.recipient == "person0@example.org"]
    assert [re.findall(r"^(?:METHOD:|SEQUENCE:)(.*)\r$", content, re.MULTILINE) for content in mine] == [
        ["REQUEST", "1"],
        ["REQUEST", "2"],
        ["CANCEL", "3"],
    ]


async def test_rescheduled_before_the_invitation_went_out_is_one_invitation(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    [person] = await world.people(1)
    meeting = await world.meeting([person])
    await world.reschedule(meeting, "Anderer Saal")
    async with mailers.running():
        assert await world.settled() == ["superseded", "accepted"]
    [mail] = mail_server.mails
    assert "Anderer Saal" in mail.text()
    async with world.worker.unscoped() as tx:
        assert await tx.fetchval("SELECT kind FROM mails") == "invitation"


async def test_cancelled_before_the_invitation_went_out_is_nothing(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    [person] = await world.people(1)
    await world.cancel(await world.meeting([person]))
    async with mailers.running():
        await world.settled()
    assert await world.outcomes() == [("superseded", "newer-planned"), ("skipped", "cancelled-before-invited")]
    assert mail_server.mails == []


async def test_two_mailers_at_once_send_each_mail_once(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    people = await world.people(250, introduced=True)
    await world.meeting(people)
    await world.meeting(people)
    async with mailers.running(count=2):
        assert await world.settled() == ["accepted"] * 500
    assert Counter(mail_server.recipients()) == Counter({f"person{number}@example.org": 2 for number in range(250)})
    assert len({mail.message_id for mail in mail_server.mails}) == 500


async def test_what_is_put_off_is_tried_again_with_the_same_message_id(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    [person] = await world.people(1)
    await world.meeting([person])

    def later(step: str, _recipient: str) -> str | None:
        return "451 4.3.0 later" if step == CONTENT else None

    mail_server.script = later
    async with mailers.running():
        [delivery] = await eventually(world.deliveries, lambda all_: all_[0]["status"] == "deferred")
        assert delivery["reason"] == "content-451"
        assert timedelta(seconds=40) < delivery["not_before"] - datetime.now(UTC) < timedelta(seconds=80)
        first_mail = delivery["mail_id"]
        mail_server.script = lambda _step, _recipient: None
        await world.make_due()
        await eventually(world.statuses, lambda all_: all_ == ["accepted"])
    assert [attempt["outcome"] for attempt in await world.attempts()] == ["deferred", "accepted"]
    assert {attempt["mail_id"] for attempt in await world.attempts()} == {first_mail}


async def test_a_dead_address_bounces_and_is_suppressed(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    dead = await world.person("dead@example.org")
    full = await world.person("full@example.org")
    fine = await world.person("fine@example.org")

    def script(step: str, recipient: str) -> str | None:
        if step == RCPT and recipient == "dead@example.org":
            return "550 5.1.1 <dead@example.org> unknown"
        return "552 5.2.2 too big" if step == CONTENT and recipient == "full@example.org" else None

    mail_server.script = script
    async with mailers.running():
        meeting = await world.meeting([dead, full, fine])
        await world.settled()
        await world.meeting([dead])
        await world.settled()
    assert await world.outcomes(subject_id=meeting) == [("bounced", "rcpt-550"), ("bounced", "content-552"), ("accepted", None)]
    assert await world.outcomes(person_id=dead) == [("bounced", "rcpt-550"), ("suppressed", "address-suppressed")]
    replies = {attempt["reply"] for attempt in await world.attempts()}
    assert "550 5.1.1 <[recipient]> unknown" in replies
    async with world.worker.unscoped() as tx:
        assert [row["email_key"] for row in await tx.fetch("SELECT email_key FROM suppressed_addresses")] == ["dead@example.org"]


async def test_no_reply_after_the_final_dot_is_uncertain_until_staff_release_it(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    [person] = await world.people(1)
    await world.meeting([person])
    mail_server.script = lambda step, _recipient: DROP if step == CONTENT else None
    async with mailers.running():
        await eventually(world.statuses, lambda all_: all_ == ["uncertain"])
        mail_server.script = lambda _step, _recipient: None
        async with world.worker.unscoped() as tx:
            await tx.execute("UPDATE deliveries SET status = 'queued'")
        await eventually(world.statuses, lambda all_: all_ == ["accepted"])
    assert len(mail_server.mails) == 2
    assert len({mail.message_id for mail in mail_server.mails}) == 1


async def test_a_change_after_an_uncertain_invitation_is_told_as_a_change(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    [person] = await world.people(1)
    meeting = await world.meeting([person])
    mail_server.script = lambda step, _recipient: DROP if step == CONTENT else None
    async with mailers.running():
        await eventually(world.statuses, lambda all_: all_ == ["uncertain"])
        mail_server.script = lambda _step, _recipient: None
        await world.reschedule(meeting)
        assert await eventually(world.statuses, lambda all_: all_[-1] == "accepted") == ["uncertain", "accepted"]
    async with world.worker.unscoped() as tx:
        assert [row["kind"] for row in await tx.fetch("SELECT kind FROM mails ORDER BY id")] == ["invitation", "change"]


async def test_a_dropped_connection_before_the_content_loses_and_doubts_nothing(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    people = await world.people(5)
    await world.meeting(people)
    dropped = 0

    def drop_twice(step: str, _recipient: str) -> str | None:
        nonlocal dropped
        if step == DATA and dropped < 2:
            dropped += 1
            return DROP
        return None

    mail_server.script = drop_twice
    async with mailers.running():
        assert await world.settled() == ["accepted"] * 5
    assert sorted(mail_server.recipients()) == sorted(f"person{number}@example.org" for number in range(5))


async def test_a_mail_that_breaks_every_connection_does_not_hold_up_the_others(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    first, second = await world.people(2)
    await world.meeting([first, second])
    mail_server.script = lambda step, recipient: DROP if step == RCPT and recipient == "person0@example.org" else None
    async with mailers.running(connections=1):
        assert await world.settled() == ["deferred", "accepted"]


async def test_a_mail_server_that_is_down_loses_nothing_and_shows_in_health(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    [person] = await world.people(1)
    await world.meeting([person])
    mail_server.greeting = "421 4.3.2 closed for today"
    async with mailers.running() as mailer:

        async def trouble() -> list[str]:
            return mailer.trouble()

        [found] = await eventually(trouble, lambda found: any("unreachable" in item for item in found))
        assert found.startswith("mail server unreachable")
        assert await world.statuses() == ["queued"]
        assert await world.attempts() == []
        mail_server.greeting = "220 test ESMTP"
        assert await world.settled() == ["accepted"]
        assert mailer.trouble() == []


async def test_a_refused_sender_ends_nobodys_mail_and_shows_in_health(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    await world.meeting(await world.people(3))
    mail_server.script = lambda step, _recipient: "530 5.7.0 authentication required" if step == MAIL else None
    async with mailers.running() as mailer:
        assert await world.settled() == ["deferred"] * 3
        assert mailer.trouble() == ["mail server refuses the sender: 530"]
        mail_server.script = lambda _step, _recipient: None
        await world.make_due()
        await eventually(world.statuses, lambda all_: all_ == ["accepted"] * 3)
        assert mailer.trouble() == []


async def test_a_sign_in_mail_in_doubt_is_sent_again_by_itself(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    await world.ask_to_sign_in(*await world.people(1))
    mail_server.script = lambda step, _recipient: DROP if step == CONTENT else None
    async with mailers.running():
        [delivery] = await eventually(world.deliveries, lambda all_: all_[0]["status"] == "deferred")
        assert delivery["not_before"] - datetime.now(UTC) < timedelta(seconds=7)
        mail_server.script = lambda _step, _recipient: None
        await world.make_due()
        await eventually(world.statuses, lambda all_: all_ == ["accepted"])


async def test_two_people_with_one_mailbox_get_one_sign_in_mail_with_a_link_each(
    world: World, mailers: Mailers, mail_server: MailServer, link_key: OKPKey
) -> None:
    kim = await world.person("home@example.org", "Kim Muster")
    alex = await world.person("Home@example.org", "Alex Muster")
    request = await world.ask_to_sign_in(kim, alex)
    async with mailers.running(count=2):
        assert await world.settled() == ["accepted", "accepted"]
    [mail] = mail_server.mails
    tokens = re.findall(r"token=([A-Za-z0-9_-]+)", mail.text())
    links = [verify(token, link_key, datetime.now(UTC)) for token in tokens]
    assert {link.person_id for link in links} == {kim, alex}
    assert {link.purpose for link in links} == {Purpose.SIGN_IN}
    assert len({link.identifier for link in links}) == 2
    assert "Kim Muster" in mail.text()
    assert "Alex Muster" in mail.text()
    assert len({row["mail_id"] for row in await world.deliveries(subject_id=request)}) == 1


async def test_urgent_mail_overtakes(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    people = await world.people(4)
    told = await world.meeting(people[:1])
    async with mailers.running():
        await world.settled()
    mail_server.mails.clear()
    await world.meeting(people)
    await world.cancel(told)
    await world.ask_to_sign_in(people[3])
    async with mailers.running(connections=1):
        await world.settled()
    assert len(mail_server.mails) == 6
    assert "/sign-in?token=" in mail_server.mails[0].text()
    assert "METHOD:CANCEL" in mail_server.mails[1].content.decode()


async def test_a_sign_in_mail_that_nobody_can_use_any_more_is_not_sent(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    [person] = await world.people(1)
    await world.ask_to_sign_in(person, lasts=timedelta(seconds=60))
    async with world.worker.unscoped() as tx:
        await tx.execute("UPDATE deliveries SET expires_at = now()")
    async with mailers.running():
        await world.settled()
    assert await world.outcomes() == [("expired", "too-late")]
    assert mail_server.mails == []


async def test_nothing_new_is_told_about_a_meeting_that_has_begun(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    [person] = await world.people(1)
    meeting = await world.meeting([person])
    async with world.worker.unscoped() as tx:
        await tx.execute("UPDATE meetings SET starts_at = now() WHERE meeting_id = $1", meeting)
    async with mailers.running():
        await world.settled()
    assert await world.outcomes() == [("expired", "meeting-started")]
    assert mail_server.mails == []


async def test_what_cannot_be_written_is_held_and_holds_up_nobody(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    bad = await world.person("bad@example.org", "Kim\r\nBcc: everybody@example.org")
    good = await world.person("good@example.org")
    await world.meeting([bad, good])
    async with mailers.running():
        await world.settled()
    assert await world.outcomes() == [("held", "could-not-be-written"), ("accepted", None)]
    assert mail_server.recipients() == ["good@example.org"]


async def test_people_are_written_to_in_their_language(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    german = await world.person("de@example.org", locale=Locale.DE)
    english = await world.person("en@example.org", locale=Locale.EN)
    await world.meeting([german, english])
    async with mailers.running():
        await world.settled()
    subjects = {mail.recipient: mail.subject for mail in mail_server.mails}
    assert subjects["de@example.org"] != subjects["en@example.org"]


async def test_a_limit_per_minute_is_kept(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    await world.meeting(await world.people(12))
    started = time.monotonic()
    async with mailers.running(per_minute=600):
        await world.settled()
    assert len(mail_server.mails) == 12
    assert time.monotonic() - started >= (12 - 10) * 60 / 600


async def test_a_stopped_mailer_finishes_what_it_has_begun(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    await world.meeting(await world.people(300))
    async with mailers.running():
        await eventually(world.statuses, lambda all_: "accepted" in all_)
    statuses = Counter(await world.statuses())
    assert set(statuses) <= {"accepted", "queued"}
    assert len(mail_server.mails) == statuses["accepted"]


async def test_a_late_outcome_of_the_same_try_decides(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    """The lock is lost in the middle of a try: others call it uncertain, and the reply that comes after all decides."""
    [person] = await world.people(1)
    await world.meeting([person])
    arrived, go_on = asyncio.Event(), asyncio.Event()

    def slow(step: str, _recipient: str) -> str | None:
        if step == MAIL:
            arrived.set()
        return None

    mail_server.script = slow
    mail_server.before_content_reply = go_on.wait
    async with mailers.running():
        await arrived.wait()
        await eventually(world.statuses, lambda all_: all_ == ["sending"])
        async with world.worker.unscoped() as tx:
            await tx.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'notifications mailer'"
            )
        await eventually(lambda: _resolved(world), lambda count: count == 1)
        assert await world.outcomes() == [("uncertain", "mailer-ended")]
        go_on.set()
        await eventually(world.statuses, lambda all_: all_ == ["accepted"])
    assert len(mail_server.mails) == 1


async def _resolved(world: World) -> int:
    async with world.worker.unscoped() as tx:
        return await repository.resolve_attempts_of_dead_mailers(tx)
