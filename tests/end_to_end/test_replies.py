"""The whole chain, on the real platform: from the link in an invitation to what the coordinator sees of the replies."""

import html
import re
from email.message import EmailMessage
from typing import Any

from emon_operator.demo_client import Browser

from tests.end_to_end.conftest import World, meeting
from tests.end_to_end.test_round_table import mail_to, settled

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def link_in(message: EmailMessage, label: str) -> str:
    """The path of the link that stands below this label in the plain text."""
    part = message.get_body(("plain",))
    assert part is not None
    found = re.search(rf"^{label}:\nhttp://[^/\s]+(/links/\S+)$", part.get_content().replace("\r\n", "\n"), re.MULTILINE)
    assert found, part.get_content()
    return found[1]


async def looked_at(world: World, path: str) -> str:
    status, page, _ = await world.visitor.ask("GET", path)
    assert status == 200, page
    return html.unescape(page)


async def replied(world: World, path: str, page: str, reply: str) -> tuple[int, str]:
    """Presses a button of the page; the answer after any redirection."""
    revision = re.search(r'name="revision" value="(\d+)"', page)
    assert revision
    status, answer, _ = await world.visitor.ask("POST", path, f"revision={revision[1]}&reply={reply}", FORM)
    return status, html.unescape(answer)


async def counted(coordinator: Browser, meeting_id: str) -> Any:
    return (await coordinator.get(f"/v1/meetings/{meeting_id}"))["replies"]


async def test_a_guest_replies_by_the_link_and_is_asked_again_when_the_time_changes(world: World) -> None:
    circle = await world.organisation()
    _, address = await world.person((circle, "volunteer"))
    await world.person((circle, "volunteer"), locale="en")
    coordinator = await world.coordinator()
    made = await coordinator.post("/v1/meetings", meeting(circle))
    await settled(coordinator, made["id"], 2)
    [invitation] = await mail_to(world, address, made["title"], 2)
    first_link = link_in(invitation, "Zu- oder absagen")

    page = await looked_at(world, first_link)
    assert await counted(coordinator, made["id"]) == {"accepted": 0, "declined": 0, "tentative": 0, "none": 2}
    status, shown = await replied(world, first_link, page, "accepted")
    assert (status, "Ihre Antwort: <strong>Ich komme</strong>" in shown) == (200, True)
    assert await counted(coordinator, made["id"]) == {"accepted": 1, "declined": 0, "tentative": 0, "none": 1}

    await coordinator.patch(f"/v1/meetings/{made['id']}", {"start": {"local": "2027-03-28T18:00", "time_zone": "Europe/Berlin"}})
    assert await counted(coordinator, made["id"]) == {"accepted": 0, "declined": 0, "tentative": 0, "none": 2}
    status, refused = await replied(world, first_link, page, "accepted")
    assert (status, "nicht eingetragen" in refused) == (409, True)
    again = await looked_at(world, first_link)
    for part in ("Sonntag, 28. März 2027, 18:00 Uhr", "hat sich das Treffen geändert", "war: <strong>Ich komme</strong>"):
        assert part in again
    status, _ = await replied(world, first_link, again, "declined")
    assert status == 200
    await settled(coordinator, made["id"], 4)
    change, _ = await mail_to(world, address, made["title"], 4)
    assert "Ihre Antwort: <strong>Ich komme nicht</strong>" in await looked_at(world, link_in(change, "Zu- oder absagen"))
    assert await counted(coordinator, made["id"]) == {"accepted": 0, "declined": 1, "tentative": 0, "none": 1}
