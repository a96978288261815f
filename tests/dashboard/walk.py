"""A person at a browser: walks through pages, and looks at each as everybody would: with axe, at the network, at its size."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request

from emon_operator.demo_client import SIGN_IN_LINK, Mailbox

ROOT = Path(__file__).parents[2]
AXE = ROOT / "services" / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = Path(os.environ.get("EMON_SCREENSHOTS", ROOT / "test-output" / "screenshots"))
DESK, PHONE, NARROW = 1280, 390, 320  # pixels of a window's width
HEIGHT = 900
HTML_BYTES_MAX = 100 * 1024
REQUESTS_MAX = 5
# Only what is wrong is asked for, and no stylesheet is fetched once more for it.
RUN_AXE = """
    runOnly => axe.run({runOnly, resultTypes: ["violations"], preload: false}).then(result => result.violations.map(violation => (
        {rule: violation.id, help: violation.help, nodes: violation.nodes.map(node => node.html).slice(0, 3)}
    )))
"""
EVERY_RULE = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
ABOUT_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


@cache
def axe_source() -> str:
    """What a page is asked with."""
    return AXE.read_text(encoding="utf-8")


@dataclass
class Walk:
    """One browser window. `requests` are those since the page was opened."""

    page: Page
    address: str
    mailbox: Mailbox
    requests: list[Request] = field(default_factory=list[Request])
    complaints: list[str] = field(default_factory=list[str])

    @classmethod
    async def begin(cls, context: BrowserContext, address: str, mailbox: Mailbox) -> "Walk":
        """A new window."""
        walk = cls(await context.new_page(), address, mailbox)
        walk.page.on("request", lambda request: walk.requests.append(request))
        walk.page.on("console", walk.note_complaint)
        walk.page.on("pageerror", lambda error: walk.complaints.append(str(error)))
        return walk

    def note_complaint(self, message: ConsoleMessage) -> None:
        """Keeps what the browser complains of. That a page came with a status such as 422 is what the page says itself."""
        if message.type == "error" and message.location["url"] != self.page.url:
            self.complaints.append(message.text)

    async def open(self, path: str) -> int:
        """Goes to a page of the dashboard; answers the status."""
        self.requests.clear()
        answer = await self.page.goto(self.address + path)
        assert answer is not None
        return answer.status

    async def sign_in(self, email: str) -> None:
        """By the link in the mail, as everybody does."""
        seen = await self.mailbox.count_to(email)
        await self.open("/sign-in")
        await self.page.get_by_label("E-Mail-Adresse").fill(email)
        await self.page.get_by_role("button", name="Link schicken").click()
        mail = await self.mailbox.next_to(email, seen, SIGN_IN_LINK)
        await self.page.goto(link_in(mail))
        await self.page.get_by_role("button", name="Jetzt anmelden").click()

    async def look(self, name: str) -> None:
        """Takes a picture, and demands what every page promises."""
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
        await self.demand_accessible()
        content = await self.page.content()
        assert len(content.encode()) <= HTML_BYTES_MAX, f"{name} has {len(content.encode())} bytes"
        hosts = {request.url.split("/")[2] for request in self.requests}
        assert hosts <= {self.address.split("/")[2]}, f"{name} asks {hosts}"
        assert not self.complaints, f"{name}: {self.complaints}"

    async def demand_usable_when_wide_and_narrow(self) -> None:
        """For pages that are not ours: no finding of axe and no scrolling sideways, at a desk as on a small phone."""
        for width in (NARROW, DESK):
            assert await self.width_at(width) <= width, f"{self.page.url} scrolls sideways at {width} pixels"
            await self.demand_accessible()

    async def width_at(self, width: int) -> int:
        """How wide the page is in a window of this width, in which it is from now on."""
        await self.page.set_viewport_size({"width": width, "height": HEIGHT})
        return await self.page.evaluate("document.documentElement.scrollWidth")

    async def demand_accessible_in_other_colours(self) -> None:
        """No finding about colours in dark ones, nor in those that somebody chose for all of the screen."""
        await self.page.emulate_media(color_scheme="dark")
        await self.demand_accessible(ABOUT_COLOURS)
        await self.page.emulate_media(color_scheme="light", forced_colors="active")
        await self.demand_accessible(ABOUT_COLOURS)
        await self.page.emulate_media(forced_colors="none")

    async def demand_accessible(self, rules: Mapping[str, object] = EVERY_RULE) -> None:
        """No finding of axe by these rules."""
        if not await self.page.evaluate("typeof axe == 'object'"):
            await self.page.evaluate(axe_source())
        found: Any = await self.page.evaluate(RUN_AXE, rules)
        assert not found, json.dumps(found, indent=1, ensure_ascii=False)


def link_in(mail: Any) -> str:
    """The sign-in link of a mail."""
    [line] = [line for line in mail["Text"].split() if "?token=" in line]
    return line
