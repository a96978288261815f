"""A coordinator hands in her Excel list as it is."""

from pathlib import Path

from tests.dashboard.conftest import NewWalk
from tests.end_to_end.conftest import HERE, World

LIST = "Nachname;Vorname;Mailadresse\nGöß;Ümit;uemit.{mark}@example.org\nSüß;Änne;keine Adresse\nKurz;Ole;\n"


async def test_a_list_is_matched_looked_at_taken_and_the_rest_handed_back(
    world: World, new_walk: NewWalk, tmp_path: Path
) -> None:
    circle = await world.organisation()
    _, email = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    file = tmp_path / "Helferliste.csv"
    file.write_bytes(LIST.format(mark=circle[:8]).encode("windows-1252"))
    walk = await new_walk(email)
    page = walk.page
    await walk.open("/imports/new")
    await page.get_by_label("Datei").set_input_files(file)
    await page.get_by_role("button", name="Datei ansehen").click()
    await walk.look("imports-columns")
    await page.locator("#organisation_id").select_option(circle)
    await page.locator("#engagement").select_option("volunteer")
    await page.get_by_role("button", name="Vorschau ansehen").click()
    await walk.look("imports-preview")
    assert await page.get_by_text("Süß").count()
    await page.get_by_role("button", name="2 Zeilen einlesen").click()
    await page.get_by_text("3 von 3 Zeilen").wait_for()
    await walk.look("imports-progress")
    await page.get_by_role("link", name="Ergebnis ansehen").click()
    await page.get_by_text("Die Liste ist eingelesen").wait_for()
    await walk.look("imports-result")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Abgelehnte Zeilen herunterladen").click()
    handed_back = tmp_path / "zurück.csv"
    await (await download.value).save_as(handed_back)
    content = handed_back.read_text(encoding="utf-8-sig")
    assert "keine Adresse" in content and "Kurz" not in content
