"""Requests to the services and back: who calls, what passes, and what happens when a service does not do its part."""

import asyncio
import hashlib
import os
import signal
import socket
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from io import BytesIO
from uuid import uuid4

import aiohttp
import pytest
from starlette.types import Receive, Scope, Send

from emon_contracts.actors import Engagement, Grant, Role
from emon_contracts.directory import MembershipRecord
from emon_gateway.routing.table import is_import
from emon_platform.identity import InvalidToken

from tests.gateway.conftest import Platform, Running, person
from tests.gateway.peers import peer_process, read_body, send_json
from tests.polling import eventually

CIRCLE = uuid4()
ERIKA = person(
    memberships=(MembershipRecord(organisation_id=CIRCLE, ags="08115003", engagement=Engagement.VOLUNTEER),),
    grants=(Grant(role=Role.COORDINATOR, ags="08116019"),),
)


@pytest.fixture
async def token(platform: Platform) -> str:
    await platform.know(ERIKA)
    return await platform.sign_in(ERIKA)


PLACES = (
    ("/v1/municipalities?state=08&name=Ils", "contacts"),
    ("/v1/municipalities/08115003", "contacts"),
    ("/v1/organisations", "contacts"),
    ("/v1/people/imports/0199/rejected.csv", "contacts"),
    ("/v1/people/import-drafts/0199/rows?outcome=refused", "contacts"),
    ("/v1/meetings", "meetings"),
    ("/v1/meetings/0199/invitations", "meetings"),
    ("/v1/invitations/0199", "meetings"),
    ("/v1/feedback?status=received", "feedback"),
    ("/v1/feedback/0199/answer", "feedback"),
    ("/v1/deliveries?status=uncertain&subject_id=a%2Fb%23c&x=%C3%A4+%22", "notifications"),
)


async def test_each_path_has_its_service(platform: Platform, token: str) -> None:
    for path, service in PLACES:
        answer = await platform.get(path, token)
        assert answer.status == 200
        assert await answer.json() == {"service": service}
        assert platform.peers[service].seen[-1].target == path


async def test_the_service_learns_who_calls_and_nothing_else(platform: Platform, token: str) -> None:
    foreign = {
        "X-Forwarded-For": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "X-Real-IP": "10.0.0.1",
        "Cookie": "session=1",
        "X-Emon-Person": str(uuid4()),
        "Connection": "keep-alive, X-Hop",
        "X-Hop": "1",
        "If-Match": '"abc"',
        "Idempotency-Key": "key-1",
        "X-Request-Id": "request-4711",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    answer = await platform.get("/v1/meetings/1", token, headers=foreign)
    assert answer.headers.getall("X-Request-Id") == ["request-4711"]
    assert len(answer.headers.getall("Date")) == 1
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["ETag"] == '"1"'

    seen = platform.peers["meetings"].seen[0].headers
    assert not {"x-forwarded-for", "forwarded", "x-real-ip", "cookie", "x-emon-person", "x-hop"} & seen.keys()
    assert seen["if-match"] == '"abc"'
    assert seen["idempotency-key"] == "key-1"
    assert seen["x-request-id"] == "request-4711"
    assert seen["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"

    actor_token = seen["authorization"].removeprefix("Bearer ")
    actor = platform.verifier("meetings").verify(actor_token, datetime.now(UTC))
    assert actor.person_id == ERIKA.person_id
    assert actor.link is None
    assert actor.grants == (
        Grant(role=Role.COORDINATOR, ags="08116019"),
        Grant(role=Role.VOLUNTEER, ags="08115003", organisation_id=CIRCLE),
    )
    with pytest.raises(InvalidToken):
        platform.verifier("contacts").verify(actor_token, datetime.now(UTC))


async def test_no_session_no_request(platform: Platform) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = await platform.http.request(method, platform.url + "/v1/people", json={})
        assert answer.status == 401
        assert answer.content_type == "application/problem+json"
    assert not any(peer.seen for peer in platform.peers.values())


TRICKS = (
    [
        "/v1/municipalities/../meetings",
        "/v1/municipalities/%2e%2e/meetings",
        "/v1/municipalities/%2E%2E%2Fmeetings",
        "/v1/municipalities/..%2fmeetings",
        "/v1/municipalities//meetings",
        "/v1//meetings",
        "//v1/meetings",
        "/v1/meetings/",
        "/v1/meetings/.",
        "/v1/meetings/..;/people",
        "/v1/meetings/%00",
        "/v1/meetings/a%0d%0aX-Injected:1",
        "/v1/meetings/..\\people",
        "/v1/meetings/%5c..%5cpeople",
        "/v1/%6deetings",
        "/v1/meetings%2f1",
        "/v1/meetings/%252e%252e/people",
        "/v1/meetingsx",
        "/v1/health/ready",
        "/v1/meetings/../../health/ready",
        "/v1/meetings/../../metrics",
        "/v2/meetings",
        "/v1",
        "/v1/",
        "/",
        "/health/ready",
        "/metrics",
    ],
)


async def test_no_trick_with_a_path_reaches_a_service(platform: Platform, token: str) -> None:
    for path in TRICKS:
        status = await _raw_status(platform.url, f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
        assert status in (404, 400), path
        assert not any(peer.seen for peer in platform.peers.values()), path


async def test_a_route_says_which_methods_it_has(platform: Platform, token: str) -> None:
    options = await platform.http.options(platform.url + "/v1/meetings")
    assert options.status == 405
    assert "PATCH" in options.headers["Allow"] or "GET" in options.headers["Allow"]
    wrong = await platform.get("/v1/sessions", token)
    assert wrong.status == 405
    assert wrong.content_type == "application/problem+json"


def test_imports_may_take_their_time() -> None:
    draft = b"/v1/people/import-drafts"
    for path in (b"/v1/people/imports", draft, draft + b"/0199/matching", draft + b"/0199/steps"):
        assert is_import(path)
    for path in (b"/v1/people", b"/v1/people/0199"):
        assert not is_import(path)


async def test_bodies_pass_as_they_are(platform: Platform, token: str) -> None:
    body = os.urandom(8 * 1024 * 1024)

    async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
        received = await read_body(receive)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-encoding", b"x-own")]})
        for start in range(0, len(received), 100_000):
            await send({"type": "http.response.body", "body": received[start : start + 100_000], "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    platform.peers["contacts"].answers["/v1/people/imports"] = echo

    async def in_pieces() -> AsyncGenerator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    for data in (BytesIO(body), in_pieces()):
        async with aiohttp.ClientSession(auto_decompress=False) as http:
            answer = await http.post(platform.url + "/v1/people/imports", data=data, headers=headers)
            assert answer.status == 200
            assert hashlib.sha256(await answer.read()).digest() == hashlib.sha256(body).digest()


async def test_an_action_without_a_body_stays_without(platform: Platform, token: str) -> None:
    answer = await platform.http.post(
        platform.url + "/v1/meetings/1/cancellation",
        headers={"Authorization": f"Bearer {token}"},
        skip_auto_headers=["Content-Type"],
    )
    assert answer.status == 200
    seen = platform.peers["meetings"].seen[0]
    assert "transfer-encoding" not in seen.headers
    assert seen.headers.get("content-length", "0") == "0"
    assert "content-type" not in seen.headers


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_large_is_refused(platform: Platform, token: str, declared: bool) -> None:
    body = b'"' + b"a" * (1024 * 1024) + b'"'

    async def in_pieces() -> AsyncGenerator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = BytesIO(body) if declared else in_pieces()
    answer = await platform.http.post(platform.url + "/v1/meetings", data=data, headers=headers)
    assert answer.status == 413
    assert answer.content_type == "application/problem+json"
    assert not platform.peers["meetings"].seen


async def test_another_media_type_is_refused(platform: Platform, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    answer = await platform.http.post(platform.url + "/v1/meetings", data=b"a", headers=headers)
    assert answer.status == 415


async def test_a_service_that_is_down_is_said_to_be_so(run_platform: Running) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: refused
        platform = await run_platform(meetings_url=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        await platform.know(ERIKA)
        token = await platform.sign_in(ERIKA)
        await _expect_unavailable(platform, token, within_s=1)
        assert (await platform.get("/v1/people", token)).status == 200  # the others work on


async def test_a_stopped_process_hangs_nobody_and_works_on_afterwards(run_platform: Running) -> None:
    async with peer_process() as (url, process):
        platform = await run_platform(meetings_url=url)
        await platform.know(ERIKA)
        token = await platform.sign_in(ERIKA)
        assert (await platform.get("/v1/meetings", token)).status == 200
        os.kill(process.pid, signal.SIGSTOP)
        await asyncio.gather(*(_expect_unavailable(platform, token, within_s=3) for _ in range(20)))
        ready = await platform.ready()
        assert ready.status == 503
        assert "meetings: does not answer" in (await ready.json())["troubles"]
        os.kill(process.pid, signal.SIGCONT)
        assert (await platform.get("/v1/meetings", token)).status == 200
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        await _expect_unavailable(platform, token, within_s=1)


async def test_a_slow_service_is_waited_for_as_long_as_it_lives(platform: Platform, token: str) -> None:
    async def slow(_scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        await asyncio.sleep(3.5)
        await send_json(send, {"done": True})

    platform.peers["meetings"].answers["/v1/meetings"] = slow
    answer = await platform.get("/v1/meetings", token)
    assert answer.status == 200
    assert await answer.json() == {"done": True}


@pytest.mark.parametrize("with_length", [True, False])
async def test_an_answer_cut_in_the_middle_is_not_taken_for_the_whole(platform: Platform, token: str, with_length: bool) -> None:
    async def cut(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        headers = [(b"content-length", b"100000")] if with_length else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
        raise ConnectionResetError

    platform.peers["meetings"].answers["/v1/meetings"] = cut
    answer = await platform.get("/v1/meetings", token)
    assert answer.status == 200
    with pytest.raises(aiohttp.ClientPayloadError):
        await answer.read()
    assert (await platform.get("/v1/meetings/1", token)).status == 200


async def test_a_service_that_does_not_know_the_gateways_key_is_not_the_callers_fault(platform: Platform, token: str) -> None:
    async def refuse(_scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        await send_json(send, {}, 401)

    platform.peers["meetings"].answers["/v1/meetings"] = refuse
    await _expect_unavailable(platform, token, within_s=1)


async def test_redirects_and_problems_pass_as_they_are(platform: Platform, token: str) -> None:
    async def move(_scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        await send_json(send, {"errors": []}, 307, ((b"location", b"http://127.0.0.1:1/"), (b"x-own", b"1")))

    platform.peers["meetings"].answers["/v1/meetings"] = move
    answer = await platform.get("/v1/meetings", token)
    assert answer.status == 307
    assert answer.headers["X-Own"] == "1"


async def test_a_client_that_leaves_in_the_middle_of_its_body_leaves_nothing_half_done(platform: Platform, token: str) -> None:
    _, writer = await _connect(platform.url)
    head = f"POST /v1/meetings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    writer.write((head + "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + "x" * 500).encode())
    meetings = platform.peers["meetings"]

    async def begun_and_broken_off() -> tuple[int, int]:
        return meetings.begun, meetings.broken_off

    await eventually(begun_and_broken_off, lambda counts: counts == (1, 0), within_s=5)
    writer.close()
    await eventually(begun_and_broken_off, lambda counts: counts == (1, 1), within_s=5)
    assert not platform.peers["meetings"].seen


async def _expect_unavailable(platform: Platform, token: str, *, within_s: float) -> None:
    started = time.monotonic()
    answer = await platform.get("/v1/meetings", token)
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.content_type == "application/problem+json"
    assert time.monotonic() - started < within_s


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def _raw_status(url: str, request: str) -> int:
    """For paths that a client library would tidy up before it sends them."""
    reader, writer = await _connect(url)
    writer.write(request.encode("latin-1"))
    line = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    return int(line.split()[1])
