"""People: entered with what was typed kept, found however they are spelt, with roles that come and go."""

import secrets

import pytest

from emon_dashboard.people.reads import Deliveries, Delivery

from tests.dashboard.conftest import NewWalk
from tests.end_to_end.conftest import ELSEWHERE, HERE, World


async def test_a_member_is_entered_and_nothing_typed_is_lost(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    name = f"Jürgen Weißhaupt {secrets.token_hex(3)}"
    walk = await new_walk(email)
    page = walk.page
    await walk.open(f"/circles/{circle}")
    await page.get_by_role("link", name="Mitglied eintragen").first.click()
    await walk.look("people-new")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("E-Mail-Adresse").fill("jürgen")
    await page.get_by_label("hauptamtlich").check()
    await page.get_by_role("button", name="Eintragen").click()
    await page.get_by_role("link", name="E-Mail-Adresse: Bitte geben Sie").wait_for()
    await walk.look("people-new-refused")
    assert await page.get_by_label("Name").input_value() == name
    assert await page.get_by_label("hauptamtlich").is_checked()
    await page.get_by_label("E-Mail-Adresse").fill("")
    await page.get_by_role("button", name="Eintragen").click()
    await page.get_by_text("Die Person ist eingetragen").wait_for()
    await walk.look("person-without-address")
    assert await page.get_by_text("Diese Person bekommt keine E-Mails").count() == 1
    await walk.open("/people")
    await page.get_by_label("Name oder E-Mail-Adresse").press_sequentially(f"weishaupt juergen {name[-6:]}")
    await page.get_by_role("status").get_by_text("1 Person passt dazu").wait_for()
    assert await page.get_by_role("link", name=name).count() == 1
    await walk.look("people-found")


async def test_a_speaker_is_named_and_everything_can_be_ended(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    person, _ = await world.person((circle, "volunteer"))
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    walk = await new_walk(email)
    page = walk.page
    await walk.open(f"/people/{person}")
    await walk.look("person")
    await page.get_by_role("link", name="Rolle geben").click()
    await walk.look("person-role")
    await page.get_by_label("Sprecherin oder Sprecher von").check()
    await page.get_by_role("button", name="Rolle geben").click()
    await page.get_by_text("Die Rolle ist eingetragen").wait_for()
    await page.get_by_role("link", name="Rolle zurücknehmen").click()
    await walk.look("person-role-end")
    await page.get_by_role("button", name="Rolle zurücknehmen").click()
    await page.get_by_text("Die Rolle ist zurückgenommen").wait_for()
    await page.get_by_role("link", name="Mitgliedschaft hinzufügen").click()
    await walk.look("person-membership")
    other = await world.organisation()
    await page.reload()
    await page.get_by_label("Kreis oder Organisation").select_option(f"{other}/{HERE}")
    await page.get_by_role("button", name="Hinzufügen").click()
    await page.get_by_text("Die Mitgliedschaft ist eingetragen").wait_for()
    for left in (1, 0):
        await page.get_by_role("link", name="Mitgliedschaft beenden").first.click()
        assert await page.get_by_text("Danach sehen Sie diese Person nicht mehr").count() == (not left)
        await page.get_by_role("button", name="Mitgliedschaft beenden").click()
        await page.get_by_text("Die Mitgliedschaft ist beendet").wait_for()
    assert page.url.split("?")[0].endswith("/people"), "who is out of sight has no page to lead back to"


async def test_the_administration_makes_a_coordinator_of_a_municipality_by_its_name(world: World, new_walk: NewWalk) -> None:
    person, _ = await world.person((await world.organisation(), "staff"))
    walk = await new_walk(world.process.where.admin_email)
    page = walk.page
    await walk.open(f"/people/{person}/roles/new")
    await page.get_by_label("Koordination einer anderen Gemeinde").check()
    await page.get_by_label("Andere Gemeinde", exact=False).last.fill("Nirgendwo")
    await page.get_by_role("button", name="Rolle geben").click()
    await page.get_by_role("link", name="Diese Gemeinde steht nicht im Verzeichnis").wait_for()
    await walk.look("person-role-unknown-municipality")
    await page.get_by_label("Andere Gemeinde", exact=False).last.fill("anderswo")
    await page.get_by_role("button", name="Rolle geben").click()
    await page.get_by_text("Die Rolle ist eingetragen").wait_for()
    grants = (await world.admin.get(f"/v1/people/{person}"))["grants"]
    assert [(grant["role"], grant["ags"]) for grant in grants] == [("coordinator", ELSEWHERE)]


async def test_who_is_active_elsewhere_too_is_changed_by_themselves_alone(world: World, new_walk: NewWalk) -> None:
    here, elsewhere = await world.organisation(), await world.organisation(ELSEWHERE)
    person, _ = await world.person((here, "volunteer"), (elsewhere, "volunteer"))
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    walk = await new_walk(email)
    await walk.open(f"/people/{person}/change")
    await walk.page.get_by_label("Name").fill("Anders")
    await walk.page.get_by_role("button", name="Speichern").click()
    await walk.page.get_by_text("Diese Person ist auch in anderen Gemeinden aktiv").wait_for()
    await walk.look("person-shared")
    assert await walk.page.get_by_label("Name").input_value() == "Anders"


async def test_an_address_is_proposed_to_who_has_none(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    body = {"display_name": "Ohne Postfach", "memberships": [{"organisation_id": circle, "engagement": "volunteer"}]}
    person = (await world.admin.post("/v1/people", body))["id"]
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    walk = await new_walk(email)
    page = walk.page
    await walk.open(f"/people/{person}")
    await page.get_by_role("link", name="Neue Adresse vorschlagen").click()
    await walk.look("person-address")
    proposed = f"neu.{secrets.token_hex(4)}@example.org"
    await page.get_by_label("Neue E-Mail-Adresse").fill(proposed)
    await page.get_by_role("button", name="Link schicken").click()
    await page.get_by_text("Der Link ist unterwegs").wait_for()
    assert "/links/" in (await world.mailbox.next_to(proposed, 0))["Text"]


@pytest.mark.parametrize(
    ("newest_first", "fails", "failed"),
    [
        pytest.param(["introduction accepted"], False, 0, id="what arrived"),
        pytest.param(["invitation suppressed", "introduction bounced"], True, 2, id="what bounced"),
        pytest.param(["invitation queued", "introduction bounced"], True, 1, id="what was not tried yet says nothing"),
        pytest.param(["invitation accepted", "introduction bounced"], False, 1, id="what arrives again"),
        pytest.param(["address_confirmation accepted", "introduction bounced"], True, 1, id="a proposal is no proof"),
        pytest.param(["address_changed bounced", "introduction bounced"], False, 0, id="the former address does not count"),
    ],
)
def test_an_address_fails_when_the_newest_mail_to_it_did(newest_first: list[str], fails: bool, failed: int) -> None:
    items = [Delivery(kind=kind, status=status) for kind, status in (item.split() for item in newest_first)]
    deliveries = Deliveries(items=items)
    assert (deliveries.address_fails, deliveries.failed) == (fails, failed)
