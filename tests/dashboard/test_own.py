"""A volunteer's page: replies and answers, what is held about them, and the way out."""

import secrets

from tests.dashboard.conftest import NewWalk
from tests.dashboard.walk import PHONE
from tests.end_to_end.conftest import HERE, World, meeting
from tests.polling import eventually


async def invited_to_a_meeting(world: World, circle: str) -> dict[str, str]:
    """A meeting of a circle with one member, once that one is invited."""
    planned = await world.admin.post("/v1/meetings", meeting(circle))
    invitations = f"/v1/meetings/{planned['id']}/invitations"
    await eventually(lambda: world.admin.get(invitations), lambda page: len(page["items"]) == 1)
    return planned


async def test_a_volunteer_begins_with_what_is_theirs_and_replies_there(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    _, email = await world.person((circle, "volunteer"))
    walk = await new_walk(email, width=PHONE, java_script=False)
    author, coordinator = await world.signed_in(email), await world.coordinator()
    planned = await invited_to_a_meeting(world, circle)
    body = {"about": {"organisation_id": circle}, "kind": "problem", "text": "Der Schlüssel fehlt oft."}
    feedback = await author.post("/v1/feedback", body)
    await coordinator.post(f"/v1/feedback/{feedback['id']}/answer", {"text": "Er hängt jetzt beim Hausmeister."}, 200)
    page = walk.page
    await walk.open("/")
    assert page.url.endswith("/own")
    await page.get_by_role("heading", name=planned["title"]).wait_for()
    assert await page.get_by_text("Er hängt jetzt beim Hausmeister").count() == 1
    await page.get_by_role("button", name="Ich komme", exact=True).click()
    await page.get_by_text("Sie haben zugesagt").wait_for()
    [invited] = (await world.admin.get(f"/v1/meetings/{planned['id']}/invitations"))["items"]
    assert invited["reply"] == "accepted"
    await page.get_by_role("button", name="Ich komme nicht").click()
    await page.get_by_text("Sie haben abgesagt").wait_for()
    looking = await new_walk(email)
    await looking.open("/own")
    await looking.look("own")


async def test_a_reply_to_what_was_cancelled_meanwhile_says_so(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    _, email = await world.person((circle, "volunteer"))
    walk = await new_walk(email)
    planned = await invited_to_a_meeting(world, circle)
    await walk.open("/own")
    await world.admin.post(f"/v1/meetings/{planned['id']}/cancellation", {}, 200)
    await walk.page.get_by_role("button", name="Vielleicht").click()
    await walk.page.get_by_text("Das Treffen ist abgesagt").wait_for()
    await walk.look("own-cancelled")


async def test_people_see_and_correct_what_is_held_about_them(world: World, new_walk: NewWalk) -> None:
    person, email = await world.person((await world.organisation(), "volunteer"))
    walk = await new_walk(email)
    page = walk.page
    await walk.open("/own")
    await page.get_by_role("link", name="Meine Angaben ansehen").click()
    assert await page.get_by_text("Musterlingen (ehrenamtlich)").count() == 1
    await page.get_by_label("Name").fill("")
    await page.get_by_role("button", name="Speichern").click()
    await page.get_by_role("alert").wait_for()
    await walk.look("own-record-refused")
    name = f"Richtig geschrieben {secrets.token_hex(3)}"
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Sprache").select_option(label="Deutsch in einfacher Sprache")
    await page.get_by_role("button", name="Speichern").click()
    await page.get_by_text("Hier steht der neue Stand").wait_for()
    await walk.look("own-record")
    found = await world.admin.get(f"/v1/people/{person}")
    assert (found["display_name"], found["locale"]) == (name, "de-simple")


async def test_staff_say_when_they_work(world: World, new_walk: NewWalk) -> None:
    town_hall = await world.organisation(kind="municipality")
    _, email = await world.person((town_hall, "staff"))
    walk = await new_walk(email)
    page = walk.page
    await walk.open("/own/record")
    await page.get_by_role("link", name="Arbeitstage und Abwesenheiten ändern").click()
    await walk.look("own-working-week")
    await page.get_by_label("Freitag").uncheck()
    await page.get_by_label("Erster Tag, Zeile 2").fill("2027-08-20")
    await page.get_by_label("Letzter Tag, Zeile 2").fill("2027-08-02")
    await page.get_by_role("button", name="Speichern").click()
    await page.get_by_role("link", name="Letzter Tag, Zeile 2: Der letzte Tag liegt vor dem ersten").wait_for()
    await walk.look("own-working-week-refused")
    assert not await page.get_by_label("Freitag").is_checked()
    await page.get_by_label("Erster Tag, Zeile 2").fill("2027-08-01")
    await page.get_by_role("button", name="Speichern").click()
    await page.get_by_text("Abwesend: Sonntag, 1. August 2027 bis Montag, 2. August 2027").wait_for()
    assert await page.get_by_text("Montag, Dienstag, Mittwoch, Donnerstag", exact=True).count() == 1


async def test_a_new_address_is_asked_by_a_link_that_goes_there(world: World, new_walk: NewWalk) -> None:
    _, email = await world.person((await world.organisation(), "volunteer"))
    walk = await new_walk(email)
    page = walk.page
    await walk.open("/own/address")
    await walk.look("own-address")
    wanted = f"neu.{secrets.token_hex(4)}@example.org"
    await page.get_by_label("Neue E-Mail-Adresse").fill(wanted)
    await page.get_by_role("button", name="Link schicken").click()
    await page.get_by_text("Der Link ist unterwegs").wait_for()
    assert await page.get_by_text(wanted).count() == 1, "what waits for the link is held, and shown"
    assert "/links/" in (await world.mailbox.next_to(wanted, 0))["Text"]


async def test_people_erase_themselves_after_they_were_asked(world: World, new_walk: NewWalk) -> None:
    person, email = await world.person((await world.organisation(), "volunteer"), grants=[{"role": "coordinator", "ags": HERE}])
    walk = await new_walk(email)
    page = walk.page
    await walk.open("/own/record")
    await page.get_by_role("link", name="Meine Daten löschen").click()
    await walk.look("own-erasure")
    await page.get_by_role("button", name="Endgültig löschen").click()
    await page.get_by_role("heading", name="Ihre Daten sind gelöscht").wait_for()
    await walk.look("own-erased")
    assert "__Host-session" not in {cookie.get("name") for cookie in await page.context.cookies()}
    await walk.open("/own")
    assert "/sign-in" in page.url
    status, *_ = await world.admin.ask("GET", f"/v1/people/{person}")
    assert status == 404
