"""What those who run the platform see: one trace from a click to its mail, metrics, and nothing of either in public."""

import secrets
from platform import python_version

import aiohttp

from tests.collector import Span
from tests.end_to_end.conftest import HERE, World, meeting
from tests.end_to_end.test_round_table import settled
from tests.polling import eventually


async def schedule_on_the_dashboard(world: World, circle: str, title: str, traceparent: str) -> str:
    """Sends the form, as the administrator's browser does; answers the meeting's id."""
    address = world.process.where.dashboard_url
    assert address is not None
    form = {
        "kind": "round_table", "ags": HERE, "title": title, "start": "2027-03-27T18:00", "duration": "90", "place": "Rathaus",
        "link": "", "organisations": circle,
    }  # fmt: skip
    headers = {"Sec-Fetch-Site": "same-origin", "Cookie": f"__Host-session={world.admin.token}", "traceparent": traceparent}
    async with (
        aiohttp.ClientSession(headers=headers) as browser,
        browser.post(f"{address}/meetings/new?canary={title}", data=form, allow_redirects=False) as answer,
    ):
        assert answer.status == 303, await answer.text()
        return answer.headers["Location"].partition("?")[0].rpartition("/")[2]


async def test_a_mail_hangs_in_the_trace_of_the_click_that_led_to_it(world: World) -> None:
    circle = await world.organisation()
    person, _ = await world.person((circle, "volunteer"))
    trace_id, browser = secrets.token_hex(16), secrets.token_hex(8)
    title = f"Runder Tisch {secrets.token_hex(4)}"
    meeting_id = await schedule_on_the_dashboard(world, circle, title, f"00-{trace_id}-{browser}-01")
    [delivery] = await settled(world.admin, meeting_id, 1)
    assert (delivery["person_id"], delivery["status"]) == (person, "accepted")

    async def spans() -> list[Span]:
        return world.collector.of_trace(trace_id)

    consumers = {"emon-gateway", "emon-notifications", "emon-feedback"}
    found = await eventually(
        spans,
        lambda spans: (
            any(span.name == "smtp" for span in spans)
            and consumers <= {span.service for span in spans if span.kind == "CONSUMER"}
        ),
    )
    by_id = {span.span_id: span for span in found}
    [mail] = [span for span in found if span.name == "smtp"]
    way = [mail]
    while (above := by_id.get(way[-1].parent_id)) is not None:
        way.append(above)
    assert [(span.service, span.kind, span.name) for span in way] == [
        ("emon-notifications", "CLIENT", "smtp"),
        ("emon-meetings", "PRODUCER", "create emon.meetings.events"),
        ("emon-meetings", "SERVER", "POST /v1/meetings"),
        ("emon-gateway", "CLIENT", "POST"),
        ("emon-gateway", "SERVER", "POST /v1/meetings"),
        ("emon-dashboard", "CLIENT", "POST"),
        ("emon-dashboard", "SERVER", "POST /meetings/new"),
    ]
    assert way[-1].parent_id == browser
    assert mail.attributes["emon.mail.outcome"] == "accepted"
    assert mail.attributes["emon.mail.id"] == (await world.admin.get(f"/v1/deliveries/{delivery['id']}"))["mail"]["id"]
    assert way[-1].attributes["http.response.status_code"] == 303
    relayed = {(span.service, span.kind) for span in found if span.name == "send emon.meetings.events"}
    assert relayed == {("emon-meetings", "CLIENT")}
    assert not [span.name for span in found if span.failed]
    assert title not in "".join(world.collector.texts)


async def test_what_a_service_refuses_is_a_failure_of_who_asked_and_not_of_the_service(world: World) -> None:
    trace_id = secrets.token_hex(16)
    status, _, _ = await world.admin.ask(
        "GET", f"/v1/people/{trace_id}", headers={"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    )
    assert status == 404

    async def spans() -> list[tuple[str, str, bool]]:
        return [(span.service, span.name, span.failed) for span in world.collector.of_trace(trace_id)]

    found = await eventually(spans, lambda found: len(found) == 3)
    assert sorted(found) == [
        ("emon-contacts", "GET /v1/people/{person_id}", False),
        ("emon-gateway", "GET", True),
        ("emon-gateway", "GET /v1/people/{rest:path}", False),
    ]


async def test_metrics_and_readiness_are_for_nobody_who_uses_the_platform(world: World) -> None:
    where = world.process.where
    assert where.dashboard_url is not None
    async with aiohttp.ClientSession() as stranger:
        for url in (where.gateway_url, where.dashboard_url):
            statuses = {path: (await stranger.get(url + path)).status for path in ("/health/live", "/health/ready", "/metrics")}
            assert statuses == {"/health/live": 200, "/health/ready": 404, "/metrics": 404}
    assert set(where.operations_urls) == {"contacts", "meetings", "feedback", "notifications", "gateway", "dashboard"}
    for service in where.operations_urls:
        assert await world.readiness(service) == 200


async def test_every_service_says_how_it_is(world: World) -> None:
    circle = await world.organisation()
    await world.person((circle, "volunteer"))
    made = await world.admin.post("/v1/meetings", meeting(circle))
    await settled(world.admin, made["id"], 1)
    told = {service: await world.metrics(service) for service in world.process.where.operations_urls}
    for service, text in told.items():
        assert f'emon_build_info{{python="{python_version()}",role="' in text
        assert f'service="{service}"' in text
        has_database = service != "dashboard"
        assert ("\nemon_database_figures_up 1.0" in text) == has_database
        assert ("\nemon_outbox_oldest_age_seconds " in text) == has_database
        assert ("\nemon_relay_active 1.0" in text) == has_database
    assert 'emon_deliveries{state="queued"} 0.0' in told["notifications"]
    assert 'emon_mails_total{outcome="accepted"}' in told["notifications"]
    assert 'emon_http_request_duration_seconds_count{method="POST",route="/v1/meetings",status="201"}' in told["meetings"]
    assert 'emon_timer_last_success_timestamp_seconds{timer="sweep inbox"}' in told["meetings"]

    async def lag() -> str:
        return await world.metrics("notifications")

    await eventually(lag, lambda text: 'emon_consumer_lag_seconds{consumer="notifications",partition="0",topic="emon.' in text)
