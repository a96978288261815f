"""Whatever a mail server answers, and wherever it breaks off: what the ledger says of the mail, and how often it was taken."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from joserfc.jwk import OKPKey

from emon_embedded.service_databases import ServiceDatabase
from emon_notifications.mailing.letters import Writer
from emon_notifications.mailing.mailer import Mailer
from emon_notifications.smtp import SmtpSettings, Tls

from tests.notifications.conftest import SENDER, Mailers, World
from tests.notifications.mail_server import CONTENT, DATA, DROP, RCPT, MailServer
from tests.notifications.smtp_peer import Action, Drop, Peer, Script, Silence, running_peer
from tests.polling import eventually

PUT_OFF, REFUSED = ("421", "450", "451", "452"), ("550", "552")


async def test_every_answer_has_its_state_and_nobody_else_is_touched(
    world: World, mailers: Mailers, mail_server: MailServer
) -> None:
    expected: dict[str, tuple[str, str | None]] = {"fine-0": ("accepted", None), "fine-1": ("accepted", None)}
    for step in (RCPT, DATA, CONTENT):
        expected |= {f"{step}-{code}".lower(): ("deferred", f"{step}-{code}".lower()) for code in PUT_OFF}
        expected |= {f"{step}-{code}".lower(): ("bounced", f"{step}-{code}".lower()) for code in REFUSED}
    expected["content-drop"] = ("uncertain", "no-reply")

    def script(step: str, recipient: str) -> str | None:
        at, _, answer = recipient.partition("@")[0].partition("-")
        if at != step.lower():
            return None
        return DROP if answer == "drop" else f"{answer} 4.0.0 so be it" if answer < "500" else f"{answer} 5.0.0 so be it"

    mail_server.script = script
    names = list(expected)
    people = [await world.person(f"{name}@example.org", name) for name in names]
    await world.meeting(people)
    async with mailers.running():
        await world.settled(within_s=60)
    assert dict(zip(names, await world.outcomes(), strict=True)) == expected
    # By itself: whoever shares a connection with it is not sent either, and is tried again sooner or later.
    await world.meeting([await world.person("data-drop@example.org", "data-drop")])
    async with mailers.running():
        await world.settled(within_s=60)
    assert (await world.outcomes())[-1] == ("deferred", "not-sent")
    taken = Counter(recipient.partition("@")[0] for recipient in mail_server.recipients())
    assert taken == Counter({"fine-0": 1, "fine-1": 1, "content-drop": 1}), "and the last one is uncertain: nobody sends it again"


@asynccontextmanager
async def mailing(world: World, urls: ServiceDatabase, key: OKPKey, settings: SmtpSettings) -> AsyncGenerator[Mailer]:
    mailer = Mailer(world.worker, urls.worker_url, settings, Writer(SENDER, key), connections=1)
    task = asyncio.create_task(mailer.run())
    try:
        yield mailer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_silence_after_the_final_dot_is_uncertain_and_not_sent_again(
    world: World, urls: ServiceDatabase, link_key: OKPKey
) -> None:
    first, second = await world.people(2)
    meeting = await world.meeting([first])
    async with running_peer(Script(actions={(0, "DOT"): Silence()})) as peer:
        async with mailing(world, urls, link_key, peer.settings(final_dot_seconds=0.3)):
            await world.settled()
            assert await world.outcomes() == [("uncertain", "no-reply")]
            peer.script = Script()
            await world.invite(meeting, [second])
            await world.settled()
        assert await world.outcomes() == [("uncertain", "no-reply"), ("accepted", None)]
        assert sum("person0@" in command for command in peer.commands) == 1


@pytest.mark.parametrize(
    ("greeting", "starttls"),
    [(Silence(), b""), (b"220 peer.example ESMTP\r\n", b"454 no TLS today\r\n"), (b"220 peer.example ESMTP\r\n", Drop())],
    ids=["a banner that does not come", "STARTTLS that is refused", "STARTTLS that breaks off"],
)
async def test_a_server_with_which_no_conversation_begins_gets_no_mail_until_it_does(
    world: World, urls: ServiceDatabase, link_key: OKPKey, greeting: Action, starttls: Action
) -> None:
    await world.meeting(await world.people(1))
    broken = Script(greeting=greeting, extensions=(b"PIPELINING", b"STARTTLS"), starttls=starttls)
    async with running_peer(broken) as peer:
        settings = peer.settings(tls=Tls.OPPORTUNISTIC, connect_seconds=0.5)
        async with mailing(world, urls, link_key, settings) as mailer:

            async def trouble() -> list[str]:
                return mailer.trouble()

            await eventually(trouble, lambda found: any("unreachable" in item for item in found))
            assert await world.outcomes() == [("queued", None)]
            assert await world.attempts() == []
            assert not said_mail(peer), "nothing went over the open line"
            peer.script = Script()
            assert await world.settled() == ["accepted"]
        assert len(peer.contents) == 1


def said_mail(peer: Peer) -> bool:
    return any(command.startswith("MAIL") for command in peer.commands)
