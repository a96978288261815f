"""The coordinator's round table, from the form to the printed list; and how meetings are scheduled without JavaScript."""

from tests.dashboard.conftest import NewWalk
from tests.dashboard.walk import NARROW
from tests.end_to_end.conftest import HERE, World


async def test_a_round_table_is_scheduled_changed_and_cancelled(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    await world.person((circle, "volunteer"))
    guest, guest_email = await world.person((await world.organisation(), "volunteer"))
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    walk = await new_walk(email)
    page = walk.page
    await walk.open("/meetings")
    await walk.look("meetings-list")
    await page.get_by_role("link", name="Treffen ansetzen").first.click()
    await page.get_by_role("button", name="Ansetzen und einladen").click()
    await walk.look("meetings-new-refused")
    await page.get_by_label("Runder Tisch").check()
    await page.get_by_label("Titel").fill("Runder Tisch im Rathaus")
    await page.get_by_label("Beginn").fill("2027-03-03T18:00")
    await page.get_by_label("Ort").fill("Rathaus")
    await page.locator(f'input[name="organisations"][value="{circle}"]').check()
    await page.get_by_text("1 Person wird eingeladen").wait_for()
    await page.get_by_label("Einzelne Person suchen").fill(guest_email)
    await page.get_by_role("button", name="Person suchen").click()
    await page.locator(f'input[name="people"][value="{guest}"]').check()
    await page.get_by_text("2 Personen werden eingeladen").wait_for()
    await walk.look("meetings-new-with-people")
    await page.get_by_role("button", name="Ansetzen und einladen").click()
    await page.get_by_text("Das Treffen ist angesetzt").wait_for()
    await walk.look("meetings-scheduled")
    assert await page.get_by_text("2 Personen sind eingeladen").count() == 1
    assert await page.get_by_text("Mittwoch, 3. März 2027, 18:00 Uhr").count() == 1
    await page.get_by_role("link", name="Treffen ändern").click()
    await walk.look("meetings-change")
    await page.get_by_label("Ort").fill("Bürgerhaus")
    await page.get_by_role("button", name="Speichern").click()
    await page.get_by_text("Die Änderung ist gespeichert").wait_for()
    await page.get_by_role("link", name="Teilnehmerliste drucken").click()
    await walk.look("meetings-participants")
    await page.get_by_role("link", name="Zum Treffen").click()
    await page.get_by_role("link", name="Treffen absagen").click()
    await page.get_by_role("button", name="Treffen absagen").click()
    await page.get_by_text("Alle Eingeladenen erfahren es").wait_for()
    await walk.look("meetings-cancelled")


async def test_the_administration_schedules_without_a_script_in_a_municipality_that_it_looks_for(
    world: World, new_walk: NewWalk
) -> None:
    circle = await world.organisation()
    await world.person((circle, "volunteer"))
    guest, guest_email = await world.person((circle, "volunteer"))
    seen = await new_walk(world.process.where.admin_email, width=NARROW)  # axe needs a script
    await seen.open("/meetings/new")
    await seen.look("meetings-municipality")
    walk = await new_walk(world.process.where.admin_email, width=NARROW, java_script=False)
    page = walk.page
    await walk.open("/meetings/new")
    await page.get_by_label("Gemeinde").fill("Nirgendwo")
    await page.get_by_role("button", name="Weiter").click()
    assert await page.get_by_text("steht nicht im Verzeichnis").count() > 0
    await page.get_by_label("Gemeinde").fill("uster")
    await page.get_by_role("button", name="Weiter").click()
    assert page.url.endswith(f"ags={HERE}")
    await page.get_by_label("Titel").fill("Austausch")
    await page.get_by_label("Einzelne Person suchen").fill(guest_email)
    await page.keyboard.press("Enter")
    await page.locator(f'input[name="people"][value="{guest}"]').check()
    await page.get_by_role("button", name="Zahl berechnen").click()
    assert await page.get_by_text("1 Person wird eingeladen").count() == 1
    assert await page.locator(f'input[name="people"][value="{guest}"]').is_checked()
    await page.locator(f'input[name="organisations"][value="{circle}"]').check()
    await page.get_by_role("button", name="Zahl berechnen").click()
    assert await page.get_by_text("2 Personen werden eingeladen").count() == 1, "who is a member as well is invited once"
    await page.get_by_label("Beginn").fill("2027-03-03T18:00")
    await page.get_by_label("Ort").fill("Rathaus")
    await page.get_by_role("button", name="Ansetzen und einladen").click()
    assert await page.get_by_text("2 Personen sind eingeladen").count() == 1
