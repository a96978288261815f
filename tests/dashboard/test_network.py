"""The network in numbers, for its administration alone."""

from tests.dashboard.conftest import NewWalk
from tests.end_to_end.conftest import CANARY, HERE, World


async def test_the_administration_sees_municipalities_in_numbers_and_nobody_by_name(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    name = (await world.admin.get(f"/v1/organisations/{circle}"))["name"]
    await world.person((circle, "volunteer"))
    walk = await new_walk(world.process.where.admin_email)
    page = walk.page
    await walk.open("/deliveries")
    await page.get_by_role("navigation").get_by_role("link", name="Netzwerk").click()
    await page.get_by_role("heading", name="Netzwerk").wait_for()
    await walk.look("network")
    row = page.get_by_role("row").filter(has_text=HERE)
    assert "ehrenamtlich" in await row.inner_text()
    shown = await page.locator("main").inner_text()
    assert CANARY not in shown
    assert name not in shown


async def test_nobody_else_sees_it(world: World, new_walk: NewWalk) -> None:
    _, coordinator = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    walk = await new_walk(coordinator)
    await walk.open("/feedback")
    assert await walk.page.get_by_role("link", name="Netzwerk").count() == 0
    assert await walk.open("/network") == 403
    assert "Das dürfen Sie nicht" in await walk.page.locator("main").inner_text()
