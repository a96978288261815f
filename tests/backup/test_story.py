"""A backup under load, an erasure and more mails, a disaster, a restore: nothing lost, nothing doubled, nobody brought back."""

import asyncio
import json
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from emon_contracts.actors import Actor
from emon_operator.backup.manifest import Manifest, dump_of
from emon_operator.backup.taking import take_backup

from tests.backup.platform import ADMINISTRATION, Platform, Ran
from tests.faults.audit.records import Decisions
from tests.faults.auditor import audit, gather
from tests.notifications.mail_server import RCPT
from tests.polling import eventually as soon

# Services start in between, on a machine that may be busy.
eventually = partial(soon, within_s=60)

LOAD_PAUSE_S = 0.1
UNSETTLED = ("waiting", "queued", "sending", "deferred")


@pytest.mark.timeout(240)
async def test_a_backup_under_load_is_restored_after_an_erasure(platform: Platform, tmp_path: Path) -> None:
    folder, log = tmp_path / "backup", tmp_path / "erasures.jsonl"
    full = {"dora"}
    platform.mail_server.script = lambda step, to: "452 4.2.2 full" if step == RCPT and to.partition("@")[0] in full else None
    async with platform.running():
        people = await platform.import_town("Anna", "Berta", "Dora")
        await known_everywhere(platform, 3)
        remembered = [await platform.schedule("Zuerst")]
        ran = await backup_under_load(platform, folder, tmp_path / "keys.json")
        assert ran.code == 0, ran.said
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
        assert manifest.writers_waited_ms < 5000

        # What happens after the backup.
        full.clear()
        erased = await platform.ask("contacts", Actor(people["Berta"], ()), "POST", f"/v1/people/{people['Berta']}/erasure")
        assert erased.status_code == 204
        await known_everywhere(platform, 2)
        await platform.schedule("Vergessen")
        await quiet(platform)
        assert (await platform.emon("verify")).said.startswith("The databases fit each other")
        assert (await platform.emon("erasures", "export", str(log))).code == 0
        refused = await platform.emon("restore", str(folder), "--replace", "--erasures", str(log))
        assert refused.code == 1 and "Stop every service first" in refused.said
    told_before = Counter((mail.recipient, mail.subject) for mail in platform.mail_server.mails)
    assert set(told_before.values()) == {1}

    # The disaster, and the restore.
    assert "is whole" in (await platform.emon("verify", str(folder), "--deep")).said
    await platform.destroy_databases()
    ran = await platform.emon("restore", str(folder), "--erasures", str(log), "--forgotten", str(tmp_path / "forgotten.jsonl"))
    assert ran.code == 0, ran.said
    restored_at = datetime.now(UTC)
    forgotten = [json.loads(line) for line in (tmp_path / "forgotten.jsonl").read_text().splitlines()]
    assert any("Vergessen" in item["value"] for item in forgotten), "an operator can tell staff what to do again"
    again = await platform.emon("restore", str(folder), "--erasures", str(log))
    assert again.code == 1 and "there is data" in again.said
    assert json.loads((tmp_path / "keys.json").read_text()).keys(), "the keys are in a file of their own"
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600

    await nothing_left_of(platform, "berta", tmp_path / "looked-into")
    known_mails = {
        row["id"]
        for row in await platform.fetch(
            "notifications",
            "SELECT mail_id AS id FROM attempts WHERE outcome IS NULL OR outcome IN ('accepted', 'uncertain')",
        )
    }
    kept = [mail for mail in platform.mail_server.mails if UUID(mail.message_id[1:37]) in known_mails]
    rows = await platform.fetch("meetings", "SELECT id, title FROM meetings")
    titles = {row["id"]: row["title"] for row in rows}
    assert "Vergessen" not in titles.values() and titles.keys() >= set(remembered)

    platform.mail_server.mails.clear()
    async with platform.running():
        await quiet(platform)
        assert not platform.mail_server.mails, "held"
        decisions = await decide(platform, titles, told_before)
        await quiet(platform)
        await platform.schedule("Danach")
        await quiet(platform)
        ran = await platform.emon("verify")
        assert ran.said.startswith("The databases fit each other"), ran.said
        evidence = await gather(
            platform.kafka.bootstrap_servers,
            platform.databases["notifications"].worker_url,
            [mail.content for mail in (*kept, *platform.mail_server.mails)],
            worker_urls={service: platform.databases[service].worker_url for service in ("contacts", "meetings", "feedback")},
            decisions=decisions,
        )
    told = told_before + Counter((mail.recipient, mail.subject) for mail in platform.mail_server.mails)
    assert set(told.values()) == {1}, "nobody got anything twice"
    assert not any(mail.recipient.startswith("berta") for mail in platform.mail_server.mails)
    for title in (*titles.values(), "Danach"):
        for address in ("anna@example.org", "dora@example.org"):
            assert sum(n for (to, subject), n in told.items() if to == address and title in subject) == 1, (title, address)
    happened = [event for event in evidence.events if not manifest.taken_at < event.time < restored_at]
    report = audit(replace(evidence, events=happened))
    assert not report.violations, report


async def backup_under_load(platform: Platform, folder: Path, keys: Path) -> Ran:
    """Takes it while one meeting after the other is scheduled."""
    titles, done = count(1), asyncio.Event()

    async def load() -> None:
        while not done.is_set():
            await platform.schedule(f"Runde {next(titles):03}.")
            await asyncio.sleep(LOAD_PAUSE_S)

    loading = asyncio.create_task(load())
    try:
        return await platform.emon("backup", str(folder), "--keys", str(keys))
    finally:
        done.set()
        await loading


async def known_everywhere(platform: Platform, living: int) -> None:
    """Until every copy of the directory has so many people."""

    async def counts() -> set[int]:
        query = "SELECT count(*) AS people FROM directory_people WHERE NOT erased"
        copies = [await platform.fetch(service, query) for service in platform.databases if service != "contacts"]
        return {row["people"] for [row] in copies}

    await eventually(counts, lambda found: found == {living})


async def quiet(platform: Platform) -> None:
    """Until nothing waits in an outbox, nobody has anything to read, and every delivery rests."""

    async def busy() -> str:
        for service in platform.databases:
            if await platform.fetch(service, "SELECT position FROM outbox LIMIT 1"):
                return f"outbox of {service}"
        # Nobody waits for a pause that a full mailbox brought about.
        await platform.fetch("notifications", "UPDATE deliveries SET not_before = now() WHERE status = 'deferred'")
        unsettled = await platform.fetch(
            "notifications", "SELECT status, kind FROM deliveries WHERE status = ANY($1::text[])", list(UNSETTLED)
        )
        if unsettled:
            return str(Counter((row["kind"], row["status"]) for row in unsettled))
        ran = await platform.emon("verify", "--patience", "0")
        return "" if ran.code == 0 else ran.said

    await eventually(busy, lambda found: not found)


async def decide(platform: Platform, titles: dict[UUID, str], told: Counter[tuple[str, str]]) -> Decisions:
    """What staff do about what is held: whose mail the mail server's log shows is not written to again."""
    rows = await platform.fetch(
        "notifications",
        """
        SELECT delivery.id, delivery.subject_id, person.email
        FROM deliveries AS delivery
        JOIN directory_people AS person USING (person_id)
        WHERE delivery.status = 'held'
        """,
    )
    assert rows, "what was put off or in flight at the cut"
    released: set[UUID] = set()
    cancelled: set[UUID] = set()
    for row in rows:
        was_told = any(to == row["email"] and titles[row["subject_id"]] in subject for to, subject in told)
        verb, chosen = ("cancellation", cancelled) if was_told else ("release", released)
        answer = await platform.ask("notifications", ADMINISTRATION, "POST", f"/v1/deliveries/{row['id']}/{verb}")
        assert answer.status_code == 200, answer.text
        chosen.add(row["id"])
    return Decisions(released=frozenset(released), cancelled=frozenset(cancelled))


async def nothing_left_of(platform: Platform, name: str, folder: Path) -> None:
    """Neither name nor address stands in any table of any database: a backup is a way to look into all of them."""
    await take_backup(folder, platform.places)
    for file in (folder / dump_of(service) for service in platform.databases):
        with zipfile.ZipFile(file) as archive:
            found = [entry for entry in archive.namelist() if name.encode() in archive.read(entry).lower()]
        assert not found, f"{file.name}: {found}"
