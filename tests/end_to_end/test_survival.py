"""Everything is killed, stopped, or read again: nothing is lost, nothing comes twice, what is in doubt is listed."""

import asyncio
import os
import secrets
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.end_to_end.conftest import CANARY, HERE, World, meeting
from tests.end_to_end.platform_process import emon, every_page
from tests.end_to_end.test_round_table import FINAL, settled
from tests.platform import kafka_peer
from tests.polling import eventually

PEOPLE = 600
# So many are sent before the platform ends each time.
SENT_BEFORE = 150


async def import_circle(world: World, folder: Path, count: int) -> str:
    """A circle with this many members, imported as the operator does it; answers its id."""
    run = secrets.token_hex(3)
    organisations = folder / "organisations.csv"
    organisations.write_text(f"name,kind,ags\nGroßer Kreis {run},helper_circle,{HERE}\n")
    people = folder / "people.csv"
    rows = (f"p{n}.{run}@example.org,{CANARY} {n} {run},de,Großer Kreis {run},volunteer" for n in range(count))
    people.write_text("\n".join(["email,display_name,locale,organisation,engagement", *rows]))
    for what, file in (("organisations", organisations), ("people", people)):
        code, output = await emon("import", what, str(file), home=world.process.home)
        assert code == 0, output
    [circle] = (await world.admin.get(f"/v1/organisations?ags={HERE}&name=Großer Kreis {run}"))["items"]
    return circle["id"]


@pytest.mark.timeout(240)
async def test_everything_is_killed_and_then_stopped_in_the_middle_of_many_invitations(world: World, tmp_path: Path) -> None:
    circle = await import_circle(world, tmp_path, PEOPLE)
    made = await world.admin.post("/v1/meetings", meeting(circle))

    async def sent() -> int:
        return sum(made["title"] in mail["Subject"] for mail in await world.mailbox.messages())

    for end in (world.process.kill_everything, world.process.stop):
        before = await sent()
        await eventually(sent, lambda count, before=before: count >= min(before + SENT_BEFORE, PEOPLE), within_s=60)
        await end()
        await world.process.start()
    assert (await world.admin.get("/v1/me"))["grants"], "a session outlives both"

    admin, url = world.admin, f"/v1/deliveries?subject_id={made['id']}"

    async def invitations() -> list[Any]:
        return await every_page(admin, f"/v1/meetings/{made['id']}/invitations")

    invited = {item["person_id"] for item in await eventually(invitations, lambda found: len(found) == PEOPLE, within_s=60)}

    async def deliveries() -> list[Any]:
        return await every_page(admin, url)

    ledger = await eventually(
        deliveries,
        lambda found: len(found) == PEOPLE and {item["status"] for item in found} <= FINAL | {"uncertain"},
        within_s=120,
    )
    states = Counter(item["status"] for item in ledger)
    assert {item["person_id"] for item in ledger} == invited
    assert set(states) <= {"accepted", "uncertain"}, states
    mails = Counter(mail["To"][0]["Address"] for mail in await world.mailbox.messages() if made["title"] in mail["Subject"])
    assert max(mails.values()) == 1, "nobody is invited twice"
    assert states["accepted"] <= len(mails) <= PEOPLE, "what the ledger calls accepted is there; more can only be in doubt"
    assert states["uncertain"] <= 4 * 64 * 2, "no more is in doubt than was on the wire"


async def test_all_topics_read_again_from_offset_zero_change_nothing_and_mail_nobody(world: World) -> None:
    circle = await world.organisation()
    await world.person((circle, "volunteer"))
    made = await world.admin.post("/v1/meetings", meeting(circle))
    await settled(world.admin, made["id"], 1)
    before = await tables(world), len(await world.mailbox.messages())
    services = world.process.where.services
    ends: dict[str, Any] = {}
    for name in ("meetings", "notifications", "gateway"):
        ends[name] = await offsets(services[name].database.worker_url)
        connection = await asyncpg.connect(services[name].database.worker_url)
        await connection.execute("UPDATE consumer_offsets SET next_offset = 0")
        await connection.close()
    await restart_services(world)
    for name, end in ends.items():
        await eventually(lambda name=name: offsets(services[name].database.worker_url), lambda found, end=end: found >= end)
    assert (await tables(world), len(await world.mailbox.messages())) == before


async def offsets(url: str) -> list[int]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT next_offset FROM consumer_offsets ORDER BY consumer, topic, partition")
        return [row["next_offset"] for row in rows]
    finally:
        await connection.close()


async def tables(world: World) -> dict[str, str]:
    """A digest of every table that events change."""
    found: dict[str, str] = {}
    for service, names in {
        "meetings": ("meetings", "invitations", "directory_people", "directory_memberships"),
        "notifications": ("deliveries", "directory_people", "directory_organisations"),
        "gateway": ("directory_people", "directory_grants"),
    }.items():
        connection = await asyncpg.connect(world.process.where.services[service].database.worker_url)
        for name in names:
            digest = await connection.fetchval(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} AS t")
            found[f"{service}.{name}"] = digest
        await connection.close()
    return found


async def restart_services(world: World) -> None:
    """Kills every service; the supervisor starts them again."""
    old = world.process.pids_by_module()
    for module, pids in old.items():
        if module.startswith("emon_") and "." not in module:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)

    async def ready() -> int:
        return await world.readiness("gateway")

    await eventually(ready, lambda status: status == 200, within_s=60)


async def test_services_that_hang_are_a_503_soon_and_never_a_hang(world: World) -> None:
    paths = {"emon_contacts": "/v1/people", "emon_meetings": "/v1/meetings", "emon_notifications": "/v1/deliveries"}
    pids = [pid for module, found in world.process.pids_by_module().items() if module in paths for pid in found]
    assert len(pids) == len(paths)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert await world.readiness("gateway") == 503
        # aiohttp's own limit for the whole request is five minutes; the test's is two.
        for answer, problem, headers in await asyncio.gather(*(world.admin.ask("GET", path) for path in paths.values())):
            assert answer == 503
            assert int(headers["Retry-After"]) > 0
            assert problem["type"].endswith("#temporarily-unavailable")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    async def ready() -> int:
        return await world.readiness("gateway")

    await eventually(ready, lambda status: status == 200)


async def test_names_and_addresses_stay_where_they_belong(world: World) -> None:
    circle = await world.organisation()
    await world.person((circle, "volunteer"))
    made = await world.admin.post("/v1/meetings", meeting(circle))
    await settled(world.admin, made["id"], 1)
    for log in (world.process.home / "logs").glob("*.log"):
        text = log.read_text(errors="replace").lower()
        assert CANARY.lower() not in text, f"{log.name} holds a name or an address"
        assert "token=" not in text, f"{log.name} holds a link"
    for topic in (
        "emon.contacts.events",
        "emon.meetings.events",
        "emon.feedback.events",
        "emon.gateway.events",
        "emon.notifications.events",
    ):
        ends = await kafka_peer.ends(world.process.where.kafka_bootstrap, topic)
        records = await kafka_peer.read_from(
            world.process.where.kafka_bootstrap, topic, dict.fromkeys(ends, 0), sum(ends.values())
        )
        for record in records:
            text = f"{record.key!r} {record.headers!r} {record.value!r}".lower()
            assert CANARY.lower() not in text, f"{topic} holds a name or an address"
    for service in world.process.where.operations_urls:
        text = (await world.metrics(service)).lower()
        assert "emon_build_info{" in text
        for secret in (CANARY.lower(), "@", "token=", made["id"]):
            assert secret not in text, f"a metric of {service} holds {secret}"

    async def traced() -> set[str]:
        return {span.service for span in world.collector.spans if span.name == "smtp" or span.kind == "SERVER"}

    await eventually(traced, lambda services: len(services) >= 4)
    text = "".join(world.collector.texts).lower()
    for secret in (CANARY.lower(), "@", "token=", "/links/", "?"):
        assert secret not in text.replace("/links/{", ""), f"a span holds {secret}"
