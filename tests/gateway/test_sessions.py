"""Sign-in by link, the session, and what ends it."""

import asyncio
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import uuid4

import asyncpg
import pytest
from joserfc.jwk import OKPKey

from emon_contracts.actors import Engagement, Grant, Role
from emon_contracts.directory import MembershipRecord, MunicipalityRecord, OrganisationRecord
from emon_embedded.service_databases import ServiceDatabase
from emon_gateway.sign_in.commands import token_hash
from emon_gateway.sign_in.repository import act_as_holder_of
from emon_platform.consumer.subscriptions import StateRecord
from emon_platform.database import Database
from emon_platform.directory import save_municipalities, save_organisations
from emon_platform.signed_links import Purpose

from tests.gateway.conftest import Platform, Running, person

ERIKA = person(
    memberships=(MembershipRecord(organisation_id=uuid4(), ags="08115003", engagement=Engagement.VOLUNTEER),),
    grants=(Grant(role=Role.COORDINATOR, ags="08116019"),),
)


async def test_a_link_opens_a_session_that_knows_the_person(platform: Platform) -> None:
    await platform.know(ERIKA)
    answer = await platform.post("/v1/sessions", {"token": platform.link(ERIKA.person_id)})
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    session = await answer.json()
    assert session.keys() == {"access_token", "token_type", "expires_at", "person_id"}
    assert session["token_type"] == "Bearer"
    assert session["person_id"] == str(ERIKA.person_id)

    me = await (await platform.get("/v1/me", session["access_token"])).json()
    assert me["display_name"] == "Erika Muster"
    assert {grant["role"] for grant in me["grants"]} == {"coordinator", "volunteer"}
    assert me["memberships"][0]["ags"] == "08115003"


async def test_a_session_knows_the_names_of_where_its_person_acts(platform: Platform) -> None:
    circle = ERIKA.memberships[0].organisation_id
    await platform.know(ERIKA)
    async with platform.worker.unscoped() as tx:
        organisations = [
            OrganisationRecord(organisation_id=circle, name="Helferkreis", kind="helper_circle", municipalities=("08115003",)),
            OrganisationRecord(organisation_id=uuid4(), name="Anderer Kreis", kind="helper_circle", municipalities=("08115003",)),
        ]
        await save_organisations(tx, [StateRecord(item.key(), 1, item) for item in organisations])
        towns = [MunicipalityRecord(ags=ags, name=f"Stadt {ags}") for ags in ("08115003", "08116019", "08999001")]
        await save_municipalities(tx, [StateRecord(item.key(), 1, item) for item in towns])
    me = await (await platform.get("/v1/me", await platform.sign_in(ERIKA))).json()
    assert me["organisations"] == [{"organisation_id": str(circle), "name": "Helferkreis"}]
    assert sorted(item["name"] for item in me["municipalities"]) == ["Stadt 08115003", "Stadt 08116019"]
    nobody = person("Niemand Besonders", "niemand@example.org")
    await platform.know(nobody)
    me = await (await platform.get("/v1/me", await platform.sign_in(nobody))).json()
    assert (me["organisations"], me["municipalities"]) == ([], [])


async def test_a_link_is_used_once_also_at_the_same_moment(platform: Platform) -> None:
    await platform.know(ERIKA)
    token = platform.link(ERIKA.person_id)
    answers = await asyncio.gather(*(platform.post("/v1/sessions", {"token": token}) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] + [422] * 7
    refused = next(answer for answer in answers if answer.status == 422)
    assert (await refused.json())["errors"] == [
        {
            "code": "link-used",
            "detail": "The link was used already; it signs in once. Ask for a new one.",
            "pointer": "/token",
        }
    ]


async def test_no_other_link_signs_in(platform: Platform) -> None:
    await platform.know(ERIKA)
    good = platform.link(ERIKA.person_id)
    for token, code in (
        (platform.link(ERIKA.person_id, valid_for=timedelta(seconds=-1)), "link-expired"),
        (platform.link(ERIKA.person_id, key=OKPKey.generate_key("Ed25519")), "link-invalid"),
        (platform.link(ERIKA.person_id, Purpose.INVITATION), "link-invalid"),
        (good[:40] + ("A" if good[40] != "A" else "B") + good[41:], "link-invalid"),
        ("täst %2e \U0001f600", "link-invalid"),
        (platform.link(uuid4()), "link-invalid"),  # of somebody unknown
    ):
        answer = await platform.post("/v1/sessions", {"token": token})
        assert answer.status == 422
        assert answer.content_type == "application/problem+json"
        problem = await answer.json()
        assert [(error["code"], error["pointer"]) for error in problem["errors"]] == [(code, "/token")]


async def test_a_link_can_be_looked_at_without_using_it(platform: Platform) -> None:
    await platform.know(ERIKA)
    token = platform.link(ERIKA.person_id)

    async def state(token: str) -> dict[str, object]:
        answer = await platform.post("/v1/sign-in-links/preview", {"token": token})
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        return await answer.json()

    for _ in range(2):
        assert await state(token) == {"state": "link-valid", "display_name": "Erika Muster", "locale": "de"}
    assert (await platform.post("/v1/sessions", {"token": token})).status == 201
    for worthless, word in (
        (token, "link-used"),
        (platform.link(ERIKA.person_id, valid_for=timedelta(seconds=-1)), "link-expired"),
        (platform.link(ERIKA.person_id, Purpose.INVITATION), "link-invalid"),
        (platform.link(uuid4()), "link-invalid"),
        ("x", "link-invalid"),
    ):
        assert await state(worthless) == {"state": word, "display_name": None, "locale": None}


async def test_signing_out_ends_the_session_at_once(platform: Platform) -> None:
    await platform.know(ERIKA)
    mine, other = await platform.sign_in(ERIKA), await platform.sign_in(ERIKA)
    gone = await platform.http.delete(platform.url + "/v1/sessions/current", headers={"Authorization": f"Bearer {mine}"})
    assert gone.status == 204
    again = await platform.get("/v1/me", mine)
    assert again.status == 401
    assert again.headers["WWW-Authenticate"] == "Bearer"
    assert (await platform.get("/v1/me", other)).status == 200


async def test_nothing_else_is_a_session(platform: Platform) -> None:
    for token in (None, "", "x", "Bearer", "a" * 5000, "' OR 1=1 --"):
        assert (await platform.get("/v1/me", token)).status == 401
        assert (await platform.get("/v1/meetings", token)).status == 401
    assert not platform.peers["meetings"].seen


async def test_the_session_of_somebody_erased_ends(platform: Platform) -> None:
    await platform.know(ERIKA)
    token = await platform.sign_in(ERIKA)
    await platform.forget(ERIKA.person_id)
    assert (await platform.get("/v1/me", token)).status == 401
    assert (await platform.post("/v1/sessions", {"token": platform.link(ERIKA.person_id)})).status == 422


async def test_a_revoked_grant_ends_at_once(platform: Platform) -> None:
    await platform.know(ERIKA)
    token = await platform.sign_in(ERIKA)
    await platform.know(ERIKA.model_copy(update={"grants": (), "memberships": ()}), version=2)
    assert (await (await platform.get("/v1/me", token)).json())["grants"] == []


@pytest.mark.parametrize("setting", ["session_lifetime", "session_idle"])
async def test_a_session_ends_after_its_lifetime_and_when_it_is_not_used(run_platform: Running, setting: str) -> None:
    platform = await run_platform(**{setting: timedelta(0)})
    await platform.know(ERIKA)
    assert (await platform.get("/v1/me", await platform.sign_in(ERIKA))).status == 401


async def test_what_a_page_asks_by_itself_is_no_use_of_the_session(platform: Platform, api: Database) -> None:
    await platform.know(ERIKA)
    token = await platform.sign_in(ERIKA)
    earlier = datetime.now(UTC) - timedelta(minutes=20)

    async def used_at() -> datetime:
        async with api.unscoped() as tx:
            await act_as_holder_of(tx, token_hash(token))
            return await tx.fetchval("SELECT used_at FROM sessions")

    async with api.unscoped() as tx:
        await act_as_holder_of(tx, token_hash(token))
        await tx.execute("UPDATE sessions SET used_at = $1", earlier)
    for path in ("/v1/me", "/v1/today", "/v1/meetings", "/v1/today/events"):
        answer = await platform.get(path, token, headers={"X-Background": "true"})
        assert answer.status == 200
        answer.close()
        assert await used_at() == earlier
    assert (await platform.get("/v1/meetings", token, headers={"X-Background": "false"})).status == 200
    assert await used_at() > earlier


async def test_no_route_can_read_sessions_or_requests_of_others(platform: Platform, urls: ServiceDatabase) -> None:
    await platform.know(ERIKA)
    await platform.sign_in(ERIKA)
    connection = await asyncpg.connect(urls.api_url, ssl=False)
    try:
        assert await connection.fetchval("SELECT count(*) FROM sessions") == 0
        assert await connection.fetchval("SELECT count(*) FROM used_sign_in_links") == 0
        assert await connection.fetchval("SELECT count(*) FROM directory_people") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetchval("SELECT count(*) FROM sign_in_requests")
    finally:
        await connection.close()


async def test_the_token_itself_is_not_stored(platform: Platform) -> None:
    await platform.know(ERIKA)
    token = await platform.sign_in(ERIKA)
    async with platform.worker.unscoped() as tx:
        stored = await tx.fetchval("SELECT sessions::text FROM sessions")
    assert token not in stored
    assert token.encode().hex() not in stored


BAD_BODIES = (
    (b"{", {"Content-Type": "application/json"}, 400),
    (b'{"token": "\xff"}', {"Content-Type": "application/json"}, 400),
    (b"{}", {"Content-Type": "application/json"}, 422),
    (b'{"token": ""}', {"Content-Type": "application/json"}, 422),
    (b'{"token": "a", "more": 1}', {"Content-Type": "application/json"}, 422),
    (b"token=a", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    (b'"' + b"a" * 1024 * 1024 + b'"', {"Content-Type": "application/json"}, 413),
)


async def test_bad_bodies_are_refused(platform: Platform) -> None:
    for body, headers, status in BAD_BODIES:
        answer = await platform.http.post(platform.url + "/v1/sessions", data=BytesIO(body), headers=headers)
        assert answer.status == status, body[:50]
        assert answer.content_type == "application/problem+json"
