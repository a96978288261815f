"""The whole chain, on the real platform: a round table is scheduled, and every invitation arrives once."""

import email
import email.policy
import re
import secrets
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import asyncpg
import icalendar

from emon_operator.demo_client import Browser
from emon_platform.signed_links import Purpose, load_key, verify

from tests.end_to_end.conftest import CANARY, World, meeting
from tests.end_to_end.platform_process import every_page
from tests.polling import eventually

FINAL = {"accepted", "bounced", "suppressed", "superseded", "skipped", "expired", "erased", "cancelled", "by_hand"}


async def settled(browser: Browser, meeting_id: str, count: int) -> list[Any]:
    """The deliveries of a meeting, once there are as many as expected and all are final."""

    async def look() -> list[Any]:
        return await every_page(browser, f"/v1/deliveries?subject_id={meeting_id}")

    return await eventually(look, lambda found: len(found) == count and {item["status"] for item in found} <= FINAL)


async def mail_to(world: World, address: str, title: str, count: int) -> list[EmailMessage]:
    """All mails about a meeting to one person, parsed, the newest first."""
    found = [mail for mail in await world.mailbox.about(title, count) if mail["To"][0]["Address"] == address]
    raws = [await world.mailbox.raw(mail["ID"]) for mail in found]
    return [email.message_from_string(raw, policy=email.policy.default) for raw in raws]  # type: ignore[misc]


def calendar_of(message: EmailMessage) -> Any:
    part = next(part for part in message.walk() if part.get_content_type() == "text/calendar")
    calendar = icalendar.Calendar.from_ical(part.get_content())
    assert str(calendar["METHOD"]) == part.get_param("method")
    return calendar


async def test_every_member_is_invited_once_and_told_of_changes(world: World) -> None:
    circle = await world.organisation()
    members = [await world.person((circle, "volunteer"), locale=locale) for locale in ("de", "en", "de")]
    coordinator = await world.coordinator()
    made = await coordinator.post("/v1/meetings", meeting(circle))
    await settled(coordinator, made["id"], 3)
    [invitation] = await mail_to(world, members[0][1], made["title"], 3)
    assert made["title"] in invitation["Subject"]
    request = calendar_of(invitation)
    [event] = request.events
    assert (str(request["METHOD"]), int(event["SEQUENCE"])) == ("REQUEST", 0)
    assert event["ATTENDEE"] == f"mailto:{members[0][1]}"
    assert event.start.isoformat() == "2027-03-27T18:00:00+01:00"

    url = f"/v1/meetings/{made['id']}"
    await coordinator.patch(url, {"start": {"local": "2027-03-28T18:00", "time_zone": "Europe/Berlin"}})
    await settled(coordinator, made["id"], 6)
    change, _ = await mail_to(world, members[0][1], made["title"], 6)
    [moved] = calendar_of(change).events
    assert (moved["UID"], int(moved["SEQUENCE"])) == (event["UID"], 1)
    assert moved.start.isoformat() == "2027-03-28T18:00:00+02:00", "the wall clock is the truth, across daylight saving time"

    late_id, late_email = await world.person((circle, "volunteer"))
    await settled(coordinator, made["id"], 7)
    [late] = await mail_to(world, late_email, made["title"], 7)
    [event] = calendar_of(late).events
    assert int(event["SEQUENCE"]) == 1, "who comes later gets an invitation to the meeting as it is now"

    await coordinator.post(f"{url}/cancellation", {"reason": "Krankheit"}, expected=200)
    deliveries = await settled(coordinator, made["id"], 11)
    newest, *_ = await mail_to(world, members[0][1], made["title"], 11)
    cancellation = calendar_of(newest)
    assert str(cancellation["METHOD"]) == "CANCEL"
    assert "Krankheit" not in newest.as_string()
    assert {item["status"] for item in deliveries} == {"accepted"}
    assert late_id in {item["person_id"] for item in deliveries}


async def test_somebody_without_address_is_reached_by_hand_and_a_couple_gets_two_invitations(world: World) -> None:
    circle = await world.organisation()
    body = {
        "display_name": f"{CANARY} ohne",
        "memberships": [{"organisation_id": circle, "engagement": "volunteer"}],
        "grants": [],
    }
    await world.admin.post("/v1/people", body)
    _, shared = await world.person((circle, "volunteer"))
    await world.person((circle, "volunteer"), email=shared)
    coordinator = await world.coordinator()
    made = await coordinator.post("/v1/meetings", meeting(circle))
    deliveries = await settled(coordinator, made["id"], 3)
    assert sorted(item["status"] for item in deliveries) == ["accepted", "accepted", "by_hand"]
    assert len(await mail_to(world, shared, made["title"], 2)) == 2


async def test_somebody_whom_a_coordinator_entered_is_told_so_within_the_first_mail_and_once(world: World) -> None:
    circle = await world.organisation()
    coordinator = await world.coordinator()
    name = f"{secrets.token_hex(4)}.{CANARY.lower()}"
    address = f"{name}@example.org"
    body = {
        "display_name": f"{CANARY} {name}",
        "email": address,
        "memberships": [{"organisation_id": circle, "engagement": "volunteer"}],
        "grants": [],
    }
    person = (await coordinator.post("/v1/people", body))["id"]
    made = await coordinator.post("/v1/meetings", meeting(circle))
    await settled(coordinator, made["id"], 1)
    change = {"start": {"local": "2027-03-28T18:00", "time_zone": "Europe/Berlin"}}
    await coordinator.patch(f"/v1/meetings/{made['id']}", change)
    deliveries = await settled(coordinator, made["id"], 2)
    second, first = [text_of(message) for message in await mail_to(world, address, made["title"], 2)]
    assert "hat Sie bei EmON eingetragen" in first
    assert "in Musterlingen (ehrenamtlich)" in first
    key = load_key(world.process.home / "secrets" / "signed-link.public.jwk.json")
    links = [verify(token, key, datetime.now(UTC)) for token in re.findall(r"/links/([A-Za-z0-9_-]+)", first)]
    assert [(link.purpose, str(link.person_id)) for link in links] == [
        (Purpose.INVITATION, person),
        (Purpose.CORRECTION, person),
        (Purpose.ERASURE, person),
    ]
    assert "eingetragen" not in second
    details = [await coordinator.get(f"/v1/deliveries/{item['id']}") for item in deliveries]
    assert [found["mail"]["introduces"] for found in details] == [False, True]


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_two_people_with_one_mailbox_choose_who_signs_in(world: World) -> None:
    circle = await world.organisation()
    first, shared = await world.person((circle, "volunteer"))
    second, _ = await world.person((circle, "volunteer"), email=shared)
    await eventually(lambda: known_to_the_gateway(world, shared), lambda count: count == 2)
    await world.visitor.post("/v1/sign-in-links", {"email": shared.upper()}, expected=202)
    mail = await world.mailbox.next_to(shared, 0)
    tokens = [part.split()[0] for part in mail["Text"].split("?token=")[1:]]
    sessions = [await world.visitor.post("/v1/sessions", {"token": token}) for token in tokens]
    assert {session["person_id"] for session in sessions} == {first, second}
    status, _, _ = await world.visitor.ask("POST", "/v1/sessions", {"token": tokens[0]})
    assert status == 422, "a link is used once"
    assert await world.mailbox.count_to(shared) == 1


async def known_to_the_gateway(world: World, email: str) -> int:
    """How many people of this mailbox have come to the gateway through Kafka."""
    connection = await asyncpg.connect(world.process.where.services["gateway"].database.worker_url)
    try:
        return await connection.fetchval("SELECT count(*) FROM directory_people WHERE email_key = $1", email)
    finally:
        await connection.close()


async def test_a_cancelled_meeting_is_not_announced_to_who_never_heard_of_it(world: World) -> None:
    circle = await world.organisation()
    coordinator = await world.coordinator()
    made = await coordinator.post("/v1/meetings", meeting(circle))
    await coordinator.post(f"/v1/meetings/{made['id']}/cancellation", {}, expected=200)
    await world.person((circle, "volunteer"))
    assert await world.mailbox.about(made["title"], 0) == []
    assert await every_page(coordinator, f"/v1/meetings/{made['id']}/invitations") == []
