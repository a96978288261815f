"""The gateway's own pages, behind links in mails: everybody can use them, on a small phone as at a desk."""

import re
import secrets

from emon_platform.signed_links import Purpose

from tests.dashboard.conftest import NewWalk
from tests.end_to_end.conftest import HERE, World, meeting


async def link_to(world: World, email: str, words: str) -> str:
    """The path of the first link after these words, in the newest mail to this address that has them."""
    mail = await world.mailbox.next_to(email, 0, words)
    found = re.search(r"/links/[A-Za-z0-9_-]+", mail["Text"][mail["Text"].index(words) :])
    assert found, mail["Text"]
    return found[0]


async def test_the_pages_behind_links_are_for_everybody(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    guest, email = await world.person((circle, "volunteer"))
    asked, coordinator = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    await world.admin.post("/v1/meetings", meeting(circle))
    themself, answering = await world.signed_in(email), await world.signed_in(coordinator)
    body = {"about": {"organisation_id": circle}, "kind": "idea", "text": "Ein Aushang am Rathaus würde helfen."}
    feedback = (await themself.post("/v1/feedback", body))["id"]
    wanted = f"{secrets.token_hex(4)}@example.org"
    await themself.post(f"/v1/people/{guest}/address-change", {"email": wanted}, expected=202)

    walk = await new_walk()
    page = walk.page

    async def look(path: str, heading: str) -> None:
        await page.goto(world.process.where.gateway_url + path)
        assert heading in await page.locator("h1").inner_text()
        await walk.demand_usable_when_wide_and_narrow()

    await look(await link_to(world, email, "Zu- oder absagen"), "Runder Tisch")
    await page.get_by_role("button", name="Ich komme", exact=True).click()
    await page.get_by_text("Ihre Antwort: Ich komme").wait_for()
    await walk.demand_usable_when_wide_and_narrow()

    await look(f"/links/{world.token(guest, Purpose.FEEDBACK, feedback)}", "Rückmeldung")
    await look(f"/links/{world.token(asked, Purpose.FEEDBACK, feedback)}", "Rückmeldung")
    await answering.post(f"/v1/feedback/{feedback}/answer", {"text": "Der Aushang hängt."}, expected=200)
    await look(f"/links/{world.token(guest, Purpose.FEEDBACK, feedback)}", "Rückmeldung")
    await page.get_by_text("Der Aushang hängt.").wait_for()
    await page.get_by_role("button", name="Bewerten").click()
    await page.locator(".error").wait_for()
    await walk.demand_usable_when_wide_and_narrow()

    await look(f"/links/{world.token(guest, Purpose.CORRECTION)}", "")
    await page.locator("#display_name").fill("")
    await page.locator("form").first.get_by_role("button").click()
    await page.locator(".error").wait_for()
    await walk.demand_usable_when_wide_and_narrow()

    await look(await link_to(world, wanted, ""), "Adresse")
    await page.get_by_role("button").click()
    await page.get_by_role("heading", name="bestätigt").wait_for()
    await walk.demand_usable_when_wide_and_narrow()

    await look(f"/links/{world.token(guest, Purpose.ERASURE)}", "")
    await page.get_by_role("button").click()
    await page.get_by_role("button").wait_for(state="detached")
    await walk.demand_usable_when_wide_and_narrow()

    await look("/links/nothing", "")
    await look("/sign-in", "")
