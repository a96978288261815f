"""Routes without a name: the gateway takes everything off a request that says who sent it."""

import hashlib
import json
from datetime import UTC, datetime

from starlette.types import Receive, Scope, Send

from emon_contracts.actors import ANONYMOUS

from tests.gateway.conftest import Platform, Running, person
from tests.gateway.peers import Seen, send_json

ERIKA = person()
CANARY = "Kanarienvogel-1"


def everything_that_tells(token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Cookie": f"session={CANARY}",
        "X-Request-Id": CANARY,
        "traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01",
        "tracestate": f"a={CANARY}",
        "Idempotency-Key": CANARY,
        "If-Match": CANARY,
        "User-Agent": CANARY,
        "Accept": f"application/{CANARY}",
        "Accept-Language": "de-x-" + CANARY,
        "Referer": f"https://{CANARY}.example",
        "Forwarded": f"for={CANARY}",
        "X-Forwarded-For": CANARY,
        "X-Real-Ip": CANARY,
        "X-Anything": CANARY,
    }


async def test_the_service_learns_nothing_of_who_sends_it(platform: Platform) -> None:
    await platform.know(ERIKA)
    token = await platform.sign_in(ERIKA)
    async with platform.worker.unscoped() as tx:
        before = await tx.fetchval("SELECT used_at FROM sessions")
    said = everything_that_tells(token)
    for method, path in (("POST", ""), ("GET", "/secret"), ("POST", "/secret/messages")):
        body = {"text": "x"} if method == "POST" else None
        url = f"{platform.url}/v1/anonymous-feedback{path}?canary={CANARY}"
        answer = await platform.http.request(method, url, headers=said, json=body)
        assert answer.status == 200
        assert answer.headers["X-Request-Id"] != CANARY
        seen = platform.peers["feedback"].seen[-1]
        assert seen.target == f"/v1/anonymous-feedback{path}", "and no query"
        expect_nobody(platform, seen, token)
    async with platform.worker.unscoped() as tx:
        row = await tx.fetchrow("SELECT used_at, token_hash FROM sessions")
    assert row["token_hash"] == hashlib.sha256(token.encode()).digest()
    assert row["used_at"] == before, "the session was not even looked up"


async def test_nor_does_it_by_the_form_of_the_page(platform: Platform) -> None:
    await platform.know(ERIKA)
    token = await platform.sign_in(ERIKA)
    async with platform.worker.unscoped() as tx:
        before = await tx.fetch("SELECT * FROM sessions")
    said = everything_that_tells(token)
    url = f"{platform.url}/anonymous-feedback?lang=de&from={CANARY}"
    form = await platform.http.get(url, headers=said)
    assert form.status == 200
    assert CANARY not in (await form.text()).replace(f"from={CANARY}", ""), "but for the address of the other language"
    wish = {"municipality": "08115003", "kind": "idea", "text": "Abends öffnen.", "from": CANARY}
    sent = await platform.http.post(url, headers=said, data=wish)
    for answer in (form, sent):
        assert "Set-Cookie" not in answer.headers
        assert CANARY not in str(answer.headers)
    [seen] = platform.peers["feedback"].seen
    assert (seen.method, seen.target) == ("POST", "/v1/anonymous-feedback")
    assert json.loads(seen.body) == {"ags": None, "kind": "idea", "about": None, "text": "Abends öffnen."}
    expect_nobody(platform, seen, token)
    async with platform.worker.unscoped() as tx:
        assert await tx.fetch("SELECT * FROM sessions") == before, "the session was not even looked up"


def expect_nobody(platform: Platform, seen: Seen, token: str) -> None:
    """The service was asked by nobody, and told nothing else."""
    actor_token = seen.headers.pop("authorization").removeprefix("Bearer ")
    assert platform.verifier("feedback").verify(actor_token, datetime.now(UTC)) == ANONYMOUS
    told = str(seen.headers) + seen.body.decode()
    assert not [value for value in (CANARY, token, "abab", "cdcd", str(ERIKA.person_id)) if value in told]
    assert set(seen.headers) <= {"host", "content-type", "content-length", "transfer-encoding", "x-request-id", "traceparent"}


async def test_a_session_that_is_no_session_is_not_refused_there(platform: Platform) -> None:
    answer = await platform.get("/v1/anonymous-feedback/secret", "no-session-at-all")
    assert answer.status == 200


async def test_strangers_are_counted_by_their_address(run_platform: Running) -> None:
    platform = await run_platform(rate_per_address="3/minute")
    answers = [(await platform.post("/v1/anonymous-feedback", {"text": "x"})).status for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    assert (await platform.get("/anonymous-feedback/" + "a" * 32)).status == 429


async def test_a_path_written_otherwise_goes_nowhere(platform: Platform) -> None:
    for path in ("/v1/%61nonymous-feedback", "/v1//anonymous-feedback", "/v1/anonymous-feedback%2Fx", "/v1/anonymous-feedbacks"):
        assert (await platform.get(path)).status == 404
    assert platform.peers["feedback"].seen == []


async def test_its_operations_are_documented_without_a_session(platform: Platform) -> None:
    async def document(_scope: Scope, _receive: Receive, send: Send) -> None:
        operation = {"get": {"operationId": "read", "responses": {"200": {"description": "ok"}}}}
        paths = {"/v1/anonymous-feedback/{secret}": operation, "/v1/feedback/{feedback_id}": operation}
        content = {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": paths}
        await send_json(send, content)

    platform.peers["feedback"].answers["/openapi.json"] = document
    paths = (await (await platform.get("/openapi.json")).json())["paths"]
    nameless, named = paths["/v1/anonymous-feedback/{secret}"]["get"], paths["/v1/feedback/{feedback_id}"]["get"]
    assert nameless["security"] == []
    assert "401" not in nameless["responses"]
    assert named["security"] == [{"bearer": []}]
    assert "401" in named["responses"]
