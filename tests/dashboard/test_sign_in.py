"""Signing in by a link, on a phone too; an old link explains itself; and out again."""

from emon_operator.demo_client import SIGN_IN_LINK

from tests.dashboard.conftest import NewWalk
from tests.dashboard.walk import PHONE, link_in
from tests.end_to_end.conftest import HERE, World


async def test_somebody_signs_in_and_out_on_a_phone(world: World, new_walk: NewWalk) -> None:
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    walk = await new_walk(width=PHONE)
    page = walk.page
    await walk.open("/")
    await walk.look("sign-in-phone")
    await page.get_by_label("E-Mail-Adresse").fill("niemand")
    await page.get_by_role("button", name="Link schicken").click()
    await walk.look("sign-in-refused")
    assert await page.get_by_label("E-Mail-Adresse").input_value() == "niemand"
    await walk.sign_in(email)
    await page.get_by_role("heading", name="Heute").wait_for()
    await walk.look("today-phone")
    [cookie] = [cookie for cookie in await page.context.cookies() if cookie.get("name") == "__Host-session"]
    assert (cookie.get("httpOnly"), cookie.get("secure"), cookie.get("sameSite")) == (True, True, "Lax")
    await page.get_by_role("button", name="Abmelden").click()
    await page.get_by_text("Sie sind abgemeldet").wait_for()
    await walk.open("/today")
    assert "/sign-in" in page.url


async def test_a_used_link_explains_itself_and_offers_a_new_one(world: World, new_walk: NewWalk) -> None:
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    walk = await new_walk()
    await walk.sign_in(email)
    mail = await world.mailbox.next_to(email, 0, SIGN_IN_LINK)
    await walk.page.goto(link_in(mail))
    await walk.page.get_by_role("heading", name="schon benutzt").wait_for()
    await walk.look("sign-in-used-link")
    await walk.page.get_by_role("link", name="Neuen Link anfordern").click()
    await walk.page.get_by_label("E-Mail-Adresse").wait_for()


async def test_two_people_with_one_mailbox_choose(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    _, email = await world.person((circle, "volunteer"))
    await world.person((circle, "volunteer"), email=email)
    walk = await new_walk()
    await walk.open("/sign-in")
    seen = await world.mailbox.count_to(email)
    await walk.page.get_by_label("E-Mail-Adresse").fill(email)
    await walk.page.get_by_role("button", name="Link schicken").click()
    mail = await world.mailbox.next_to(email, seen, SIGN_IN_LINK)
    links = [word for word in mail["Text"].split() if "?token=" in word]
    assert len(links) == 2
    names: set[str] = set()
    for link in links:
        await walk.page.goto(link)
        names.add(await walk.page.locator("h1").inner_text())
    assert len(names) == 2, "each link says whom it signs in"
    await walk.look("sign-in-two")


async def test_another_site_cannot_send_our_forms(world: World, new_walk: NewWalk) -> None:
    walk = await new_walk(world.process.where.admin_email)
    answer = await walk.page.request.post(
        f"{walk.address}/sign-out", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://example.org"}
    )
    assert answer.status == 403
    assert await walk.open("/own") == 200, "still signed in"
