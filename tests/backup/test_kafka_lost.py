"""Kafka is lost, alone or together with every database: what was on its way, and what an operator does about it."""

from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from emon_contracts.actors import Actor
from emon_embedded.stack import running_kafka
from emon_platform.broker import ensure_topics

from tests.backup.platform import Platform
from tests.polling import eventually as soon

eventually = partial(soon, within_s=60)

SERVICES = ("contacts", "meetings", "notifications")


@pytest.mark.timeout(240)
async def test_kafka_is_lost_alone_and_then_with_every_database(platform: Platform, tmp_path: Path) -> None:
    folder, log = tmp_path / "backup", tmp_path / "erasures.jsonl"
    async with platform.running(SERVICES):
        people = await platform.import_town("Anna", "Berta")
        await eventually(partial(known, platform), lambda found: found == {2})
        await platform.schedule("Angekommen")
        await eventually(partial(states, platform), lambda found: found == [("Angekommen", "accepted")] * 2)
        platform.processes["notifications"].process.kill()
        await platform.processes["notifications"].process.wait()
        await platform.schedule("Unterwegs")
        await eventually(partial(platform.fetch, "meetings", "SELECT position FROM outbox"), lambda found: not found)
        ran = await platform.emon("backup", str(folder))
        assert ran.code == 0, ran.said
        erased = await platform.ask("contacts", Actor(people["Berta"], ()), "POST", f"/v1/people/{people['Berta']}/erasure")
        assert erased.status_code == 204
        assert (await platform.emon("erasures", "export", str(log))).code == 0

    await platform.kafka.part.stop()
    async with running_kafka(tmp_path / "another-kafka") as another:
        platform.kafka = another
        await ensure_topics(another.access)

        # Kafka alone: what the databases know is published anew, what was on its way is shown.
        ran = await platform.emon("offsets", "repair")
        assert "notifications: emon.meetings.events/" in ran.said
        assert ran.code == 0
        ran = await platform.emon("republish", "contacts")
        assert "21 municipalities, 1 organisations, 1 people" in ran.said
        async with platform.running(SERVICES):
            await eventually(partial(known, platform), lambda found: found == {1})
            await platform.schedule("Danach")
            await eventually(partial(states, platform), lambda found: ("Danach", "accepted") in found)
            ran = await platform.emon("verify", "--patience", "3")
            assert "notifications: 2 invitations of which notifications does not know" in ran.said
            assert not {"contacts", "meetings"} & {line.split(":")[0] for line in ran.said.splitlines()}, ran.said
            told = Counter(mail.recipient for mail in platform.mail_server.mails)
            assert told == {"anna@example.org": 2, "berta@example.org": 1}, "nobody was mailed for what is published anew"

        # Both: the backup holds what was on its way.
        await platform.destroy_databases()
        ran = await platform.emon("restore", str(folder))
        assert ran.code == 1
        assert "Nobody knows who was erased since" in ran.said
        ran = await platform.emon("restore", str(folder), "--erasures", str(log))
        assert ran.code == 0, ran.said
        assert "1 people who were erased since are erased again" in ran.said
        platform.mail_server.mails.clear()
        async with platform.running(SERVICES):
            await eventually(partial(known, platform), lambda found: found == {1})
            wanted = [("Angekommen", "accepted")] * 2 + [("Unterwegs", "erased"), ("Unterwegs", "held")]
            await eventually(partial(states, platform), lambda found: found == wanted)
            assert not platform.mail_server.mails


async def known(platform: Platform) -> set[int]:
    """How many people the copies of the directory have."""
    query = "SELECT count(*) AS people FROM directory_people WHERE NOT erased"
    return {row["people"] for service in ("meetings", "notifications") for row in await platform.fetch(service, query)}


async def states(platform: Platform) -> list[tuple[str, str]]:
    """Meeting and state of every delivery."""
    rows = await platform.fetch(
        "notifications",
        """
        SELECT meeting.title, delivery.status
        FROM deliveries AS delivery
        JOIN meetings AS meeting ON meeting.meeting_id = delivery.subject_id
        ORDER BY meeting.title, delivery.status
        """,
    )
    return [(row["title"], row["status"]) for row in rows]
