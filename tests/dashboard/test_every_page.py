"""What holds for each page: who may see it, and that everybody can use it."""

from collections.abc import Mapping
from urllib.parse import urlencode

import aiohttp

from tests.dashboard.conftest import NewWalk
from tests.dashboard.town import Town
from tests.dashboard.walk import DESK, NARROW
from tests.end_to_end.conftest import World

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


async def status_and_place(http: aiohttp.ClientSession, url: str, token: str | None) -> tuple[int, str]:
    """What a page answers somebody, and where it leads."""
    cookies = {"Cookie": f"__Host-session={token}"} if token else {}
    async with http.get(url, headers={"Accept-Language": "de", **cookies}, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", "")


async def test_who_sees_which_page(world: World, town: Town) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        for role in sorted(EVERYBODY):
            token = (await world.signed_in(town.addresses[role])).token
            for page in PAGES:
                status, _ = await status_and_place(http, f"{world.process.where.dashboard_url}{address(page, town)}", token)
                assert status == 200 if role in PAGES[page] else status in (403, 404), f"{page} answers {status} to {role}"


async def test_without_a_session_every_page_leads_to_the_sign_in_page_and_back(world: World, town: Town) -> None:
    async with aiohttp.ClientSession() as http:
        for page in PAGES:
            found = await status_and_place(http, f"{world.process.where.dashboard_url}{address(page, town)}", None)
            assert found == (303, f"/sign-in?{urlencode({'next': address(page, town)})}")


async def test_every_page_is_accessible_small_quick_and_asks_nobody_else(town: Town, new_walk: NewWalk) -> None:
    """By every rule in its usual colours; in others and at other widths, where it is the same page, by what can differ."""
    walk = await new_walk(town.addresses["coordinator"])
    for path in (*OPEN_PAGES, *(page for page, roles in PAGES.items() if "coordinator" in roles)):
        await walk.open(address(path, town))
        assert len(walk.requests) <= 5 + ("/today" in path), f"{path} needs {len(walk.requests)} requests"
        await walk.look("every" + path.replace("/", "-").replace("{", "").replace("}", ""))
        assert await walk.page.locator("h1").count() == 1, path
        await walk.demand_accessible_in_other_colours()
        for width in (NARROW, DESK // 2, DESK):  # half of it: as at 200 per cent
            assert await walk.width_at(width) <= width, f"{path} scrolls sideways at {width} pixels"


async def test_the_whole_page_can_be_english(town: Town, new_walk: NewWalk) -> None:
    walk = await new_walk(town.addresses["coordinator"])
    await walk.open("/meetings")
    await walk.page.get_by_role("button", name="English").click()
    assert await walk.page.locator("html").get_attribute("lang") == "en"
    assert await walk.page.locator("h1").inner_text() == "Meetings"
    await walk.look("english")
