"""Who changes their address is asked at the new one and told at the former one, and nobody else learns anything."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from joserfc.jwk import OKPKey

from emon_contracts.directory import AddressChangeRecord
from emon_notifications.planning.subscribers import Planner
from emon_platform.signed_links import Purpose, verify

from tests.notifications.conftest import HERE, Mailers, World
from tests.notifications.mail_server import RCPT, MailServer

OLD, NEW = "alt@example.org", "neu@example.org"


def change(
    email: str = NEW, *, change_id: UUID | None = None, revision: int = 1, confirmed: bool = False, by_themself: bool = True
) -> AddressChangeRecord:
    now = datetime.now(UTC)
    return AddressChangeRecord(
        change_id=change_id or uuid4(),
        revision=revision,
        email=email,
        confirmed=confirmed,
        by_themself=by_themself,
        proposed_at=now,
        expires_at=now + timedelta(days=3),
    )


async def test_a_new_address_is_asked_and_the_former_one_is_told(
    world: World, mailers: Mailers, mail_server: MailServer, link_key: OKPKey
) -> None:
    proposed = change(revision=3)
    kim = await world.person(OLD, address_changes=[proposed], introduced=True)
    async with mailers.running():
        await world.settled()
        told = proposed.model_copy(update={"confirmed": True, "email": OLD})
        await world.person(NEW, person_id=kim, address_changes=[told])
        await world.person(NEW, person_id=kim, address_changes=[told])  # the directory says it again
        assert await world.settled() == ["accepted", "accepted"]
    assert mail_server.recipients() == [NEW, OLD]
    question, notice = mail_server.mails
    [token] = re.findall(r"/links/([A-Za-z0-9_-]+)", question.text())
    link = verify(token, link_key, datetime.now(UTC))
    assert (link.purpose, link.subject_id, link.person_id, link.revision) == (Purpose.ADDRESS, kim, kim, 3)
    assert "/links/" not in notice.text()
    assert NEW not in notice.text()
    assert [(row["kind"], row["category"], row["ags"]) for row in await world.deliveries()] == [
        ("address_confirmation", "legal", HERE),
        ("address_changed", "legal", HERE),
    ]


async def test_what_others_propose_is_asked_only_where_no_mail_arrives(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    """Nobody but the person changes an address that takes mail."""
    mail_server.script = lambda step, recipient: "550 5.1.1 unknown" if step == RCPT and recipient == "tot@example.org" else None
    works = await world.person(OLD, introduced=True, address_changes=[change(by_themself=False)])
    without = await world.person(None, introduced=True, address_changes=[change("ohne@example.org", by_themself=False)])
    dead = await world.person("tot@example.org", introduced=True)
    async with mailers.running():
        await world.settled()
        assert await world.outcomes(person_id=works) == [("skipped", "address-takes-mail")]
        await world.meeting([dead])
        await world.settled()
        proposed = change("lebt@example.org", by_themself=False)
        await world.person("tot@example.org", person_id=dead, address_changes=[proposed])
        await world.settled()
    assert await world.outcomes(person_id=without) == [("accepted", None)]
    assert await world.outcomes(person_id=dead) == [("bounced", "rcpt-550"), ("accepted", None)]
    assert sorted(mail_server.recipients()) == ["lebt@example.org", "ohne@example.org"]


async def test_the_question_introduces_nobody(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    """It may be a stranger who reads it; who entered the person, and as what, is told at an address that is theirs."""
    kim = await world.person(None, address_changes=[change(by_themself=False)])
    async with mailers.running():
        await world.settled()
        await world.person(NEW, person_id=kim)
        await world.meeting([kim])
        assert await world.settled() == ["accepted", "accepted"]
    assert ["bei EmON eingetragen" in mail.text() for mail in mail_server.mails] == [False, True]


async def test_what_was_withdrawn_or_confirmed_is_not_asked(world: World, mailers: Mailers, mail_server: MailServer) -> None:
    first = change("erst@example.org")
    second = change(revision=2)
    kim = await world.person(OLD, introduced=True, address_changes=[first])
    await world.person(OLD, person_id=kim, address_changes=[second])
    done = change("fertig@example.org")
    toni = await world.person(OLD, "Toni", introduced=True, address_changes=[done])
    await world.person("fertig@example.org", "Toni", person_id=toni)
    gone = await world.person(OLD, "Robin", introduced=True, address_changes=[change("weg@example.org")])
    await world.erase(gone)
    async with mailers.running():
        await world.settled()
    over = ("skipped", "address-change-over")
    assert await world.outcomes(person_id=kim) == [over, ("accepted", None)]
    assert await world.outcomes(person_id=toni) == [over]
    assert await world.outcomes(person_id=gone) == [("erased", "person-erased")]
    assert mail_server.recipients() == [NEW]
    async with world.worker.unscoped() as tx:
        kept = await tx.fetch("SELECT email FROM address_changes")
    assert [row["email"] for row in kept] == [NEW], "nothing is kept that the directory no longer says"


async def test_a_new_address_that_is_none_bounces_and_the_old_one_stays_good(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    mail_server.script = lambda step, recipient: "550 5.1.1 unknown" if step == RCPT and recipient == NEW else None
    kim = await world.person(OLD, introduced=True, address_changes=[change()])
    async with mailers.running():
        await world.settled()
        await world.meeting([kim])
        assert await world.settled() == ["bounced", "accepted"]
    assert mail_server.recipients() == [OLD]


async def test_what_was_proposed_before_a_restore_is_held(world: World) -> None:
    world.planner = Planner(hold_before=datetime.now(UTC) + timedelta(minutes=1))
    await world.person(OLD, address_changes=[change()])
    assert await world.outcomes() == [("held", "from-before-the-restore")]
