"""The database of notifications is put back to an earlier state: nobody gets a mail twice, and what is new goes out at once."""

from collections import Counter
from datetime import UTC, datetime
from functools import partial
from uuid import UUID, uuid4

import pytest

from emon_contracts.actors import Actor, Grant, Role
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningKafka, RunningPostgreSQL
from emon_platform.consumer import offsets
from emon_platform.database import Database
from emon_platform.identity import sign_actor
from emon_platform.kafka_access import KafkaAccess
from emon_platform.kafka_edge import committed_offsets

from tests.faults.service_process import Keys, client_of, service_process, until_ready
from tests.faults.story import Story
from tests.notifications.mail_server import RCPT, MailServer
from tests.polling import eventually as soon

# A whole service starts in between, on a machine that may be busy.
eventually = partial(soon, within_s=60)

HELD = ("held", "from-before-the-restore")
ADMINISTRATION = Actor(UUID(int=7), (Grant(role=Role.NETWORK_ADMIN),))


@pytest.mark.timeout(240)
async def test_a_restored_ledger_mails_nobody_twice_and_what_is_new_at_once(
    postgresql: RunningPostgreSQL, ledger: ServiceDatabase, story: Story, kafka: RunningKafka, keys: Keys, mail_server: MailServer
) -> None:
    mail = {"EMON_SMTP_URL": mail_server.url}
    later = {"full"}
    mail_server.script = lambda step, to: "452 4.2.2 full" if step == RCPT and to.partition(".")[0] in later else None
    async with service_process("notifications", ledger, kafka.bootstrap_servers, keys, mail):
        anna, full = await story.people("anna", "full")
        unknown = uuid4()
        first = await story.meeting([anna, full, unknown])
        await eventually(
            story.outcomes,
            lambda found: [item[1] for item in found] == ["accepted", "deferred", "waiting"],
            within_s=40,
        )
    await story.worker.close()
    backup = await postgresql.fresh_database("notifications", ledger.name)
    restored = await Database.connect(backup.worker_url, name="test restored")

    # What happens after the backup: what was put off is sent, a meeting is moved, another one is new.
    story.worker = await Database.connect(ledger.worker_url, name="test")
    later.clear()
    async with service_process("notifications", ledger, kafka.bootstrap_servers, keys, mail):
        async with story.worker.unscoped() as tx:
            await tx.execute("UPDATE deliveries SET not_before = now() WHERE status = 'deferred'")
        await eventually(lambda: story.outcomes(first), lambda found: found[1][1] == "accepted")
        await story.move(first, "Anderer Saal")
        second = await story.meeting([anna, full], "Zweiter")
        await eventually(lambda: story.outcomes(second), lambda found: [item[1] for item in found] == ["accepted"] * 2)
        await eventually(lambda: story.outcomes(first), lambda found: [item[1] for item in found][3:5] == ["accepted"] * 2)
        await known_to_kafka(story.worker, restored, kafka.bootstrap_servers)
    before = Counter((mail.recipient, mail.subject) for mail in mail_server.mails)
    assert sum(before.values()) == 6
    await story.worker.close()

    # The disaster, and the restore.
    story.worker = restored
    try:
        async with service_process("notifications", backup, kafka.bootstrap_servers, keys, mail) as service:
            await until_ready(service)
            held = await eventually(lambda: story.outcomes(second), lambda found: len(found) == 2)
            assert held == [("invitation", *HELD)] * 2, "invited after the backup: it may have been sent"
            await eventually(lambda: story.outcomes(first), lambda found: len(found) == 6)
            assert ("invitation", "superseded", "newer-planned") in await story.outcomes(first), "it was put off in the backup"
            await story.tell(story.person("late", unknown))
            await eventually(lambda: story.outcomes(first), lambda found: found[-1] == ("change", *HELD))
            async with client_of(service.url) as client:
                health = await client.get("/health/ready")
                assert health.status_code == 200, "an operator should know, and there is nothing to mend"
                assert "from before what it had done" in health.json()["remarks"][0]
            assert Counter((mail.recipient, mail.subject) for mail in mail_server.mails) == before, "nobody got anything twice"

            await story.ask_to_sign_in(anna)
            third = await story.meeting([anna], "Dritter")
            await eventually(lambda: story.outcomes(third), lambda found: found == [("invitation", "accepted", None)])
            await story.cancel(first)
            await eventually(lambda: story.outcomes(first), lambda found: found[-3:] == [("cancellation", "accepted", None)] * 3)
            # What is held is for a person to decide, who is told why.
            async with restored.unscoped() as tx:
                delivery = await tx.fetchval(
                    "SELECT id FROM deliveries WHERE status = 'held' AND subject_id = $1 LIMIT 1", second
                )
            token = sign_actor(ADMINISTRATION, "notifications", keys.actor, datetime.now(UTC))
            async with client_of(service.url, Authorization=f"Bearer {token}") as client:
                assert (await client.get(f"/v1/deliveries/{delivery}")).json()["reason"] == "from-before-the-restore"
                await client.post(f"/v1/deliveries/{delivery}/release")
            await eventually(
                lambda: story.outcomes(second), lambda found: sorted(item[1] for item in found) == ["accepted", "held"]
            )
    finally:
        await restored.close()
        await postgresql.drop_database(backup)


async def known_to_kafka(database: Database, backup: Database, bootstrap: str) -> None:
    """Waits until Kafka's copy, which is committed every second, has caught up wherever something was read since the backup."""
    async with database.unscoped() as tx, backup.unscoped() as earlier:
        then = await offsets.stored(earlier, "notifications")
        stored = {item: offset for item, offset in (await offsets.stored(tx, "notifications")).items() if offset != then[item]}

    async def copy() -> list[int]:
        found = await committed_offsets(KafkaAccess(bootstrap), "notifications", [(item.topic, item.number) for item in stored])
        return [found[item.topic, item.number] for item in stored]

    await eventually(copy, lambda found: found == list(stored.values()))
