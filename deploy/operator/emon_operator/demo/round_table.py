"""The round table: scheduled, replied to, moved."""

import asyncio
from typing import Any

from rich.markup import escape

from emon_operator.demo.cast import Cast, evening_in
from emon_operator.demo.telling import DemoFailed, console, expect, quote, result, step
from emon_operator.demo_client import Browser, Mailbox


async def play_round_table(visitor: Browser, coordinator: Browser, mailbox: Mailbox, cast: Cast) -> None:
    """From the invitation to replies to the new time."""
    circle = await find_circle(coordinator, cast)
    step("The coordinator schedules a round table for the circle")
    meeting = await schedule(coordinator, cast, circle["id"])
    invited = await invitations(coordinator, meeting["id"])
    step("Every invitation is in its mailbox, once, with its calendar part")
    with_mail = [item for item in invited if not item["display_name"].startswith("Ohne Adresse")]
    await show_mails(mailbox, meeting["title"], "REQUEST", len(with_mail))
    step("Three reply by the link in their mail")
    links = [await link_of_invitation(mailbox, cast.volunteer_email(number), meeting["title"]) for number in (2, 3, 4)]
    for link, reply in zip(links, ("accepted", "accepted", "declined"), strict=True):
        await reply_by_link(visitor, link, reply)
    await show_replies(coordinator, meeting["id"], {"accepted": 2, "declined": 1, "tentative": 0, "none": len(invited) - 3})
    step("The round table moves by a week; everybody is told")
    moved = await coordinator.patch(f"/v1/meetings/{meeting['id']}", {"start": evening_in(67)})
    result(f"now {moved['start']['local']} {moved['start']['time_zone']} ({moved['starts_at']}), revision {moved['revision']}")
    await show_mails(mailbox, meeting["title"], "REQUEST", 2 * len(with_mail))
    step("A link from before shows the new time and asks again")
    await show_replies(coordinator, meeting["id"], {"accepted": 0, "declined": 0, "tentative": 0, "none": len(invited)})
    await reply_by_link(visitor, links[2], "accepted")
    await show_replies(coordinator, meeting["id"], {"accepted": 1, "declined": 0, "tentative": 0, "none": len(invited) - 1})
    step("Staff see every delivery")
    await show_deliveries(coordinator, meeting["id"], 2 * len(invited))


async def find_circle(coordinator: Browser, cast: Cast) -> Any:
    page = await coordinator.get(f"/v1/organisations?ags={cast.ags}&name={cast.circle}")
    if len(page["items"]) != 1:
        raise DemoFailed(f"expected to find {cast.circle} once, found {len(page['items'])}")
    return page["items"][0]


async def schedule(coordinator: Browser, cast: Cast, circle_id: str) -> Any:
    meeting = await coordinator.post(
        "/v1/meetings",
        {
            "kind": "round_table",
            "title": f"Runder Tisch {cast.run}: Was gelingt, was fehlt?",
            "ags": cast.ags,
            "start": evening_in(60),
            "duration_minutes": 90,
            "place": "Rathaus, Großer Saal",
            "participants": [{"organisation_id": circle_id}],
        },
    )
    result(f"{meeting['title']}: {meeting['start']['local']} {meeting['start']['time_zone']}, {meeting['place']}")
    return meeting


async def invitations(coordinator: Browser, meeting_id: str) -> list[Any]:
    found = (await coordinator.get(f"/v1/meetings/{meeting_id}/invitations?limit=200"))["items"]
    result(f"{len(found)} people are invited")
    return found


async def show_mails(mailbox: Mailbox, title: str, method: str, expected: int) -> None:
    mails = await mailbox.about(title, expected)
    result(f"{len(mails)} mails about it so far; the newest:")
    newest = await mailbox.read(mails[0]["ID"])
    raw = await mailbox.raw(mails[0]["ID"])
    if f"method={method}".lower() not in raw.lower().replace('"', ""):
        raise DemoFailed(f"the mail has no calendar part with method {method}")
    console.print(f"   [dim]To: {escape(newest['To'][0]['Address'])}   Subject: {escape(newest['Subject'])}[/]")
    quote(newest["Text"], 14)


async def link_of_invitation(mailbox: Mailbox, email: str, title: str) -> str:
    """Where the link in the plain text of somebody's newest mail about the meeting leads, as a path."""
    for mail in await mailbox.messages():
        if mail["To"][0]["Address"] == email and title in mail["Subject"]:
            return path_of_link((await mailbox.read(mail["ID"]))["Text"])
    raise DemoFailed(f"{email} has no mail about {title}")


def path_of_link(text: str) -> str:
    """The first link to a page of the platform in the plain text of a mail."""
    _, found, rest = text.partition("/links/")
    expect(bool(found), "the mail has no link")
    return "/links/" + rest.split()[0]


async def reply_by_link(visitor: Browser, link: str, reply: str) -> None:
    """Opens the page, as it is now, and presses one of its buttons."""
    shown = await visitor.page(link)
    revision = shown.partition('name="revision" value="')[2].partition('"')[0]
    await visitor.send_form(link, {"reply": reply, "revision": revision})
    result(f"replied: {reply} (to revision {revision})")


async def show_replies(coordinator: Browser, meeting_id: str, expected: dict[str, int]) -> None:
    """Who comes, as the coordinator sees it."""
    replies = (await coordinator.get(f"/v1/meetings/{meeting_id}"))["replies"]
    expect(replies == expected, f"expected the replies {expected}, found {replies}")
    result(", ".join(f"{count} {reply}" for reply, count in replies.items()))


async def show_deliveries(coordinator: Browser, meeting_id: str, expected: int) -> None:
    states: dict[str, int] = {}
    for _ in range(100):
        items = (await coordinator.get(f"/v1/deliveries?subject_id={meeting_id}&limit=200"))["items"]
        states = {}
        for item in items:
            states[item["status"]] = states.get(item["status"], 0) + 1
        if len(items) == expected and not states.keys() & {"queued", "sending", "waiting", "deferred"}:
            result(", ".join(f"{count} {state}" for state, count in sorted(states.items())))
            return
        await asyncio.sleep(0.1)
    raise DemoFailed(f"expected {expected} deliveries in their final state, found {states}")
