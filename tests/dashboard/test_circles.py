"""A coordinator's circles: entered, found however they are spelt, and everything about one on one page."""

import asyncio
import secrets

from playwright.async_api import Route

from tests.dashboard.conftest import NewWalk
from tests.dashboard.walk import PHONE
from tests.end_to_end.conftest import HERE, World, meeting


async def test_a_circle_is_registered_and_found_while_typing(world: World, new_walk: NewWalk) -> None:
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    mark = secrets.token_hex(3)
    walk = await new_walk(email)
    page = walk.page
    await walk.open("/circles/new")
    await walk.look("circles-new")
    await page.get_by_label("Art").select_option(label="Kirchengemeinde")
    await page.get_by_role("button", name="Anlegen").click()
    await page.get_by_role("alert").wait_for()
    assert await page.get_by_label("Art").input_value() == "parish", "what was chosen is still there"
    await walk.look("circles-new-refused")
    await page.get_by_label("Name").fill(f"Kirchengemeinde Sankt Jörg {mark}")
    await page.get_by_role("button", name="Anlegen").click()
    await page.get_by_text("Das ist angelegt").wait_for()
    await walk.look("circle-empty")
    await walk.open("/circles")
    await page.get_by_label("Name, auch ungefähr").press_sequentially(f"joerg {mark}")
    await page.get_by_role("status").get_by_text("1 passt dazu").wait_for()
    assert await page.get_by_role("link", name=f"Sankt Jörg {mark}").count() == 1
    assert "joerg" in page.url, "what is found can be bookmarked"
    await walk.look("circles-found")
    await page.get_by_label("Art").select_option(label="Helferkreis")
    await page.get_by_role("heading", name="Dazu passt nichts").wait_for()


async def test_slow_answers_do_not_hide_what_was_typed_last(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    name = (await world.admin.get(f"/v1/organisations/{circle}"))["name"]
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])

    async def slowly(route: Route) -> None:
        await asyncio.sleep(2)
        await route.continue_()

    walk = await new_walk(email)
    await walk.open("/circles")
    await walk.page.route("**/circles?q=*", slowly)
    for typed in ("Xylo", "Xylophon", name):
        await walk.page.get_by_label("Name, auch ungefähr").fill(typed)
        await walk.page.wait_for_timeout(500)  # longer than the search waits for more to be typed
    await walk.page.get_by_role("status").get_by_text("1 passt dazu").wait_for()
    assert await walk.page.get_by_role("link", name=name).count() == 1


async def test_the_search_needs_no_script(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    name = (await world.admin.get(f"/v1/organisations/{circle}"))["name"]
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    walk = await new_walk(email, java_script=False, width=PHONE)
    await walk.open("/circles")
    await walk.page.get_by_label("Name, auch ungefähr").fill(name)
    await walk.page.get_by_role("button", name="Suchen").click()
    await walk.page.get_by_role("link", name=name).click()
    await walk.page.get_by_role("heading", name=name).wait_for()


async def test_a_circle_shows_who_takes_part_when_it_meets_and_what_waits(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    member, volunteer = await world.person((circle, "volunteer"))
    scope = {"role": "circle_speaker", "organisation_id": circle, "ags": HERE}
    await world.admin.post(f"/v1/people/{member}/grants", scope, 200)
    seen_by_the_volunteer = await new_walk(volunteer)
    author = await world.signed_in(volunteer)
    planned = await world.admin.post("/v1/meetings", meeting(circle))
    await author.post("/v1/feedback", {"about": {"organisation_id": circle}, "kind": "idea", "text": "Ein Schild am Eingang."})
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    walk = await new_walk(email)
    page = walk.page
    await walk.open(f"/circles/{circle}")
    await walk.look("circle")
    row = page.get_by_role("row").filter(has_text=volunteer)
    assert "ehrenamtlich" in await row.inner_text()
    assert "Sprecherin oder Sprecher" in await row.inner_text()
    assert await page.get_by_role("link", name=planned["title"]).count() == 1
    assert await page.get_by_role("link", name="Idee").count() == 1
    await page.get_by_role("link", name="Treffen ansetzen").click()
    assert await page.locator(f'input[name="organisations"][value="{circle}"]').is_checked()
    await seen_by_the_volunteer.open(f"/circles/{circle}")
    assert await seen_by_the_volunteer.page.get_by_role("link", name="Treffen ansetzen").count() == 0


async def test_whoever_changes_a_circle_second_sees_both_versions(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    walk = await new_walk(email)
    page = walk.page
    await walk.open(f"/circles/{circle}/change")
    mine, theirs = f"Kreis {secrets.token_hex(4)}", f"Kreis {secrets.token_hex(4)}"
    await world.admin.patch(f"/v1/organisations/{circle}", {"name": theirs})
    await page.get_by_label("Name").fill(mine)
    await page.get_by_role("button", name="Speichern").click()
    await page.get_by_text("Jemand anderes hat das inzwischen geändert").wait_for()
    await walk.look("circle-change-conflict")
    assert await page.get_by_text(theirs).count() == 1
    assert await page.get_by_label("Name").input_value() == mine
    await page.get_by_role("button", name="Speichern").click()
    await page.get_by_role("heading", name=mine).wait_for()
