"""The people of a soak: they use the gateway's API, try again while it is out of order, and know what it confirmed."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp

from emon_operator.demo_client import Browser

from tests.faults.soak.plan import CIRCLES, LANES, Deed, Guest, Operation, Plan

AGS = "08999101"
GIVES_UP_AFTER_S = 180.0
ASKS_AGAIN_AFTER_S = 0.4
ANSWERS_WITHIN_S = 20.0
# What passes: the platform is out of order, or what was entered a moment ago has not come through Kafka yet.
PASSING = {412, 422, 429, 500, 502, 503, 504}


class GaveUp(Exception):
    """What had to be possible was not; the message says what was answered, without what was asked."""


@dataclass
class Workload:
    """Does what the plan says, and notes what the API confirmed: versions of meetings, and requests for links."""

    plan: Plan
    visitor: Browser
    admin: Browser
    circles: list[str] = field(default_factory=list[str])
    people: dict[int, str] = field(default_factory=dict[int, str])
    meetings: dict[int, str] = field(default_factory=dict[int, str])
    versions: Counter[int] = field(default_factory=Counter[int])
    links: Counter[int] = field(default_factory=Counter[int])
    done: Counter[str] = field(default_factory=Counter[str])
    retried: Counter[str] = field(default_factory=Counter[str])
    given_up: list[str] = field(default_factory=list[str])
    _known: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])

    @property
    def promised(self) -> Mapping[UUID, int]:
        """By id."""
        return {UUID(self.meetings[number]): version for number, version in self.versions.items()}

    @property
    def promised_links(self) -> Mapping[UUID, int]:
        """By id of the person who asked."""
        return {UUID(self.people[number]): count for number, count in self.links.items()}

    def email(self, guest: Guest) -> str | None:
        """An address in a domain that RFC 2606 reserves."""
        return None if guest.mailbox is None else f"soak{guest.mailbox}@example.org"

    async def begin(self) -> None:
        """Circles and their first members, before anything breaks."""
        for number in range(CIRCLES):
            body = {"name": f"Kreis {number}", "kind": "helper_circle", "ags": AGS}
            self.circles.append((await self._ask("POST", "/v1/organisations", body, key=f"circle {number}"))["id"])
        for guest in self.plan.guests:
            await self._enter(guest)

    async def run(self) -> None:
        """Every lane in its own order, all at the same time."""
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for lane in range(LANES):
                group.create_task(self._lane([item for item in self.plan.operations if item.lane == lane], started))

    async def _lane(self, operations: list[Operation], started: float) -> None:
        for operation in operations:
            await asyncio.sleep(max(0.0, started + operation.at_s - time.monotonic()))
            try:
                await self._do(operation)
                self.done[operation.deed.value] += 1
            except GaveUp as failure:
                self.given_up.append(f"{operation.deed.value}: {failure}")

    async def _do(self, operation: Operation) -> None:
        match operation.deed:
            case Deed.ENTER:
                assert operation.guest is not None
                await self._enter(operation.guest)
            case Deed.JOIN:
                assert operation.guest is not None
                body = {"organisation_id": self.circles[operation.circle], "engagement": "volunteer"}
                await self._ask("POST", f"/v1/people/{self.people[operation.guest.person]}/memberships", body)
            case Deed.SCHEDULE:
                made = await self._ask("POST", "/v1/meetings", self._meeting(operation), key=f"meeting {operation.meeting}")
                self.meetings[operation.meeting] = made["id"]
                self.versions[operation.meeting] = 1
                self._known[operation.meeting] = self._meeting(operation)
            case Deed.RESCHEDULE:
                await self._change(operation, {"start": start(operation.value)})
            case Deed.RETITLE:
                await self._change(operation, {"title": f"Runder Tisch {operation.meeting}, neu {operation.value}"})
            case Deed.CANCEL:
                await self._ask("POST", f"{self._path(operation)}/cancellation", {}, already="meeting-cancelled")
                self.versions[operation.meeting] += 1
            case Deed.SIGN_IN:
                assert operation.guest is not None
                if email := self.email(operation.guest):
                    await self._ask("POST", "/v1/sign-in-links", {"email": email}, visitor=True)
                    self.links[operation.guest.person] += 1

    async def _enter(self, guest: Guest) -> None:
        body = {
            "display_name": f"Gast {guest.person}",
            "email": self.email(guest),
            "locale": "en" if guest.person % 3 == 0 else "de",
            "memberships": [{"organisation_id": self.circles[guest.circle], "engagement": "volunteer"}],
        }
        self.people[guest.person] = (await self._ask("POST", "/v1/people", body, key=f"person {guest.person}"))["id"]

    def _meeting(self, operation: Operation) -> dict[str, Any]:
        return {
            "kind": "round_table",
            "title": f"Runder Tisch {operation.meeting}",
            "ags": AGS,
            "start": start(operation.value),
            "duration_minutes": 90,
            "place": "Rathaus",
            "participants": [{"organisation_id": self.circles[operation.circle]}],
        }

    def _path(self, operation: Operation) -> str:
        if operation.meeting not in self.meetings:
            raise GaveUp("its meeting could not be scheduled")
        return f"/v1/meetings/{self.meetings[operation.meeting]}"

    async def _change(self, operation: Operation, change: dict[str, Any]) -> None:
        """A request whose answer was lost is repeated; where it was carried out, its repetition changes nothing."""
        await self._ask("PATCH", self._path(operation), change)
        known = self._known[operation.meeting]
        if known != known | change:
            self._known[operation.meeting] = known | change
            self.versions[operation.meeting] += 1

    async def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        already: str | None = None,
        visitor: bool = False,
    ) -> Any:
        """Asks until it is done. `already`: the refusal that says that it was done before the answer was lost."""
        browser = self.visitor if visitor else self.admin
        deadline = time.monotonic() + GIVES_UP_AFTER_S
        while True:
            try:
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    headers = {"Idempotency-Key": f"{key} of {self.plan.seed}"} if key else {}
                    if method == "PATCH":
                        _, _, found = await browser.ask("GET", path)
                        headers["If-Match"] = found.get("ETag", '"none"')
                    status, answer, _ = await browser.ask(method, path, body, headers)
            except (aiohttp.ClientError, TimeoutError, OSError) as failure:
                status, answer = 0, type(failure).__name__
            if 200 <= status < 300:
                return answer
            if already is not None and status == 409 and already in str(answer):
                return None
            self.retried[f"{status or answer}"] += 1
            if (status and status not in PASSING) or time.monotonic() > deadline:
                raise GaveUp(f"{method} was answered {status}: {str(answer)[:300]}")
            await asyncio.sleep(ASKS_AGAIN_AFTER_S)


def start(value: int) -> dict[str, str]:
    """A wall-clock time far ahead, different for different values, and never in the hour that daylight saving time takes away."""
    day, minute = value % 28 + 1, value % 60
    return {"local": f"2031-{value % 12 + 1:02}-{day:02}T{12 + value // 60 % 8:02}:{minute:02}", "time_zone": "Europe/Berlin"}
