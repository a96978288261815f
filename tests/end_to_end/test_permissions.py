"""Every route of the API document, with ids of real rows, as everybody who must not reach them.

A route that the document gains is tested by itself; one that takes a body needs an entry in BODIES, or this fails.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from emon_contracts.actors import Actor, LinkCapability, LinkPurpose
from emon_operator.demo_client import Browser
from emon_platform.identity import sign_actor
from emon_platform.signed_links import load_key

from tests.end_to_end.conftest import ELSEWHERE, HERE, World, meeting
from tests.end_to_end.platform_process import every_page
from tests.end_to_end.test_round_table import settled

# Without a session, since they make one.
WITHOUT_SESSION = {("post", "/v1/sign-in-links"), ("post", "/v1/sign-in-links/preview"), ("post", "/v1/sessions")}
# Go on for as long as the session does: what they say is asked in tests/gateway/test_today_events.py.
STREAMS = {("get", "/v1/today/events")}
# Not even a coordinator's.
OF_THE_ADMINISTRATION = {("get", "/v1/network/municipalities")}
# Without a session and without a name: whoever has the secret is the author (tests/feedback/test_anonymous.py).
NAMELESS = "/v1/anonymous-feedback"
# Every member of a municipality, on either side, may do these there.
OPEN_TO_MEMBERS = {("post", "/v1/feedback")}
# Makes something of the caller's own, wherever they coordinate.
OF_ONES_OWN = {("post", "/v1/people/import-drafts")}
# About the caller alone; whoever is signed in has them.
ABOUT_THE_CALLER = {("get", "/v1/me"), ("delete", "/v1/sessions/current")}
# The official register is public data.
PUBLIC_DATA = {("get", "/v1/municipalities"), ("get", "/v1/municipalities/{ags}")}
# For the person alone; whoever they are, nobody else's is there, not even for the own coordinator.
OF_THE_PERSON_ALONE = {
    ("get", "/v1/people/{person_id}/record"),
    ("post", "/v1/people/{person_id}/correction"),
    ("post", "/v1/people/{person_id}/erasure"),
}
# For whoever holds the link that went to a proposed address, and nobody with a session.
BY_A_LINK_ALONE = {
    ("get", "/v1/people/{person_id}/address-change"),
    ("post", "/v1/people/{person_id}/address-change/confirmation"),
}
# Everybody may do these with what is theirs, so that another's is a 404 where no role carries the permission.
WITH_ONES_OWN = OF_THE_PERSON_ALONE | {
    ("post", "/v1/people/{person_id}/address-change"),
    ("put", "/v1/people/{person_id}/working-week"),
    ("put", "/v1/meetings/{meeting_id}/invitations/{person_id}/reply"),
}


def with_ones_own(method: str, template: str) -> bool:
    """Whether it may be done by anybody with what is theirs: of feedback, what they wrote or are asked to answer."""
    return (method, template) in WITH_ONES_OWN or template.startswith("/v1/feedback/{feedback_id}")


def in_two_days() -> str:
    """A day on which feedback that is put off can be answered."""
    return (datetime.now(UTC) + timedelta(days=2)).date().isoformat()


@dataclass
class Rows:
    """Ids of real rows of one municipality, by the name of the path parameter that takes them."""

    ids: dict[str, str]
    circle: str
    member: str
    member_email: str
    author: str

    def path(self, template: str, ids: Mapping[str, str] | None = None) -> str:
        path = template.format(**(ids or self.ids))
        if template.endswith("/memberships/{organisation_id}"):
            path += f"?ags={HERE}&engagement=volunteer"
        if template.endswith("/grants/{role}"):
            path += f"?ags={HERE}"
        return path

    def body(self, method: str, template: str) -> Any:
        bodies: dict[tuple[str, str], Any] = {
            ("post", "/v1/organisations"): {"name": "Neuer Kreis", "kind": "helper_circle", "ags": HERE},
            ("patch", "/v1/organisations/{organisation_id}"): {"name": "Umbenannt"},
            ("post", "/v1/organisations/{organisation_id}/areas"): {"ags": HERE},
            ("post", "/v1/people"): {
                "display_name": "Neu",
                "email": "neu@example.org",
                "memberships": [{"organisation_id": self.circle, "engagement": "volunteer"}],
                "grants": [],
            },
            ("patch", "/v1/people/{person_id}"): {"display_name": "Umbenannt"},
            ("post", "/v1/people/{person_id}/correction"): {"display_name": "Umbenannt"},
            ("post", "/v1/people/{person_id}/address-change"): {"email": "neu@example.org"},
            ("post", "/v1/people/{person_id}/address-change/confirmation"): None,
            ("post", "/v1/people/{person_id}/erasure"): None,
            ("put", "/v1/people/{person_id}/working-week"): {"working_days": None, "absences": []},
            ("post", "/v1/people/{person_id}/memberships"): {"organisation_id": self.circle, "engagement": "staff"},
            ("post", "/v1/people/{person_id}/grants"): {"role": "coordinator", "ags": HERE},
            ("post", "/v1/meetings"): meeting(self.circle),
            ("post", "/v1/meetings/audience"): {"ags": HERE, "participants": [{"organisation_id": self.circle}]},
            ("patch", "/v1/meetings/{meeting_id}"): {"title": "Umbenannt"},
            ("post", "/v1/meetings/{meeting_id}/cancellation"): {},
            ("put", "/v1/meetings/{meeting_id}/invitations/{person_id}/reply"): {"reply": "tentative"},
            ("post", "/v1/feedback"): {"ags": HERE, "kind": "idea", "text": "Neu"},
            ("post", "/v1/feedback/{feedback_id}/acknowledgement"): None,
            ("post", "/v1/feedback/{feedback_id}/interim-reply"): {"text": "Neu", "answer_by": in_two_days()},
            ("post", "/v1/feedback/{feedback_id}/answer"): {"text": "Neu"},
            ("post", "/v1/feedback/{feedback_id}/rating"): {"stars": 5},
            ("post", "/v1/feedback/{feedback_id}/messages"): {"text": "Neu"},
            ("post", "/v1/deliveries/{delivery_id}/release"): None,
            ("post", "/v1/deliveries/{delivery_id}/cancellation"): None,
            ("post", "/v1/deliveries/{delivery_id}/settlement"): None,
            ("post", "/v1/deliveries/{delivery_id}/retry"): None,
            ("post", "/v1/organisations/imports"): f"name,kind,ags\nAus Liste,helper_circle,{HERE}\n",
            ("post", "/v1/people/imports"): (
                f"email,display_name,locale,organisation,engagement\nx@example.org,X,de,{self.ids['circle_name']},volunteer\n"
            ),
            ("post", "/v1/people/import-drafts"): "Name;E-Mail\nX;x@example.org\n",
            ("put", "/v1/people/import-drafts/{draft_id}/matching"): {"columns": {"0": "display_name"}},
            ("post", "/v1/people/import-drafts/{draft_id}/steps"): None,
            ("post", "/v1/sessions"): {"token": "x"},
            ("post", "/v1/sign-in-links/preview"): {"token": "x"},
            ("post", "/v1/sign-in-links"): {"email": "niemand@example.org"},
        }
        return bodies[method, template]


@pytest.fixture
async def rows(world: World) -> Rows:
    """One row of everything in HERE, each of which its own coordinator can read."""
    coordinator = await world.coordinator()
    circle = await coordinator.post(
        "/v1/organisations", {"name": f"Geheimer Kreis {uuid4().hex[:6]}", "kind": "helper_circle", "ags": HERE}
    )
    member, email = await world.person((circle["id"], "volunteer"))
    made = await coordinator.post("/v1/meetings", meeting(circle["id"], title=f"Geheimer Tisch {uuid4().hex[:6]}"))
    [delivery] = await settled(coordinator, made["id"], 1)
    [invitation] = await every_page(coordinator, f"/v1/meetings/{made['id']}/invitations")
    feedback = await coordinator.post(
        "/v1/feedback", {"kind": "problem", "text": "Geheimes", "about": {"organisation_id": circle["id"]}}
    )
    _, imported, _ = await coordinator.ask(
        "POST", "/v1/organisations/imports", "name,kind,ags\nX,nonsense,1\n", {"Content-Type": "text/csv"}
    )
    _, draft, _ = await coordinator.ask(
        "POST", "/v1/people/import-drafts", f"Name;Kreis\nGeheim;{circle['name']}\n", {"Content-Type": "text/csv"}
    )
    return Rows(
        ids={
            "ags": HERE,
            "organisation_id": circle["id"],
            "person_id": member,
            "meeting_id": made["id"],
            "invitation_id": invitation["id"],
            "delivery_id": delivery["id"],
            "feedback_id": feedback["id"],
            "import_id": imported["id"],
            "draft_id": draft["id"],
            "role": "coordinator",
            "circle_name": circle["name"],
        },
        circle=circle["id"],
        member=member,
        member_email=email,
        author=(await coordinator.get("/v1/me"))["person_id"],
    )


async def named_permissions(world: World) -> dict[tuple[str, str], str]:
    """What each route says that it needs."""
    document = await world.visitor.get("/openapi.json")
    return {(method, path): document["paths"][path][method]["x-permission"] for method, path in await routes(world)}


async def routes(world: World) -> list[tuple[str, str]]:
    document = await world.visitor.get("/openapi.json")
    return [
        (method, path)
        for path, item in document["paths"].items()
        for method in item
        if method in ("get", "post", "put", "patch", "delete") and not path.startswith(NAMELESS)
    ]


async def answer(
    browser: Browser, rows: Rows, method: str, template: str, ids: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    headers = {"If-Match": "*"}
    body = rows.body(method, template) if method in ("post", "put", "patch") else None
    if isinstance(body, str):
        headers["Content-Type"] = "text/csv"
    status, found, _ = await browser.ask(method.upper(), rows.path(template, ids), body, headers)
    return status, found


def others(rows: Rows) -> dict[str, str]:
    """Ids like those of the rows, of nothing that exists."""
    return {name: str(uuid4()) if name.endswith("_id") else value for name, value in rows.ids.items()}


async def test_nobody_gets_anything_without_a_session(world: World, rows: Rows) -> None:
    for method, template in await routes(world):
        if (method, template) not in WITHOUT_SESSION:
            status, _ = await answer(world.visitor, rows, method, template)
            assert status == 401, f"{method} {template}"


async def test_the_own_coordinator_reads_every_row(world: World, rows: Rows) -> None:
    coordinator = await world.coordinator()
    for method, template in await routes(world):
        if (method, template) in STREAMS:
            continue
        if (method, template) in OF_THE_PERSON_ALONE or "{draft_id}" in template:
            status, _ = await answer(coordinator, rows, method, template)
            assert status == 404, f"{method} {template}"
        elif (method, template) in OF_THE_ADMINISTRATION | BY_A_LINK_ALONE:
            status, _ = await answer(coordinator, rows, method, template)
            assert status == 403, f"{method} {template}"
        elif method == "get" and "{import_id}" not in template:  # an import belongs to whoever handed it in
            status, _ = await answer(coordinator, rows, method, template)
            assert status == 200, f"{method} {template}"


@pytest.mark.parametrize("who", ["stranger", "volunteer of the same municipality", "staff elsewhere who volunteers here"])
async def test_what_is_out_of_reach_does_not_exist(world: World, rows: Rows, who: str) -> None:
    if who == "stranger":
        caller = await world.coordinator(ELSEWHERE)
    else:
        memberships = [(await world.organisation(HERE), "volunteer")]
        if who.startswith("staff"):
            memberships.append((await world.organisation(ELSEWHERE, "municipality"), "staff"))
        caller = await world.signed_in((await world.person(*memberships))[1])
    secrets = {value for name, value in rows.ids.items() if name not in ("ags", "role")}
    for method, template in await routes(world):
        if (method, template) in WITHOUT_SESSION | ABOUT_THE_CALLER | PUBLIC_DATA | STREAMS:
            continue
        place = f"{who}: {method} {template}"
        status, body = await answer(caller, rows, method, template)
        assert not any(secret in json.dumps(body, ensure_ascii=False) for secret in secrets), place
        if "{" in template:
            assert status in (403, 404), place
            unknown, _ = await answer(caller, rows, method, template, others(rows))
            assert status == unknown, f"{place}: what exists must not answer otherwise than what does not"
            forbidden = who.startswith("volunteer") and method != "get" and not with_ones_own(method, template)
            assert status == 403 if forbidden else True, place
        elif method == "get":
            assert status in (200, 403), place
        elif (method, template) in OPEN_TO_MEMBERS:
            assert status == (422 if who == "stranger" else 201), place
        elif (method, template) in OF_ONES_OWN:
            assert status == (201 if who == "stranger" else 403), place
        elif template.endswith("/imports") and status == 200:
            assert (body["accepted"], len(body["rejected"])) == (0, 1), place
        else:
            assert status in (403, 422), place


# What the holder of a link reaches, and nothing else. An erasure comes last: it is the end of the row.
LINKS_REACH = {
    LinkPurpose.INVITATION: [
        "get /v1/invitations",
        "get /v1/invitations/{invitation_id}",
        "put /v1/meetings/{meeting_id}/invitations/{person_id}/reply",
    ],
    LinkPurpose.CORRECTION: [
        "get /v1/people",
        "get /v1/people/{person_id}",
        "get /v1/people/{person_id}/record",
        "post /v1/people/{person_id}/address-change",
        "post /v1/people/{person_id}/correction",
    ],
    LinkPurpose.ADDRESS: [
        "get /v1/people/{person_id}/address-change",
        "post /v1/people/{person_id}/address-change/confirmation",
    ],
    LinkPurpose.FEEDBACK: [
        "get /v1/feedback",
        "get /v1/feedback/{feedback_id}",
        "post /v1/feedback/{feedback_id}/messages",
    ],
    LinkPurpose.ERASURE: [
        "get /v1/people",
        "get /v1/people/{person_id}",
        "get /v1/people/{person_id}/record",
        "post /v1/people/{person_id}/erasure",
    ],
}


@pytest.mark.parametrize("purpose", LINKS_REACH)
async def test_a_link_reaches_what_it_is_about_and_nothing_else(world: World, rows: Rows, purpose: LinkPurpose) -> None:
    """The gateway makes such tokens for links; here they go to each service directly, past the gateway's own routing."""
    key = load_key(world.process.home / "secrets" / "actor-token.private.jwk.json")
    person, subject = {
        LinkPurpose.INVITATION: (rows.member, rows.ids["invitation_id"]),
        LinkPurpose.FEEDBACK: (rows.author, rows.ids["feedback_id"]),
    }.get(purpose, (rows.member, rows.member))
    revision = 0
    if purpose is LinkPurpose.ADDRESS:
        await (await world.coordinator()).post(f"/v1/people/{person}/address-change", {"email": "neu@example.org"}, expected=202)
        revision = 1
    holder = Actor(UUID(person), link=LinkCapability(purpose, UUID(subject), revision))
    owners = {"municipalities": "contacts", "organisations": "contacts", "people": "contacts", "deliveries": "notifications",
              "meetings": "meetings", "invitations": "meetings", "feedback": "feedback"}  # fmt: skip
    permissions = await named_permissions(world)
    allowed: list[str] = []
    async with aiohttp.ClientSession() as session:
        for method, template in sorted(await routes(world), key=lambda route: route[1].endswith("/erasure")):
            service = owners.get(template.split("/")[2])
            if service is None:
                continue
            token = sign_actor(holder, service, key, datetime.now(UTC))
            browser = Browser(world.process.where.services[service].url, token, session)
            status, body = await answer(browser, rows, method, template)
            if status < 300:
                allowed.append(f"{method} {template}")
            if status < 300 and "{" not in template:
                assert [item["id"] for item in body["items"]] == [subject], "of a list its one thing"
                continue
            if status == 403:
                assert body["detail"] == f"This needs the permission {permissions[method, template]}.", f"{method} {template}"
            other, _ = await answer(browser, rows, method, template, others(rows))
            assert other in (403, 404), f"{method} {template}"
    assert sorted(allowed) == sorted(LINKS_REACH[purpose])


async def test_a_token_for_one_service_opens_no_other(world: World) -> None:
    key = load_key(world.process.home / "secrets" / "actor-token.private.jwk.json")
    token = sign_actor(Actor(uuid4()), "contacts", key, datetime.now(UTC))
    async with aiohttp.ClientSession() as session:
        browser = Browser(world.process.where.services["meetings"].url, token, session)
        status, _, _ = await browser.ask("GET", "/v1/meetings")
    assert status == 401
