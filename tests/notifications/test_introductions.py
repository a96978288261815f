"""Whoever was entered by others is told so within the first mail, once, whatever becomes of mails (GDPR Art. 14)."""

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from emon_contracts.directory import OrganisationRecord
from emon_embedded.stack import RunningPostgreSQL
from emon_notifications.planning.subscribers import Planner
from emon_notifications.schema import migrations
from emon_notifications.settings import NotificationsSettings
from emon_platform import directory
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.migrations import migrate
from emon_platform.signed_links import Purpose, verify

from tests.notifications.conftest import CIRCLE, HERE, Mailers, World
from tests.notifications.mail_server import CONTENT, DATA, DROP, MAIL, RCPT, MailServer, Received
from tests.polling import eventually


def introduces(mail: Received) -> bool:
    return "bei EmON eingetragen" in mail.text()


async def newcomers(world: World) -> list[tuple[bool, bool]]:
    """Of each: were they introduced, and by which mail."""
    async with world.worker.unscoped() as tx:
        rows = await tx.fetch("SELECT introduced_at, mail_id FROM newcomers ORDER BY known_since")
    return [(row["introduced_at"] is not None, row["mail_id"] is not None) for row in rows]


async def come_of_age(world: World, days: int = 8) -> None:
    """As if everybody were known for so long; then the timer runs."""
    async with world.worker.unscoped() as tx:
        await tx.execute("UPDATE newcomers SET known_since = known_since - make_interval(days => $1)", days)
        await world.planner.introduce(tx)


async def test_the_first_mail_says_who_entered_them_and_the_next_one_does_not(
    world: World, mailers: Mailers, mail_server: MailServer, link_key: OKPKey
) -> None:
    async with world.worker.unscoped() as tx:
        circle = OrganisationRecord(organisation_id=CIRCLE, name="Helferkreis Nord", kind="helper_circle", municipalities=(HERE,))
        await directory.save_organisations(tx, [StateRecord(str(CIRCLE), 1, circle)])
    coordinator = await world.person(None, "Kim Koordination")
    person = await world.person("neu@example.org", entered_by=coordinator)
    meeting = await world.meeting([person])
    async with mailers.running():
        await world.settled()
        await world.reschedule(meeting)
        assert await world.settled() == ["accepted"] * 2
    first, second = mail_server.mails
    assert "Kim Koordination hat Sie bei EmON eingetragen" in first.text()
    assert "Helferkreis Nord in Musterstadt (ehrenamtlich)" in first.text()
    links = [verify(token, link_key, datetime.now(UTC)) for token in re.findall(r"/links/([A-Za-z0-9_-]+)", first.text())]
    assert [link.purpose for link in links] == [Purpose.INVITATION, Purpose.CORRECTION, Purpose.ERASURE]
    for link in links[1:]:
        assert (link.subject_id, link.person_id) == (person, person)
        assert timedelta(days=364) < link.expires_at - datetime.now(UTC) <= timedelta(days=365)
    assert not introduces(second)
    assert len(re.findall(r"/links/", second.text())) == 1


async def test_who_entered_themselves_and_who_was_entered_by_the_operator(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    themself = UUID(int=77)
    await world.person("selbst@example.org", person_id=themself, entered_by=themself)
    other = await world.person("andere@example.org")
    await world.meeting([themself, other])
    async with mailers.running():
        await world.settled()
    texts = {mail.recipient: mail for mail in mail_server.mails}
    assert not introduces(texts["selbst@example.org"])
    assert "Die Verwaltung von EmON hat Sie" in texts["andere@example.org"].text()


@pytest.mark.parametrize(
    ("step", "reply", "status"),
    [(CONTENT, "451 later", "deferred"), (RCPT, "552 5.2.2 full", "bounced"), (DATA, DROP, "deferred")],
    ids=["deferred", "bounced", "not sent"],
)
async def test_what_did_not_arrive_introduced_nobody(
    world: World, mailers: Mailers, mail_server: MailServer, step: str, reply: str, status: str
) -> None:
    [person] = await world.people(1)
    await world.meeting([person])
    mail_server.script = lambda at, _recipient: reply if at == step else None
    async with mailers.running(connections=1):
        await eventually(world.statuses, lambda all_: all_ == [status])
        assert await newcomers(world) == [(False, False)]
        mail_server.script = lambda _step, _recipient: None
        await world.meeting([person])
        await eventually(world.statuses, lambda all_: all_[-1] == "accepted")
        await world.make_due()
        await world.settled()
    assert [introduces(mail) for mail in mail_server.mails] == [True, False][: len(mail_server.mails)]
    assert await newcomers(world) == [(True, True)]


async def test_what_may_have_arrived_introduced_and_is_repeated_word_for_word(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    [person] = await world.people(1)
    await world.meeting([person])
    mail_server.script = lambda step, _recipient: DROP if step == CONTENT else None
    async with mailers.running():
        await eventually(world.statuses, lambda all_: all_ == ["uncertain"])
        mail_server.script = lambda _step, _recipient: None
        await world.meeting([person])
        await eventually(world.statuses, lambda all_: all_ == ["uncertain", "accepted"])
        async with world.worker.unscoped() as tx:
            await tx.execute("UPDATE deliveries SET status = 'queued' WHERE status = 'uncertain'")
        await eventually(world.statuses, lambda all_: all_ == ["accepted"] * 2)
    assert [introduces(mail) for mail in mail_server.mails] == [True, False, True]
    assert mail_server.mails[0].message_id == mail_server.mails[2].message_id


async def test_while_an_introduction_is_under_way_everything_else_waits(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    first, second = await world.people(2)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    def script(step: str, _recipient: str) -> str | None:
        if step == MAIL:
            arrived.set()
        return None

    mail_server.script = script
    mail_server.before_content_reply = go_on.wait
    await world.meeting([first])
    async with mailers.running(count=2):
        await arrived.wait()
        await world.meeting([first])
        await world.ask_to_sign_in(first)
        await world.meeting([second])
        await eventually(world.statuses, lambda all_: all_ == ["sending", "queued", "queued", "sending"])
        go_on.set()
        assert await world.settled() == ["accepted"] * 4
    assert Counter(mail.recipient for mail in mail_server.mails if introduces(mail)) == {
        "person0@example.org": 1,
        "person1@example.org": 1,
    }
    assert [introduces(mail) for mail in mail_server.mails if mail.recipient == "person0@example.org"] == [True, False, False]


async def test_mailers_that_take_several_mails_of_a_newcomer_at_once_introduce_once(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    people = await world.people(12)
    for _ in range(3):
        await world.meeting(people)
    async with mailers.running(count=2):
        assert await world.settled() == ["accepted"] * 36
    for person in range(12):
        mails = [mail for mail in mail_server.mails if mail.recipient == f"person{person}@example.org"]
        assert [introduces(mail) for mail in mails] == [True, False, False]


async def test_a_sign_in_mail_introduces_one_person_and_not_several(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    alone = await world.person("allein@example.org")
    kim = await world.person("home@example.org", "Kim Muster")
    alex = await world.person("home@example.org", "Alex Muster")
    await world.ask_to_sign_in(alone)
    await world.ask_to_sign_in(kim, alex)
    async with mailers.running():
        await world.settled()
        await world.meeting([kim, alex])
        assert await world.settled() == ["accepted"] * 5
    found = {(mail.recipient, "token=" in mail.text()): introduces(mail) for mail in mail_server.mails}
    assert found == {
        ("allein@example.org", True): True,
        ("home@example.org", True): False,
        ("home@example.org", False): True,
    }


async def test_who_got_no_mail_is_introduced_by_one_of_its_own(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    person = await world.person("neu@example.org")
    await world.person(None, "Ohne Adresse")
    await come_of_age(world, days=6)
    assert await world.deliveries() == []
    await come_of_age(world, days=2)
    await come_of_age(world, days=0)
    assert [(row["kind"], row["status"], row["ags"]) for row in await world.deliveries()] == [
        ("introduction", "queued", HERE),
        ("introduction", "by_hand", HERE),
    ]
    async with mailers.running():
        assert await world.settled() == ["accepted", "by_hand"]
        await world.meeting([person])
        await world.settled()
    own, invitation = mail_server.mails
    assert own.subject == "Sie sind bei EmON eingetragen"
    assert [introduces(own), introduces(invitation)] == [True, False]


async def test_an_introduction_that_another_mail_took_along_is_not_sent(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    [person] = await world.people(1)
    await come_of_age(world)
    await world.meeting([person])
    async with mailers.running(connections=1):
        assert await world.settled() == ["skipped", "accepted"]
    [mail] = mail_server.mails
    assert introduces(mail)


async def test_an_introduction_that_came_to_nothing_in_time_is_owed_again(world: World) -> None:
    await world.people(1)
    await come_of_age(world)
    async with world.worker.unscoped() as tx:
        await tx.execute("UPDATE deliveries SET status = 'expired'")
    await come_of_age(world, days=0)
    assert await world.statuses() == ["expired", "queued"]


async def test_at_once_is_at_once_and_what_was_due_before_a_restore_is_held(world: World) -> None:
    world.planner = Planner(introduce_after=timedelta(0))
    await world.people(1)
    assert [row["kind"] for row in await world.deliveries()] == ["introduction"]
    world.planner = Planner(datetime.now(UTC) + timedelta(minutes=1))
    await world.person("zwei@example.org")
    await come_of_age(world)
    assert await world.outcomes() == [("queued", None), ("held", "from-before-the-restore")]


@pytest.mark.parametrize(("value", "fits"), [("0", True), ("P30D", True), ("P31D", False), ("-P1D", False)])
def test_a_month_is_the_longest_that_the_law_allows(value: str, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_OWNER_URL", "DATABASE_API_URL", "DATABASE_WORKER_URL", "KAFKA_BOOTSTRAP"):
        monkeypatch.setenv(f"EMON_{name}", "x")
    monkeypatch.setenv("EMON_INTRODUCE_AFTER", value)
    if fits:
        NotificationsSettings()  # pyright: ignore[reportCallIssue]
    else:
        with pytest.raises(ValidationError):
            NotificationsSettings()  # pyright: ignore[reportCallIssue]


async def test_an_erased_person_is_no_newcomer(world: World) -> None:
    [person] = await world.people(1)
    await world.erase(person)
    assert await newcomers(world) == []


async def test_who_was_known_before_the_upgrade_is_introduced_to_nobody(postgresql: RunningPostgreSQL) -> None:
    urls = await postgresql.fresh_database("notifications")
    upgrade = [migration.name for migration in migrations()].index("notifications/0003_feedback_and_introductions.sql")
    try:
        await migrate(urls.owner_url, urls.api_url, urls.worker_url, migrations()[:upgrade])
        connection = await asyncpg.connect(urls.worker_url)
        await connection.execute("INSERT INTO directory_people (person_id, version) VALUES (gen_random_uuid(), 1)")
        await connection.execute("INSERT INTO directory_people (person_id, version, erased) VALUES (gen_random_uuid(), 1, true)")
        await migrate(urls.owner_url, urls.api_url, urls.worker_url, migrations())
        assert await connection.fetchval("SELECT array_agg(introduced_at IS NOT NULL) FROM newcomers") == [True]
        await connection.close()
    finally:
        await postgresql.drop_database(urls)
