"""The clock of one process is set back by an hour: nothing is lost or doubled, and nobody hears older news after newer."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from emon_contracts.actors import Actor, Grant, Role
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka
from emon_platform.identity import sign_actor

from tests.faults.service_process import Keys, ServiceProcess, client_of, service_process, until_ready
from tests.faults.story import Story
from tests.notifications.mail_server import RCPT, MailServer
from tests.polling import eventually

AN_HOUR_BACK = {"PYTHONPATH": str(Path(__file__).parent / "set_back")}
ADMINISTRATION = Actor(UUID(int=7), (Grant(role=Role.NETWORK_ADMIN),))


@pytest.mark.timeout(240)
async def test_notifications_whose_clock_is_set_back_tells_everything_once_and_in_order(
    ledger: ServiceDatabase, story: Story, kafka: RunningKafka, keys: Keys, mail_server: MailServer
) -> None:
    settings = {"EMON_SMTP_URL": mail_server.url}
    mail_server.script = lambda step, to: "451 4.7.1 greylisted" if step == RCPT and to.startswith("ben") else None
    async with service_process("notifications", ledger, kafka.bootstrap_servers, keys, settings) as service:
        await until_ready(service)
        anna, ben = await story.people("anna", "ben")
        meeting = await story.meeting([anna])
        await eventually(lambda: story.outcomes(meeting), lambda found: found == [("invitation", "accepted", None)], within_s=60)

    where = ledger, kafka.bootstrap_servers, keys, settings | AN_HOUR_BACK
    async with service_process("notifications", *where, forked=False) as service:
        assert "s behind the database's" in await eventually(
            lambda: health_of(service), lambda text: "behind" in text, within_s=60
        )
        other = await story.meeting([ben], "Anderes")
        await eventually(lambda: story.outcomes(other), lambda found: [item[1] for item in found] == ["deferred"], within_s=60)
        await story.move(meeting, "Anderer Saal")
        request = await story.ask_to_sign_in(anna)
        for subject, last in ((meeting, ("change", "accepted", None)), (request, ("sign_in", "accepted", None))):
            await eventually(
                lambda subject=subject: story.outcomes(subject), lambda found, last=last: found[-1:] == [last], within_s=60
            )
        await story.cancel(meeting)
        await eventually(
            lambda: story.outcomes(meeting), lambda found: found[-1] == ("cancellation", "accepted", None), within_s=60
        )
        # A pause of a minute is one, whatever the clock says: the mail server is not asked again and again.
        assert await tries(story, other) == 1
        token = sign_actor(ADMINISTRATION, "notifications", keys.actor, datetime.now(UTC))
        async with client_of(service.url, Authorization=f"Bearer {token}") as client:
            listed = (await client.get(f"/v1/deliveries?subject_id={meeting}")).json()["items"]
    assert [item["kind"] for item in listed] == ["cancellation", "change", "invitation"], "newest first"
    about = [mail for mail in mail_server.mails if "Runder Tisch" in mail.subject]
    assert [sequence(mail.content) for mail in about] == [0, 1, 2]


async def health_of(service: ServiceProcess) -> str:
    try:
        async with client_of(service.url) as client:
            return (await client.get("/health/ready")).text
    except httpx.TransportError:
        return ""


async def tries(story: Story, subject_id: UUID) -> int:
    async with story.worker.unscoped() as tx:
        return await tx.fetchval(
            """
            SELECT count(*)
            FROM attempts JOIN deliveries ON deliveries.mail_id = attempts.mail_id
            WHERE deliveries.subject_id = $1
            """,
            subject_id,
        )


def sequence(content: bytes) -> int:
    """SEQUENCE of the calendar part."""
    [line] = [line for line in content.replace(b"\r\n ", b"").splitlines() if line.startswith(b"SEQUENCE:")]
    return int(line.removeprefix(b"SEQUENCE:"))
