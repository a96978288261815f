"""What needs somebody appears once it happens anywhere on the platform, and vanishes once somebody saw to it."""

import asyncio
import secrets
from typing import Any

import aiohttp

from emon_operator.demo_client import Browser

from tests.end_to_end.conftest import HERE, World, meeting
from tests.polling import eventually


async def about(browser: Browser, subject_id: str) -> list[Any]:
    """The items about one thing: other tests leave some of their own in the same municipality."""
    return [item for item in (await browser.get("/v1/today"))["items"] if item["subject_id"] == subject_id]


async def until(browser: Browser, subject_id: str, action: str | None) -> Any:
    """The one item about a thing, once this action settles it; nothing, once there is none."""

    async def look() -> list[str]:
        return [item["action"] for item in await about(browser, subject_id)]

    await eventually(look, lambda actions: actions == ([action] if action else []))
    return next(iter(await about(browser, subject_id)), None)


async def changes(world: World, browser: Browser, seen: asyncio.Event) -> None:
    """Reads the stream, and notes when it says that something changed, after what it begins with."""
    headers = {"Authorization": f"Bearer {browser.token}", "X-Background": "true"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{world.process.where.gateway_url}/v1/today/events", headers=headers) as answer,
    ):
        events = 0
        async for line in answer.content:
            events += line.startswith(b"event: changed")
            if events == 2:
                seen.set()
                return


async def test_a_bounced_mail_appears_and_vanishes_once_staff_saw_to_it(world: World) -> None:
    coordinator, stranger = await world.coordinator(), await world.coordinator("08999102")
    seen = asyncio.Event()
    stream = asyncio.create_task(changes(world, coordinator, seen))
    circle = await world.organisation()
    person, _ = await world.person((circle, "volunteer"), email=f"{secrets.token_hex(4)}@nowhere.invalid")
    made = await coordinator.post("/v1/meetings", meeting(circle))
    item = await until(coordinator, made["id"], "mend-address")
    assert (item["kind"], item["status"], item["about"], item["reason"]) == ("delivery", "bounced", "invitation", "rcpt-550")
    assert (item["person_id"], item["title"], item["count"]) == (person, made["title"], 1)
    assert item["display_name"]
    async with asyncio.timeout(20):
        await seen.wait()
        await stream
    assert await about(stranger, made["id"]) == []
    await coordinator.post(f"/v1/deliveries/{item['id']}/settlement", None, expected=200)
    await until(coordinator, made["id"], None)


async def test_feedback_waits_until_it_is_answered(world: World) -> None:
    coordinator = await world.coordinator()
    volunteer = await world.signed_in((await world.person((await world.organisation(), "volunteer")))[1])
    feedback = await volunteer.post("/v1/feedback", {"ags": HERE, "kind": "problem", "text": "Wer hat den Schlüssel?"})
    item = await until(coordinator, feedback["id"], "acknowledge")
    assert (item["kind"], item["due_by"], item["days_left"]) == ("feedback", feedback["acknowledge_by"], 5)
    assert await about(volunteer, feedback["id"]) == []
    assert await about(world.admin, feedback["id"]) == []
    url = f"/v1/feedback/{feedback['id']}"
    await coordinator.post(f"{url}/acknowledgement", None, expected=200)
    item = await until(coordinator, feedback["id"], "answer")
    assert item["days_left"] == 20
    await coordinator.post(f"{url}/answer", {"text": "Frau Maier im Rathaus."}, expected=200)
    await until(coordinator, feedback["id"], None)


async def test_ones_own_invitation_waits_until_one_replied(world: World) -> None:
    coordinator, circle = await world.coordinator(), await world.organisation()
    person, email = await world.person((circle, "volunteer"))
    volunteer = await world.signed_in(email)
    made = await coordinator.post("/v1/meetings", meeting(circle))
    item = await until(volunteer, made["id"], "reply")
    assert (item["kind"], item["title"]) == ("invitation", made["title"])
    status, _, _ = await volunteer.ask("PUT", f"/v1/meetings/{made['id']}/invitations/{person}/reply", {"reply": "accepted"})
    assert status == 200
    await until(volunteer, made["id"], None)
