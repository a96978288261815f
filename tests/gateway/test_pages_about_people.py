"""The pages on which people see, correct and erase what is held about them."""

import json
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from starlette.types import Receive, Scope, Send

from emon_contracts.actors import LinkCapability, LinkPurpose
from emon_gateway.pages.texts_about_people import texts_about_people_in
from emon_platform.signed_links import Purpose

from tests.gateway.conftest import Platform, person
from tests.gateway.peers import read_body, send_json
from tests.gateway.test_pages import read_page

ERIKA = person("Erika <b>Muster</b>")
RECORD: dict[str, Any] = {
    "id": str(ERIKA.person_id),
    "display_name": "Erika <b>Muster</b>",
    "email": "erika@example.org",
    "pending_email": "neu@example.org",
    "former_emails": ["alt@example.org"],
    "locale": "de-simple",
    "memberships": [{"organisation": "Helferkreis <Asyl>", "municipality": "Musterstadt", "engagement": "volunteer"}],
    "grants": [
        {"role": "circle_speaker", "organisation": "Helferkreis <Asyl>", "municipality": "Musterstadt"},
        {"role": "network_admin", "organisation": None, "municipality": None},
    ],
    "entered_by": "Toni Amt",
    "working_days": ["monday", "friday"],
    "absences": [{"first_day": "2027-07-01", "last_day": "2027-07-14"}],
}


ASKED = {"display_name": "Erika <b>Muster</b>", "email": "neu@example.org", "confirmed": False}


class Contacts:
    """Contacts, as far as it answers for one person: its record, and what comes of acting."""

    def __init__(self, platform: Platform) -> None:
        self.record: tuple[int, Any] = (200, RECORD)
        self.acting: tuple[int, Any] = (200, RECORD)
        self.bodies: list[bytes] = []
        self.tokens: list[str] = []
        answers = platform.peers["contacts"].answers
        path = f"/v1/people/{ERIKA.person_id}"
        answers[f"{path}/record"] = self._read
        self.asked: tuple[int, Any] = (200, ASKED)
        for action in ("correction", "erasure", "address-change/confirmation"):
            answers[f"{path}/{action}"] = self._act
        answers[f"{path}/address-change"] = self._address

    async def _read(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.tokens.append(dict(scope["headers"])[b"authorization"].decode().removeprefix("Bearer "))
        await send_json(send, self.record[1], self.record[0])

    async def _address(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await self._act(scope, receive, send)
        else:
            self.tokens.append(dict(scope["headers"])[b"authorization"].decode().removeprefix("Bearer "))
            await send_json(send, self.asked[1], self.asked[0])

    async def _act(self, _scope: Scope, receive: Receive, send: Send) -> None:
        self.bodies.append(await read_body(receive))
        status, body = self.acting
        if status == 204:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await send_json(send, body, status)


@pytest.fixture
def contacts(platform: Platform) -> Contacts:
    return Contacts(platform)


def link(platform: Platform, purpose: Purpose) -> str:
    return f"/links/{platform.link(ERIKA.person_id, purpose)}"


async def post(platform: Platform, path: str, **fields: str) -> aiohttp.ClientResponse:
    return await platform.http.post(platform.url + path, data=fields)


def problem(status: int, *pointers: str) -> tuple[int, Any]:
    return status, {"status": status, "errors": [{"code": "x", "detail": "x", "pointer": pointer} for pointer in pointers]}


def test_both_languages_say_the_same_things() -> None:
    assert texts_about_people_in("de").keys() == texts_about_people_in("en").keys()


async def test_a_person_sees_everything_that_is_held_about_them(platform: Platform, contacts: Contacts) -> None:
    path = link(platform, Purpose.CORRECTION)
    assert "Erika &lt;b&gt;Muster" in await (await platform.get(path)).text()
    text = await read_page(await platform.get(path))
    for part in (
        "erika@example.org",
        "Helferkreis <Asyl>, Musterstadt (ehrenamtlich)",
        "Sprecherin oder Sprecher, Helferkreis <Asyl>, Musterstadt",
        "<li>Verwaltung der Plattform</li>",
        "Toni Amt",
        "neu@example.org – noch nicht bestätigt",
        "alt@example.org",
        "Montag, Freitag",
        "1.7.2027 bis 14.7.2027",
        '<option value="de-simple" selected>',
        "Antworten Sie einfach auf die E-Mail",
    ):
        assert part in text
    english = await read_page(await platform.get(path + "?lang=en"))
    assert "Member of" in english
    assert contacts.bodies == [], "looking does nothing"
    actor = platform.verifier("contacts").verify(contacts.tokens[0], datetime.now(UTC))
    assert (actor.person_id, actor.grants) == (ERIKA.person_id, ())
    assert actor.link == LinkCapability(LinkPurpose.CORRECTION, ERIKA.person_id, 0)


async def test_a_correction_is_saved_and_shown(platform: Platform, contacts: Contacts) -> None:
    answer = await post(platform, link(platform, Purpose.CORRECTION), display_name="Erika M.", locale="en")
    assert 'role="status">Gespeichert' in await read_page(answer)
    assert [json.loads(body) for body in contacts.bodies] == [{"display_name": "Erika M.", "locale": "en"}]


async def test_what_is_refused_stays_in_the_form_with_the_error_at_its_field(platform: Platform, contacts: Contacts) -> None:
    path = link(platform, Purpose.CORRECTION)
    for acting, says in (
        (problem(422, "/display_name", "/locale"), ("in einer Zeile", "eine der Sprachen")),
        (problem(409, "/display_name"), ("schon eingetragen",)),
    ):
        contacts.acting = acting
        text = await read_page(await post(platform, path, display_name='"><b>', locale="xx"), acting[0])
        assert all(part in text for part in says)
        assert 'value=""><b>"' in text
        assert 'aria-describedby="display_name-hint display_name-error"' in text
        assert "Gespeichert" not in text
    contacts.acting = problem(422, "/nonsense")
    await read_page(await post(platform, path, display_name="x", locale="de"), 503)


async def test_erasure_asks_first_acts_by_its_button_and_says_that_it_is_done(platform: Platform, contacts: Contacts) -> None:
    path = link(platform, Purpose.ERASURE)
    contacts.acting = (204, None)
    for answer in (await platform.get(path), await post(platform, path)):
        text = await read_page(answer)
        assert "Es geht um Erika <b>Muster</b> (erika@example.org)." in text
        assert "Endgültig löschen" in text
    assert contacts.bodies == [], "neither looking nor an empty form erases anybody"
    done = await read_page(await post(platform, path, confirmation="erase"))
    assert "Ihre Daten sind gelöscht" in done
    assert "keine E-Mail mehr" in done
    assert len(contacts.bodies) == 1
    contacts.record = problem(404)
    for purpose in (Purpose.ERASURE, Purpose.CORRECTION):
        again = await read_page(await platform.get(link(platform, purpose)), 410)
        assert "nichts mehr gespeichert" in again
    assert "Ihre Daten sind gelöscht" in await read_page(await post(platform, path, confirmation="erase"))
    contacts.acting = problem(404)
    corrected = await post(platform, link(platform, Purpose.CORRECTION), display_name="x", locale="de")
    assert "nichts mehr gespeichert" in await read_page(corrected, 410)


async def test_the_last_administrator_is_told_what_to_do_first(platform: Platform, contacts: Contacts) -> None:
    contacts.acting = problem(409, "")
    answer = await post(platform, link(platform, Purpose.ERASURE), confirmation="erase")
    assert "Geben Sie diese Rolle" in await read_page(answer, 409)


async def test_what_contacts_does_not_say_is_not_taken_for_nothing(platform: Platform, contacts: Contacts) -> None:
    said: list[tuple[int, Any]] = [(500, {}), (200, {"another": "shape"})]
    for record in said:
        contacts.record = contacts.acting = record
        for purpose in (Purpose.CORRECTION, Purpose.ERASURE):
            await read_page(await platform.get(link(platform, purpose)), 503)
        await read_page(await post(platform, link(platform, Purpose.ERASURE), confirmation="erase"), 503)
    foreign = await platform.http.post(
        platform.url + link(platform, Purpose.ERASURE), data={"confirmation": "erase"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    await read_page(foreign, 403)


async def test_a_person_proposes_another_address(platform: Platform, contacts: Contacts) -> None:
    contacts.acting = (202, {"email": "neu@example.org", "expires_at": "2027-03-04T08:00:00Z"})
    text = await read_page(await post(platform, link(platform, Purpose.CORRECTION), email=" neu@example.org "))
    assert "Der Link ist unterwegs an neu@example.org." in text
    assert "Gespeichert" not in text
    assert [json.loads(body) for body in contacts.bodies] == [{"email": " neu@example.org "}]


async def test_an_address_that_is_refused_stays_in_its_form(platform: Platform, contacts: Contacts) -> None:
    path = link(platform, Purpose.CORRECTION)
    for status, says in ((422, "eine andere E-Mail-Adresse ein"), (409, "versuchen Sie es morgen")):
        contacts.acting = problem(status, "/email")
        text = await read_page(await post(platform, path, email='"><b>'), status)
        assert says in text
        assert 'value=""><b>"' in text
        assert 'aria-describedby="email-hint email-error"' in text
        assert 'value="Erika <b>Muster</b>"' in text, "the other form is as it was"
    contacts.acting = problem(404)
    assert "nichts mehr gespeichert" in await read_page(await post(platform, path, email="x@example.org"), 410)
    contacts.acting = problem(500)
    await read_page(await post(platform, path, email="x@example.org"), 503)


async def test_a_new_address_is_asked_first_and_taken_by_its_button(platform: Platform, contacts: Contacts) -> None:
    path = f"/links/{platform.link(ERIKA.person_id, Purpose.ADDRESS, revision=3)}"
    for answer in (await platform.get(path), await post(platform, path)):
        text = await read_page(answer)
        assert "E-Mails von EmON an Erika <b>Muster</b> sollen künftig an neu@example.org gehen." in text
        assert "Sind Sie nicht gemeint?" in text
    assert contacts.bodies == [], "neither looking nor an empty form changes anything"
    actor = platform.verifier("contacts").verify(contacts.tokens[0], datetime.now(UTC))
    assert actor.link == LinkCapability(LinkPurpose.ADDRESS, ERIKA.person_id, 3)
    contacts.acting = (200, {**ASKED, "confirmed": True})
    done = await read_page(await post(platform, path, confirmation="confirm"))
    assert "Ihre Adresse ist bestätigt" in done
    assert "Ja, das ist meine Adresse" not in done
    english = await read_page(await platform.get(path + "?lang=en"))
    assert "Is this your address?" in english
    contacts.acting = problem(409, "/display_name")
    assert "schon eingetragen" in await read_page(await post(platform, path, confirmation="confirm"), 409)
    contacts.asked = contacts.acting = problem(404)
    for answer in (await platform.get(path), await post(platform, path, confirmation="confirm")):
        await read_page(answer, 404)
    contacts.asked = (200, {"another": "shape"})
    await read_page(await platform.get(path), 503)
