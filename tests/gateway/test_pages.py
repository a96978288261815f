"""The pages behind the links in mails: what they show, what they refuse, and that they do nothing when only looked at."""

import html
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import pytest
from joserfc.jwk import OKPKey
from starlette.types import Receive, Scope, Send

from emon_contracts.actors import LinkCapability, LinkPurpose
from emon_platform.signed_links import Purpose

from tests.gateway.conftest import Platform, Running, person
from tests.gateway.peers import read_body, send_json

ERIKA = person("Erika <b>Muster</b>")
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


async def read_page(answer: aiohttp.ClientResponse, status: int = 200) -> str:
    """The page, with everything that every page must be."""
    text = await answer.text()
    assert answer.status == status, text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers.getall("Referrer-Policy") == ["no-referrer"]
    assert answer.headers.getall("Cache-Control") == ["no-store"]
    assert "Set-Cookie" not in answer.headers
    assert not re.search(r"<script|style=|\son\w+=|https?://(?!example)", text)
    assert len(re.findall(r"<h1", text)) == 1
    assert re.search(r'<html lang="(de|en)">', text)
    return html.unescape(text)


async def submit(platform: Platform, headers: dict[str, str] | None = None, **fields: str) -> aiohttp.ClientResponse:
    return await platform.http.post(platform.url + "/sign-in", data=fields, headers=headers)


async def test_signing_in_by_the_page_alone(platform: Platform) -> None:
    await platform.know(ERIKA)
    form = await read_page(await platform.get("/sign-in"))
    assert '<label for="email">E-Mail-Adresse</label>' in form
    sent = await read_page(await submit(platform, email="erika@example.org"))
    assert "Die E-Mail ist unterwegs" in sent
    assert sent == await read_page(await submit(platform, email="nobody@example.org"))

    token = platform.link(ERIKA.person_id)
    raw = await (await platform.get(f"/sign-in?token={token}")).text()
    assert "Erika &lt;b&gt;Muster" in raw
    await platform.get(f"/sign-in?token={token}")  # mail scanners follow links: looking does nothing
    confirm = await read_page(await platform.get(f"/sign-in?token={token}"))
    assert f'name="token" value="{token}"' in confirm
    done = await read_page(await submit(platform, token=token))
    found = re.search(r"<code>([A-Za-z0-9_-]{43})</code>", done)
    assert found
    assert (await platform.get("/v1/me", found[1])).status == 200
    for again in (await submit(platform, token=token), await platform.get(f"/sign-in?token={token}")):
        assert "schon benutzt" in await read_page(again, 410)


async def test_a_link_that_fails_explains_itself_and_offers_a_new_one(platform: Platform) -> None:
    await platform.know(ERIKA)
    for token, status, says in (
        (platform.link(ERIKA.person_id, valid_for=timedelta(seconds=-1)), 410, "abgelaufen"),
        (platform.link(ERIKA.person_id, key=OKPKey.generate_key("Ed25519")), 404, "unvollständig"),
        (platform.link(ERIKA.person_id)[:100], 404, "unvollständig"),
    ):
        for answer in (await platform.get(f"/sign-in?token={token}"), await submit(platform, token=token)):
            text = await read_page(answer, status)
            assert says in text
            assert 'href="/sign-in?lang=de"' in text


async def test_a_malformed_address_is_said_beside_its_field(platform: Platform) -> None:
    for email in ("", "x", 'a"><script>alert(1)</script>@b.de', "a@b\r\nBcc: c@d.de"):
        text = await read_page(await submit(platform, email=email), 422)
        assert 'aria-invalid="true"' in text
        assert 'aria-describedby="email-hint email-error"' in text


async def test_pages_speak_the_visitors_language(platform: Platform) -> None:
    for accepted, query, language in (
        ("", "", "de"),
        ("en-GB,en;q=0.9", "", "en"),
        ("fr, en;q=0.3, de;q=0.8", "", "de"),
        ("fr;q=x, tr", "", "de"),
        ("de", "?lang=en", "en"),
        ("en", "?lang=xx", "en"),
    ):
        text = await read_page(await platform.get("/sign-in" + query, headers={"Accept-Language": accepted}))
        assert f'<html lang="{language}">' in text
        assert ("Send the link" in text) == (language == "en")


async def test_the_other_language_keeps_the_link(platform: Platform) -> None:
    await platform.know(ERIKA)
    token = platform.link(ERIKA.person_id)
    text = await read_page(await platform.get(f"/sign-in?token={token}"))
    assert f'href="?token={token}&lang=en"' in text


async def test_forms_of_other_websites_do_nothing(platform: Platform) -> None:
    for headers, status in (
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200),
        ({"Origin": platform.url}, 200),
        ({"Origin": "null"}, 200),
        ({}, 200),
    ):
        await read_page(await submit(platform, headers, email="a@example.org"), status)
    async with platform.worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(*) FROM sign_in_requests") == 4


async def test_only_forms_are_taken_as_forms(platform: Platform) -> None:
    files = aiohttp.FormData({"email": "a@example.org"}, default_to_multipart=True)
    assert (await platform.http.post(platform.url + "/sign-in", data=files)).status == 415
    form = urlencode({"token": "a"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await platform.http.post(platform.url + "/v1/sign-in-links", data=form, headers=headers)).status == 415


async def test_the_stylesheet_is_our_own(platform: Platform) -> None:
    answer = await platform.get("/assets/pages.css")
    assert answer.status == 200
    assert answer.content_type == "text/css"
    assert "url(" not in await answer.text()
    assert (await platform.get("/assets/../templates/layout.html")).status == 404


INVITATION_ID, MEETING_ID = uuid4(), uuid4()


def invitation(**changed: object) -> dict[str, object]:
    meeting = {
        "id": str(MEETING_ID),
        "title": "Runder Tisch <Wohnen>",
        "kind": "round_table",
        "start": {"local": "2027-03-28T18:00", "time_zone": "Europe/Berlin"},
        "starts_at": "2027-03-28T16:00:00Z",
        "duration_minutes": 90,
        "place": "Rathaus, Zimmer 3",
        "link": "https://example.org/raum",
        "revision": 1,
        "status": "scheduled",
        **changed,
    }
    return {
        "id": str(INVITATION_ID),
        "meeting": meeting,
        "person_id": str(ERIKA.person_id),
        "reply": None,
        "earlier_reply": None,
        "replied_at": None,
    }


def invite(platform: Platform, body: object, status: int = 200) -> list[str]:
    """Meetings answers for the invitation; gives the authorization headers that it sees."""
    seen: list[str] = []

    async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
        seen.append(dict(scope["headers"])[b"authorization"].decode())
        await send_json(send, body, status)

    platform.peers["meetings"].answers[f"/v1/invitations/{INVITATION_ID}"] = answer
    return seen


def invitation_link(platform: Platform, revision: int = 1, **options: object) -> str:
    token = platform.link(
        ERIKA.person_id,
        Purpose.INVITATION,
        subject_id=INVITATION_ID,
        revision=revision,
        **options,  # pyright: ignore[reportArgumentType]
    )
    return f"/links/{token}"


async def test_an_invitation_is_shown_by_its_link_and_by_nothing_else(platform: Platform) -> None:
    seen = invite(platform, invitation())
    path = invitation_link(platform)
    text = await read_page(await platform.get(path))
    for part in ("Runder Tisch <Wohnen>", "Sonntag, 28. März 2027, 18:00 Uhr", "1 Std. 30 Min.", "Rathaus, Zimmer 3"):
        assert part in text
    assert "geändert" not in text
    english = await read_page(await platform.get(path + "?lang=en"))
    assert "Sunday, 28 March 2027, 18:00" in english

    actor = platform.verifier("meetings").verify(seen[0].removeprefix("Bearer "), datetime.now(UTC))
    assert actor.grants == ()
    assert actor.person_id == ERIKA.person_id
    assert actor.link == LinkCapability(LinkPurpose.INVITATION, INVITATION_ID, 1)


async def test_the_page_shows_the_state_of_now(platform: Platform) -> None:
    for changed, says in (
        ({"revision": 2}, "hat sich das Treffen geändert"),
        ({"status": "cancelled", "revision": 2}, "findet nicht statt"),
        ({"start": {"local": "2027-03-28T18:00", "time_zone": "Europe/Paris"}}, "(Europe/Paris)"),
        ({"place": None, "link": "javascript:alert(1)"}, "Sie sind eingeladen"),
    ):
        invite(platform, invitation(**changed))
        text = await read_page(await platform.get(invitation_link(platform)))
        assert says in text
        assert "javascript:" not in text


@dataclass
class Guestbook:
    """Meetings, as far as an invitation's link sees it: `meeting` is what changed, `said` what it was told, by whom."""

    meeting: dict[str, object] = field(default_factory=dict[str, object])
    reply: str | None = None
    earlier_reply: str | None = None
    said: list[tuple[str, LinkCapability]] = field(default_factory=list[tuple[str, LinkCapability]])

    def open(self, platform: Platform) -> "Guestbook":
        async def show(_scope: Scope, _receive: Receive, send: Send) -> None:
            body = invitation(**self.meeting) | {"reply": self.reply, "earlier_reply": self.earlier_reply}
            await send_json(send, body)

        async def note(scope: Scope, receive: Receive, send: Send) -> None:
            assert scope["method"] == "PUT"
            reply = json.loads(await read_body(receive))["reply"]
            token = dict(scope["headers"])[b"authorization"].decode().removeprefix("Bearer ")
            link = platform.verifier("meetings").verify(token, datetime.now(UTC)).link
            assert link is not None
            self.said.append((reply, link))
            if link.revision != self.meeting.get("revision", 1) or self.meeting.get("status") == "cancelled":
                await send_json(send, {"errors": [{"code": "meeting-changed"}]}, 409)
                return
            self.reply = reply
            await send_json(send, {"reply": reply})

        answers = platform.peers["meetings"].answers
        answers[f"/v1/invitations/{INVITATION_ID}"] = show
        answers[f"/v1/meetings/{MEETING_ID}/invitations/{ERIKA.person_id}/reply"] = note
        return self


async def press(
    platform: Platform, path: str, page: str, button: str, headers: dict[str, str] | None = None
) -> aiohttp.ClientResponse:
    """Presses a button of the page's form, as a browser does. Follows no redirection."""
    form = re.search(r'<form class="replies" method="post" action="(\?lang=..)">(.*?)</form>', page, re.DOTALL)
    assert form
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)">', form[2]))
    value = re.search(rf'<button name="reply" value="(\w+)"[^>]*>{button}</button>', form[2])
    assert value
    url = platform.url + path.partition("?")[0] + form[1]
    return await platform.http.post(url, data={**fields, "reply": value[1]}, headers=headers, allow_redirects=False)


@pytest.mark.parametrize(
    ("language", "button", "reply", "says"),
    [
        ("de", "Ich komme", "accepted", "Ihre Antwort: <strong>Ich komme<"),
        ("en", "Perhaps", "tentative", "reply: <strong>Perhaps<"),
    ],
)
async def test_a_reply_is_one_button_and_may_be_changed(
    platform: Platform, language: str, button: str, reply: str, says: str
) -> None:
    guestbook = Guestbook().open(platform)
    path = invitation_link(platform) + f"?lang={language}"
    asked = await read_page(await platform.get(path))
    assert not guestbook.said, "looking does nothing"
    assert says not in asked
    taken = await press(platform, path, asked, button)
    assert (taken.status, taken.headers["Location"]) == (303, path)
    assert guestbook.said == [(reply, LinkCapability(LinkPurpose.INVITATION, INVITATION_ID, 1))]
    shown = await read_page(await platform.get(path))
    assert says in shown
    assert f'value="{reply}" aria-current="true"' in shown
    assert (await press(platform, path, shown, button)).status == 303


async def test_an_old_link_shows_the_new_time_and_asks_again(platform: Platform) -> None:
    guestbook = Guestbook({"revision": 2}, earlier_reply="accepted").open(platform)
    path = invitation_link(platform, revision=1)
    asked = await read_page(await platform.get(path))
    assert "hat sich das Treffen geändert" in asked
    assert "Ihre Antwort zum früheren Termin oder Ort war: <strong>Ich komme<" in asked
    assert "Ihre Antwort:" not in asked
    assert (await press(platform, path, asked, "Ich komme nicht")).status == 303
    assert guestbook.said[0][1].revision == 2, "of the meeting as the page showed it"


async def test_a_page_that_was_open_while_the_meeting_moved_asks_again(platform: Platform) -> None:
    guestbook = Guestbook().open(platform)
    path = invitation_link(platform)
    asked = await read_page(await platform.get(path))
    guestbook.meeting |= {"revision": 2, "place": "Gemeindehaus"}
    again = await read_page(await press(platform, path, asked, "Ich komme"), 409)
    for part in ("nicht eingetragen", "Gemeindehaus", 'name="revision" value="2"'):
        assert part in again
    assert guestbook.reply is None
    assert (await press(platform, path, again, "Ich komme")).status == 303


async def test_a_form_that_does_not_say_what_it_showed_replies_to_what_the_mail_said(platform: Platform) -> None:
    guestbook = Guestbook({"revision": 2}).open(platform)
    path = invitation_link(platform, revision=1)
    for revision in (None, "", "²", "-1", "9" * 5000):
        data = {"reply": "accepted"} | ({} if revision is None else {"revision": revision})
        answer = await platform.http.post(platform.url + path, data=data, allow_redirects=False)
        assert "nicht eingetragen" in await read_page(answer, 409)
    assert {link.revision for _, link in guestbook.said} == {1}


async def test_a_form_of_another_website_and_one_without_a_reply_say_nothing(platform: Platform) -> None:
    guestbook = Guestbook().open(platform)
    path = invitation_link(platform)
    asked = await read_page(await platform.get(path))
    foreign = await press(platform, path, asked, "Ich komme", {"Sec-Fetch-Site": "cross-site"})
    await read_page(foreign, 403)
    for data in ({}, {"reply": "maybe"}, {"revision": "1"}):
        answer = await platform.http.post(platform.url + path, data=data, allow_redirects=False)
        assert answer.status == 303
    assert not guestbook.said


async def test_a_meeting_that_is_over_asks_nothing(platform: Platform) -> None:
    guestbook = Guestbook(reply="accepted").open(platform)
    path = invitation_link(platform)
    asked = await read_page(await platform.get(path))
    guestbook.meeting = {"starts_at": "2026-01-01T10:00:00Z"}
    started = await read_page(await platform.get(path))
    guestbook.meeting = {"status": "cancelled", "revision": 2}
    cancelled = await read_page(await platform.get(path))
    refused = await read_page(await press(platform, path, asked, "Vielleicht"), 409)
    for shown, says in (
        (started, "Dieses Treffen hat schon begonnen"),
        (cancelled, "Dieses Treffen findet nicht statt"),
        (refused, "Dieses Treffen findet nicht statt"),
    ):
        assert says in shown
        assert "<form" not in shown


async def test_a_link_that_shows_nothing_explains_itself(platform: Platform) -> None:
    seen = invite(platform, invitation())
    await platform.know(ERIKA)
    old = await platform.get(invitation_link(platform, valid_for=timedelta(seconds=-1)))
    assert "abgelaufen" in await read_page(old, 410)
    sign_in = await platform.get(f"/links/{platform.link(ERIKA.person_id)}")
    assert "Diesen Link gibt es nicht" in await read_page(sign_in, 404)
    await read_page(await platform.get("/links/nonsense%20%00"), 404)
    assert not seen
    invite(platform, {"title": "gone"}, 404)
    await read_page(await platform.get(invitation_link(platform)), 404)
    invite(platform, {"title": "broken"}, 500)
    answer = await platform.get(invitation_link(platform))
    assert answer.headers["Retry-After"]
    await read_page(answer, 503)
    invite(platform, {"another": "shape"})
    await read_page(await platform.get(invitation_link(platform)), 503)


async def test_no_link_and_no_address_is_logged(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    await platform.know(ERIKA)
    invite(platform, invitation())
    path = invitation_link(platform)
    token = platform.link(ERIKA.person_id)
    await platform.get(path)
    await platform.get(f"/sign-in?token={token}")
    await submit(platform, token=token)
    await submit(platform, email="canary@example.org")
    printed = capsys.readouterr()
    logged = printed.out + printed.err
    assert "/links/{token}" in logged
    for secret in (path.rpartition("/")[2], token, "canary", "Muster"):
        assert secret not in logged


async def test_meetings_down_is_said_on_the_page(run_platform: Running) -> None:
    platform = await run_platform(meetings_url="http://127.0.0.1:1")
    await read_page(await platform.get(invitation_link(platform)), 503)
