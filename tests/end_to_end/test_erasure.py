"""Somebody erases themselves by the link in a mail: they are gone everywhere, and hear no more."""

import json
import os
import re
import secrets
import signal

import asyncpg

from emon_operator.demo_client import Browser
from emon_platform.signed_links import Purpose

from tests.end_to_end.conftest import World, meeting
from tests.end_to_end.platform_process import every_page
from tests.polling import eventually


async def press(world: World, path: str, **fields: str) -> tuple[int, str]:
    """Presses the button of the page behind a link."""
    form = "&".join(f"{name}={value}" for name, value in fields.items())
    status, text, _ = await world.visitor.ask("POST", path, form, {"Content-Type": "application/x-www-form-urlencoded"})
    return status, text


async def places_of(world: World, canary: str) -> list[str]:
    """Every table of every database in which this stands, as text or as bytes."""
    password = json.loads((world.process.home / "secrets" / "passwords.json").read_text())["postgres"]
    found: list[str] = []
    for service, running in world.process.where.services.items():
        url = re.sub(r"//[^@]+@", f"//postgres:{password}@", running.database.owner_url)
        connection = await asyncpg.connect(url)
        try:
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in tables:
                held = await connection.fetchval(
                    f'SELECT count(*) FROM "{table}" AS row WHERE strpos(lower(row::text), $1) > 0 OR strpos(row::text, $2) > 0',
                    canary.lower(),
                    canary.lower().encode().hex(),
                )
                found += [f"{service}.{table}"] * bool(held)
        finally:
            await connection.close()
    return found


async def deliveries(browser: Browser, meeting_id: str) -> dict[str, str]:
    """States by person."""
    return {item["person_id"]: item["status"] for item in await every_page(browser, f"/v1/deliveries?subject_id={meeting_id}")}


async def test_who_erases_themselves_is_gone_everywhere_and_hears_no_more(world: World) -> None:
    circle, other_circle = await world.organisation(), await world.organisation()
    canary = f"zaunkoenig{secrets.token_hex(4)}"
    address = f"{canary}@example.org"
    kim, _ = await world.person((circle, "volunteer"), email=address)
    robin, _ = await world.person((other_circle, "volunteer"))
    admin = world.admin
    corrected, _ = await press(world, f"/links/{world.token(kim, Purpose.CORRECTION)}", display_name=canary, locale="en")
    assert corrected == 200
    assert set(await places_of(world, canary)) >= {
        f"{name}.directory_people" for name in ("meetings", "notifications", "gateway")
    }
    status, _ = await press(world, f"/links/{world.token(kim, Purpose.CORRECTION)}", confirmation="erase")
    assert status == 422, "a link for correcting does not erase"

    session = await world.signed_in(address)
    # The mail server hangs, so that invitations queue up behind a mail that it does not take.
    [sink] = world.process.pids_by_module()["emon_embedded.mail_sink"]
    os.kill(sink, signal.SIGSTOP)
    try:
        before = await admin.post("/v1/meetings", meeting(other_circle))
        await eventually(lambda: deliveries(admin, before["id"]), lambda found: bool(found))
        made = await admin.post("/v1/meetings", meeting(circle))
        await eventually(lambda: deliveries(admin, made["id"]), lambda found: found.get(kim) == "queued")
        path = f"/links/{world.token(kim, Purpose.ERASURE)}"
        _, shown, _ = await world.visitor.ask("GET", path)
        assert address in shown
        status, done = await press(world, path, confirmation="erase")
        assert (status, "gelöscht" in done) == (200, True)
        await eventually(lambda: deliveries(admin, made["id"]), lambda found: found[kim] == "erased")
    finally:
        os.kill(sink, signal.SIGCONT)

    async def session_status() -> int:
        return (await session.ask("GET", "/v1/me"))[0]

    await eventually(session_status, lambda status: status == 401)
    await eventually(lambda: places_of(world, canary), lambda found: found == [])
    assert (await world.visitor.ask("GET", path))[0] == 410

    mails = await world.mailbox.count_to(address)
    await world.visitor.post("/v1/sign-in-links", {"email": address}, expected=202)
    _, later = await world.person()
    await world.signed_in(later)
    await eventually(lambda: deliveries(admin, before["id"]), lambda found: found[robin] in ("accepted", "uncertain"))
    assert await world.mailbox.count_to(address) == mails, "neither the invitation nor a link to sign in"
