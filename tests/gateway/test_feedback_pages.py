"""The pages of feedback, in front of the real service: behind the link in a mail, and behind an anonymous author's secret."""

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from httpx import ASGITransport

from emon_contracts.actors import ANONYMOUS, Actor
from emon_contracts.directory import MunicipalityRecord
from emon_feedback.app import SERVICE
from emon_feedback.schema import migrations
from emon_platform import directory
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import Database
from emon_platform.service import build
from emon_platform.signed_links import Purpose

from tests.conftest import FreshDatabase
from tests.feedback.conftest import ELSEWHERE, HERE, Submitted, Town, in_days, submit, wanted
from tests.gateway.conftest import Keys, Platform, Running
from tests.gateway.peers import serving
from tests.gateway.test_pages import read_page
from tests.service_api import ServiceApi, settings_for


@dataclass
class Scene:
    """A gateway before feedback, and a town in it."""

    platform: Platform
    worker: Database
    town: Town
    api: ServiceApi

    def link(self, person: Actor, made: Submitted) -> str:
        return "/links/" + self.platform.link(person.person_id, Purpose.FEEDBACK, subject_id=made.id)

    async def anonymous(self) -> str:
        """The path of the page of new anonymous feedback."""
        made = await self.api.as_(ANONYMOUS).post("/v1/anonymous-feedback", json=wanted())
        return "/anonymous-feedback/" + made.json()["link"].rpartition("/")[2]

    async def page(self, path: str, status: int = 200, **options: Any) -> str:
        return await read_page(await self.platform.get(path, **options), status)

    async def send(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> aiohttp.ClientResponse:
        return await self.platform.http.post(self.platform.url + path, data=fields, headers=headers, allow_redirects=False)

    async def done(self, path: str, **fields: str) -> str:
        """Sends a form, follows to the page, and gives it."""
        answer = await self.send(path, None, **fields)
        assert answer.status == 303, await answer.text()
        assert answer.headers["Location"] == f"{path}?lang=de"
        return await self.page(answer.headers["Location"])


@pytest.fixture
async def scene(run_platform: Running, fresh_database: FreshDatabase, keys: Keys, tmp_path: Path) -> AsyncGenerator[Scene]:
    urls = await fresh_database("feedback", migrations)
    worker = await Database.connect(urls.worker_url, name="test worker")
    town = Town(worker)
    await town.found()
    settings = settings_for(SERVICE, urls, tmp_path, keys.actor, public_url="https://example.org")
    app = build(SERVICE, settings, with_worker=False)
    async with serving(app) as [url]:
        platform = await run_platform(feedback_url=url, rate_of_anonymous_feedback_per_address="4/minute")
        await Town(platform.worker).found()
        yield Scene(platform, worker, town, ServiceApi(SERVICE.name, ASGITransport(app), keys.actor))
    await worker.close()


def forms(page: str) -> set[str]:
    return set(re.findall(r'name="action" value="(\w+)"', page))


async def test_whoever_is_asked_acknowledges_puts_off_and_answers_by_the_link(scene: Scene) -> None:
    author, clerk = await scene.town.volunteer(name="Ada <b>"), await scene.town.staff()
    made = await submit(scene.api, author, text="Zeile <i>eins</i>\nZeile zwei")
    path = scene.link(clerk, made)
    for _ in range(2):  # mail scanners follow links: looking does nothing
        page = await scene.page(path)
        assert forms(page) == {"acknowledge", "interim_reply", "answer"}
    raw = await (await scene.platform.get(path)).text()
    assert "Zeile &lt;i&gt;eins&lt;/i&gt;\nZeile zwei" in raw
    assert "Ada &lt;b&gt;" in raw
    assert forms(await scene.done(path, action="acknowledge")) == {"interim_reply", "answer"}
    put_off = await scene.done(path, action="interim_reply", text="Das dauert.", answer_by=in_days(30))
    assert "Das dauert." in put_off
    assert forms(put_off) == {"answer"}
    answered = await scene.done(path, action="answer", text="Jetzt aber.")
    assert "Jetzt aber." in answered
    assert "Beantwortet" in answered
    assert forms(answered) == set()


async def test_the_author_reads_the_answer_rates_it_and_writes_back(scene: Scene) -> None:
    author, clerk = await scene.town.volunteer(), await scene.town.staff()
    made = await submit(scene.api, author)
    path = scene.link(author, made)
    assert forms(await scene.page(path)) == {"write"}
    assert "Es eilt." in await scene.done(path, action="write", text="Es eilt.")
    await scene.api.as_(clerk).post(f"{made.path}/answer", json={"text": "Danke!"})
    page = await scene.page(path)
    assert "Danke!" in page
    assert len(re.findall(r'type="radio" name="stars"', page)) == 5
    wrong = await read_page(await scene.send(path, action="rate"), 422)
    assert "Bitte wählen Sie 1 bis 5 Sterne." in wrong
    rated = await scene.done(path, action="rate", stars="4")
    assert "4 von 5 Sternen" in rated
    assert forms(rated) == {"write"}


async def test_refused_input_is_kept_and_said_beside_its_field(scene: Scene) -> None:
    author, clerk = await scene.town.volunteer(), await scene.town.staff()
    path = scene.link(clerk, await submit(scene.api, author))
    answer = await scene.send(path, action="interim_reply", text="Das <b>dauert", answer_by="1999-01-01")
    raw = await answer.text()
    page = await read_page(answer, 422)
    assert "Das &lt;b&gt;dauert</textarea>" in raw
    assert 'value="1999-01-01" aria-describedby="answer-by-error" aria-invalid="true"' in page
    assert "Bitte wählen Sie einen Tag nach heute" in page
    blank = await read_page(await scene.send(path, action="answer", text="  "), 422)
    assert "Bitte schreiben Sie etwas" in blank
    assert blank.count('aria-invalid="true"') == 1, "only in the form that was sent"
    english = await read_page(await scene.send(f"{path}?lang=en", action="answer", text=""), 422)
    assert "Please write something" in english


async def test_whoever_answers_second_sees_what_the_first_one_said(scene: Scene) -> None:
    author, clerk, other = await scene.town.volunteer(), await scene.town.staff(), await scene.town.staff()
    made = await submit(scene.api, author)
    await scene.done(scene.link(clerk, made), action="answer", text="Die erste Antwort.")
    page = await read_page(await scene.send(scene.link(other, made), action="answer", text="Die zweite."), 409)
    assert "inzwischen beantwortet" in page
    assert "Die erste Antwort." in page


async def test_the_link_of_the_person_it_is_about_leads_nowhere(scene: Scene) -> None:
    author, about = await scene.town.volunteer(), await scene.town.coordinator()
    made = await submit(scene.api, author, about={"person_id": str(about.person_id)})
    assert "Diesen Link gibt es nicht" in await scene.page(scene.link(about, made), 404)


async def test_a_form_of_another_website_does_nothing(scene: Scene) -> None:
    author, clerk = await scene.town.volunteer(), await scene.town.staff()
    path = scene.link(clerk, await submit(scene.api, author))
    for target in (path, await scene.anonymous()):
        answer = await scene.send(target, {"Sec-Fetch-Site": "cross-site"}, action="answer", text="x")
        assert "andere" in await read_page(answer, 403)
    assert "answer" in forms(await scene.page(path))


async def test_an_anonymous_author_needs_the_secret_alone(scene: Scene) -> None:
    await scene.town.staff()
    path = await scene.anonymous()
    page = await scene.page(path)
    assert forms(page) == {"write"}
    assert "Bewahren Sie den Link auf" in page
    assert "Noch etwas." in await scene.done(path, action="write", text="Noch etwas.")
    assert "Something has" not in await scene.page(f"{path}?lang=en")
    for wrong in (path[:-1], "/anonymous-feedback/x", "/anonymous-feedback/%C3%A4", f"{path}A"):
        assert "Diesen Link gibt es nicht" in await scene.page(wrong, 404)


FORM = "/anonymous-feedback"


def written(**changed: str) -> dict[str, str]:
    return {
        "municipality": f"Musterstadt ({HERE})",
        "kind": "idea",
        "topic": "Sprechzeiten",
        "text": "Auch <b>abends</b>",
        **changed,
    }


def offered(page: str) -> list[str]:
    return re.findall(r'<option value="([^"]+)">', page)


async def number_of_feedback(scene: Scene) -> int:
    coordinator = await scene.town.coordinator()
    return len((await scene.api.as_(coordinator).get("/v1/feedback")).json()["items"])


async def test_somebody_writes_without_a_name_and_is_shown_the_link_once(scene: Scene) -> None:
    coordinator = await scene.town.coordinator()
    form = await scene.page(f"{FORM}?ags={HERE}")
    assert f'value="Musterstadt ({HERE})" aria-describedby' in form, "a circle can hand out the address"
    assert offered(form) == [f"Musterstadt ({HERE})", f"Weit ({ELSEWHERE})"]
    made = await read_page(await scene.send(FORM, None, **written()), 201)
    assert "nur dieses eine Mal gezeigt" in made
    [secret] = set(re.findall(r"https://example\.org(/anonymous-feedback/[A-Za-z0-9_-]{32})\b", made))
    assert secret not in await scene.page(FORM)
    [found] = (await scene.api.as_(coordinator).get("/v1/feedback")).json()["items"]
    assert found["ags"] == HERE
    assert (found["kind"], found["about"]["topic"], found["text"]) == ("idea", "Sprechzeiten", "Auch <b>abends</b>")
    assert (found["anonymous"], found["author_id"]) == (True, None)
    assert forms(await scene.page(secret)) == {"write"}


async def test_a_municipality_is_meant_by_its_key_or_by_its_name(scene: Scene) -> None:
    registered = [("08999009", "Weit"), ("08111000", "Großstadt, Landeshauptstadt"), ("08999010", "Fort, Stadt")]
    for worker in (scene.platform.worker, scene.worker):
        async with worker.unscoped() as tx:
            records = [MunicipalityRecord(ags=ags, name=name, closed=name == "Fort, Stadt") for ags, name in registered]
            await directory.save_municipalities(tx, [StateRecord(item.key(), 1, item) for item in records])
    assert offered(await scene.page(FORM)) == [f"Musterstadt ({HERE})", f"Weit ({ELSEWHERE})"], "where somebody is active"
    for meant in (HERE, " musterstadt ", "Großstadt", "großstadt, Landeshauptstadt"):
        await read_page(await scene.send(FORM, None, **written(municipality=meant)), 201)
    assert await number_of_feedback(scene) == 2
    several = await (await scene.send(FORM, None, **written(municipality="Weit"))).text()
    assert "Zu viele Versuche" in several, "the limit of what is mailed to somebody is that of the API"


@pytest.mark.parametrize(
    ("municipality", "says"),
    [
        ("Weit", "So heißen mehrere Gemeinden"),
        ("", "Diese Gemeinde kennt EmON nicht"),
        ("Nirgendwo", "Diese Gemeinde kennt EmON nicht"),
        ("99999999", "Diese Gemeinde kennt EmON nicht"),
        ("Weit\0", "Diese Gemeinde kennt EmON nicht"),
    ],
)
async def test_what_is_missing_is_said_at_once_and_what_was_typed_is_kept(scene: Scene, municipality: str, says: str) -> None:
    async with scene.platform.worker.unscoped() as tx:
        twin = MunicipalityRecord(ags="08999009", name="Weit")
        await directory.save_municipalities(tx, [StateRecord(twin.key(), 1, twin)])
    typed = written(municipality=municipality, topic="Zu viel " * 30, text=" ")
    del typed["kind"]
    page = await read_page(await scene.send(FORM, None, **typed), 422)
    for part in (says, "Bitte wählen Sie Lob", "Bitte schreiben Sie etwas", "Bitte fassen Sie sich hier kurz", "Zu viel Zu viel"):
        assert part in page
    assert len(re.findall(r"\bautofocus\b", page)) == 1
    raw = await (await scene.send(f"{FORM}?lang=en", None, **written(kind="praise", municipality="<i>Nirgendwo"))).text()
    assert "EmON does not know this municipality" in raw
    assert 'value="&lt;i&gt;Nirgendwo"' in raw
    assert 'value="praise" required checked' in raw
    assert "Auch &lt;b&gt;abends&lt;/b&gt;</textarea>" in raw
    assert await number_of_feedback(scene) == 0


async def test_what_is_sent_without_a_name_has_one_limit_by_form_and_by_link(scene: Scene) -> None:
    path = await scene.anonymous()
    statuses = [(await scene.send(path, action="write", text=f"Teil {number}.")).status for number in range(3)]
    statuses += [(await scene.send(FORM, None, **written())).status for _ in range(2)]
    assert statuses == [303, 303, 303, 201, 429]
    assert (await scene.send(path, action="write", text="Noch mehr.")).status == 429
    answer = await scene.platform.post("/v1/anonymous-feedback", {"kind": "idea", "text": "x", "ags": HERE})
    assert answer.status == 429
    await scene.page(path)
    await scene.page(FORM)


async def test_the_form_of_another_website_sends_nothing_in_anybodys_name(scene: Scene) -> None:
    answer = await scene.send(FORM, {"Sec-Fetch-Site": "cross-site"}, **written())
    assert "andere" in await read_page(answer, 403)
    assert await number_of_feedback(scene) == 0


async def test_feedback_that_is_down_is_said_on_the_page(run_platform: Running) -> None:
    platform = await run_platform(feedback_url="http://127.0.0.1:1")
    person = ANONYMOUS.person_id
    for path in ("/links/" + platform.link(person, Purpose.FEEDBACK, subject_id=person), "/anonymous-feedback/" + "a" * 32):
        assert "gerade nicht" in await read_page(await platform.get(path), 503)
    sent = await platform.http.post(platform.url + FORM, data=written())
    assert "gerade nicht" in await read_page(sent, 503)
