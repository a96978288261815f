"""What holds for each page: who may see it, and that everybody can use it."""

from collections.abc import Mapping

import pytest

from tests.dashboard.conftest import NewWalk
from tests.dashboard.town import Town
from tests.dashboard.walk import DESK, NARROW

# Who gets to see a page; everybody else is told so (403), or that there is no such thing (404).
PAID = frozenset({"network_admin", "coordinator", "staff"})
OF_THE_TOWN = PAID | {"volunteer"}
EVERYBODY = OF_THE_TOWN | {"stranger"}
PAGES: Mapping[str, frozenset[str]] = {
    "/today": EVERYBODY,
    "/circles": EVERYBODY,
    "/circles/{circle}": OF_THE_TOWN,
    "/people": EVERYBODY,
    "/people/{volunteer}": OF_THE_TOWN,
    "/meetings": EVERYBODY,
    "/meetings/new": PAID | {"stranger"},
    "/meetings/{meeting}": OF_THE_TOWN,
    "/meetings/{meeting}/change": OF_THE_TOWN,
    "/meetings/{meeting}/cancel": OF_THE_TOWN,
    "/meetings/{meeting}/participants": OF_THE_TOWN,
    "/feedback": EVERYBODY,
    "/feedback/new": EVERYBODY,
    "/feedback/{feedback}": frozenset({"coordinator", "volunteer"}),
    "/deliveries": EVERYBODY - {"volunteer"},
    "/imports/new": EVERYBODY,
    "/own": EVERYBODY,
    "/own/record": EVERYBODY,
    "/network": frozenset({"network_admin"}),
}
OPEN_PAGES = ("/sign-in", "/sign-in/sent", "/accessibility", "/privacy")


def address(page: str, town: Town) -> str:
    return page.format(circle=town.circle, volunteer=town.volunteer, meeting=town.meeting, feedback=town.feedback)


@pytest.mark.parametrize("role", sorted(EVERYBODY))
async def test_who_sees_which_page(role: str, town: Town, new_walk: NewWalk) -> None:
    walk = await new_walk(town.addresses[role], java_script=False)
    seen = {page: await walk.open(address(page, town)) for page in PAGES}
    wrong = {page: status for page, status in seen.items() if (status == 200) != (role in PAGES[page])}
    assert not wrong, f"as {role}"
    assert {status for page, status in seen.items() if role not in PAGES[page]} <= {403, 404}


async def test_without_a_session_every_page_leads_to_the_sign_in_page_and_back(town: Town, new_walk: NewWalk) -> None:
    walk = await new_walk()
    for page in PAGES:
        await walk.open(address(page, town))
        assert "/sign-in?next=" in walk.page.url, page


async def test_every_page_is_accessible_small_quick_and_asks_nobody_else(town: Town, new_walk: NewWalk) -> None:
    walk = await new_walk(town.addresses["coordinator"])
    for page in (*OPEN_PAGES, *(page for page, roles in PAGES.items() if "coordinator" in roles)):
        await walk.open(address(page, town))
        assert len(walk.requests) <= 5 + ("/today" in page), f"{page} needs {len(walk.requests)} requests"
        await walk.look("every" + page.replace("/", "-").replace("{", "").replace("}", ""))
        assert await walk.page.locator("h1").count() == 1, page


@pytest.mark.parametrize(
    "look",
    [
        pytest.param({"color_scheme": "dark"}, id="dark"),
        pytest.param({"forced_colors": "active"}, id="forced-colours"),
    ],
)
async def test_every_page_is_accessible_in_other_colours(look: dict[str, str], town: Town, new_walk: NewWalk) -> None:
    walk = await new_walk(town.addresses["coordinator"], **look)
    for page in ("/today", "/meetings/new", "/meetings/{meeting}", "/people", "/feedback/{feedback}", "/imports/new"):
        await walk.open(address(page, town))
        await walk.demand_accessible()


@pytest.mark.parametrize("width", [pytest.param(NARROW, id="320-pixels"), pytest.param(DESK // 2, id="200-per-cent")])
async def test_no_page_scrolls_sideways(width: int, town: Town, new_walk: NewWalk) -> None:
    walk = await new_walk(town.addresses["coordinator"], width=width)
    for page in (*OPEN_PAGES, *(page for page, roles in PAGES.items() if "coordinator" in roles)):
        await walk.open(address(page, town))
        wide = await walk.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{page} is {wide} pixels wide"


async def test_the_whole_page_can_be_english(town: Town, new_walk: NewWalk) -> None:
    walk = await new_walk(town.addresses["coordinator"])
    await walk.open("/meetings")
    await walk.page.get_by_role("button", name="English").click()
    assert await walk.page.locator("html").get_attribute("lang") == "en"
    assert await walk.page.locator("h1").inner_text() == "Meetings"
    await walk.look("english")
