"""How often somebody may ask, and by which address they are known."""

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from emon_gateway.limits.addresses import network_of

from tests.gateway.conftest import Platform, Running, person


async def test_a_session_has_its_rate_and_another_its_own(run_platform: Running) -> None:
    platform = await run_platform(rate_per_session="3/minute")
    erika = person()
    await platform.know(erika)
    first, second = await platform.sign_in(erika), await platform.sign_in(erika)
    assert [(await platform.get("/v1/meetings", first)).status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert len(platform.peers["meetings"].seen) == 3
    assert (await platform.get("/v1/me", second)).status == 200
    await _expect_too_many(platform, "/v1/me", first)


async def test_strangers_have_a_rate_by_address_that_does_not_hold_up_sessions(run_platform: Running) -> None:
    platform = await run_platform(rate_per_address="4/minute")
    erika = person()
    await platform.know(erika)
    token = await platform.sign_in(erika)  # the first of the four
    statuses = [(await platform.get("/v1/me", "x")).status for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    await _expect_too_many(platform, "/v1/meetings")
    await _expect_too_many(platform, "/openapi.json")
    assert (await platform.post("/v1/sessions", {"token": "x"})).status == 429
    page = await platform.get("/sign-in")
    assert page.status == 429
    assert page.content_type == "text/html"
    assert (await platform.get("/v1/me", token)).status == 200
    assert (await platform.get("/health/live")).status == 200


async def test_sign_in_mails_have_a_rate_by_address(run_platform: Running) -> None:
    platform = await run_platform(rate_of_sign_in_per_address="2/minute")
    statuses = [(await platform.post("/v1/sign-in-links", {"email": f"{n}@example.org"})).status for n in range(3)]
    assert statuses == [202, 202, 429]


async def test_what_is_said_without_a_name_has_a_rate_by_address_since_people_are_mailed_for_it(run_platform: Running) -> None:
    platform = await run_platform(rate_of_anonymous_feedback_per_address="2/minute")
    statuses = [(await platform.post("/v1/anonymous-feedback", {"text": "x"})).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert (await platform.get("/v1/anonymous-feedback/secret")).status == 200


async def test_nobody_changes_their_address_by_a_header(run_platform: Running) -> None:
    platform = await run_platform(rate_per_address="2/minute")
    statuses = [(await platform.get("/v1/me", headers={"X-Forwarded-For": f"10.0.0.{n}"})).status for n in range(4)]
    assert statuses == [401, 401, 429, 429]


PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("client", "forwarded", "trusted", "expected"),
    [
        ("203.0.113.7", None, (), "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", PROXIES, "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1", PROXIES, "198.51.100.1"),  # the left one is the client's own claim
        ("10.0.0.1", "198.51.100.1, 10.2.3.4", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "nonsense", PROXIES, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", (), "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", None, (), "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", None, (), "203.0.113.7"),
        ("", None, (), "unknown"),
    ],
)
def test_the_address_is_the_nearest_that_is_no_proxy_of_ours(
    client: str, forwarded: str | None, trusted: tuple[object, ...], expected: str
) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "headers": headers, "client": (client, 1234)})
    assert network_of(request, trusted) == expected  # pyright: ignore[reportArgumentType]


async def _expect_too_many(platform: Platform, path: str, token: str | None = None) -> None:
    answer = await platform.get(path, token)
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert answer.content_type == "application/problem+json"
