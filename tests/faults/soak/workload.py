"""The people of a soak: they use the gateway's API, try again while it is out of order, and know what it confirmed."""

import asyncio
import contextlib
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from emon_operator.demo_client import Unexpected

from tests.faults.audit.records import Promises
from tests.faults.soak.asking import ANSWERS_WITHIN_S, BROKEN_OFF, GaveUp
from tests.faults.soak.deeds import ABOUT_FEEDBACK, Deed, Guest, Operation, Part
from tests.faults.soak.mailboxes import Mailboxes, address
from tests.faults.soak.plan import LANES, Plan
from tests.faults.soak.resonance import Resonance
from tests.faults.soak.story import CIRCLES
from tests.faults.soak.town import AGS, Town, by_id


@dataclass
class Workload:
    """Does what the plan says, and notes what the API confirmed."""

    plan: Plan
    town: Town
    mailboxes: Mailboxes
    resonance: Resonance
    done: Counter[str] = field(default_factory=Counter[str])
    given_up: list[str] = field(default_factory=list[str])
    _meetings: dict[int, str] = field(default_factory=dict[int, str])
    _versions: Counter[int] = field(default_factory=Counter[int])
    _links: Counter[int] = field(default_factory=Counter[int])
    _replies: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])
    _erased: set[int] = field(default_factory=set[int])
    _known: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    _lanes: list[deque[Operation]] = field(default_factory=list[deque[Operation]])
    _reached_s: float = 0.0
    _pausing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        operations = self.plan.operations
        self._lanes = [deque(item for item in operations if item.lane == lane) for lane in range(LANES)]

    @property
    def promises(self) -> Promises:
        """What the API confirmed, by ids."""
        meetings, people = self._meetings, self.town.people
        replies = {(UUID(meetings[meeting]), UUID(people[person])): reply for (meeting, person), reply in self._replies.items()}
        return Promises(
            meetings=by_id(meetings, self._versions),
            links=by_id(people, self._links),
            replies=replies,
            feedback=self.resonance.happened,
            written=self.resonance.written,
            erased=frozenset(UUID(people[number]) for number in self._erased),
        )

    async def begin(self) -> None:
        """Circles and everybody of the beginning, before anything breaks."""
        for number in range(CIRCLES):
            body = {"name": f"Kreis {number}", "kind": "helper_circle", "ags": AGS}
            self.town.circles.append((await self._ask("POST", "/v1/organisations", body, key=f"circle {number}"))["id"])
        for guest in self.plan.guests:
            await self._enter(guest)

    async def sign_in(self) -> None:
        """Everybody who does something begins a session, once the gateway knows them."""
        for guest in self.plan.guests:
            if guest.part in (Part.AUTHOR, Part.STAFF, Part.COORDINATOR):
                self.town.sessions[guest.person] = await self.mailboxes.sign_in(self.town.visitor, address(guest) or "")

    async def run(self) -> None:
        """Every lane in its own order, all at the same time: to the end of the plan, or until `pause`, and from there on."""
        self._pausing.clear()
        started = time.monotonic() - self._reached_s
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(self._lane(lane, started))

    def pause(self) -> None:
        """`run` ends once what is under way is done; nothing is done by halves."""
        self._pausing.set()

    async def _lane(self, operations: deque[Operation], started: float) -> None:
        while operations and not await self._paused_within(started + operations[0].at_s - time.monotonic()):
            operation = operations.popleft()
            self._reached_s = max(self._reached_s, operation.at_s)
            try:
                await self._do(operation)
                self.done[operation.deed.value] += 1
            except GaveUp as failure:
                self.given_up.append(f"{operation.deed.value}: {failure}")

    async def _paused_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._pausing.wait()
        return self._pausing.is_set()

    async def _do(self, operation: Operation) -> None:
        if operation.deed in ABOUT_FEEDBACK:
            await self.resonance.do(operation)
        elif operation.guest is not None:
            await self._do_with_somebody(operation, operation.guest)
        else:
            await self._do_with_meeting(operation)

    async def _do_with_meeting(self, operation: Operation) -> None:
        match operation.deed:
            case Deed.SCHEDULE:
                made = await self._ask("POST", "/v1/meetings", self._meeting(operation), key=f"meeting {operation.meeting}")
                self._meetings[operation.meeting] = made["id"]
                self._versions[operation.meeting] = 1
                self._known[operation.meeting] = self._meeting(operation)
            case Deed.RESCHEDULE:
                await self._change(operation, {"start": start(operation.value)})
            case Deed.RETITLE:
                await self._change(operation, {"title": f"Runder Tisch {operation.meeting}, neu {operation.value}"})
            case _:
                await self._ask("POST", f"{self._path(operation)}/cancellation", {}, already=(409, "meeting-cancelled"))
                self._versions[operation.meeting] += 1

    async def _do_with_somebody(self, operation: Operation, guest: Guest) -> None:
        match operation.deed:
            case Deed.ENTER:
                await self._enter(guest)
            case Deed.JOIN:
                body = {"organisation_id": self.town.circle(operation.circle), "engagement": "volunteer"}
                await self._ask("POST", f"/v1/people/{self.town.person(guest)}/memberships", body)
            case Deed.SIGN_IN:
                if email := address(guest):
                    await self.town.asking.ask(self.town.visitor, "POST", "/v1/sign-in-links", {"email": email})
                    self._links[guest.person] += 1
            case Deed.REPLY:
                await self._reply(operation, guest)
            case _:
                await self.erase(guest)

    async def erase(self, guest: Guest) -> None:
        """They erase themselves."""
        path = f"/v1/people/{self.town.person(guest)}/erasure"
        # Whoever was erased before the answer was lost has no session any more.
        await self.town.asking.ask(self.town.session(guest), "POST", path, already=(401, ""))
        self._erased.add(guest.person)

    async def _reply(self, operation: Operation, guest: Guest) -> None:
        """By the link in the newest invitation, where there is one; then also on the phone, and the administration notes it."""
        reply = ("accepted", "declined", "tentative")[operation.value % 3]
        path = f"{self._path(operation)}/invitations/{self.town.person(guest)}/reply"
        link = self.mailboxes.invitation_link(address(guest), self._meetings[operation.meeting])
        try:
            if link is not None and operation.value % 2:
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    await self.town.visitor.send_form(f"/links/{link}", {"reply": reply})
        except (Unexpected, *BROKEN_OFF) as failure:  # the link shows an older time than that of now, for example
            self.town.asking.retried[f"a link: {type(failure).__name__}"] += 1
        await self._ask("PUT", path, {"reply": reply})
        self._replies[operation.meeting, guest.person] = reply

    async def _enter(self, guest: Guest) -> None:
        body: dict[str, Any] = {
            "display_name": f"Gast {guest.person}",
            "email": address(guest),
            "locale": "en" if guest.person % 3 == 0 else "de",
        }
        if guest.part is Part.COORDINATOR:
            body["grants"] = [{"role": "coordinator", "ags": AGS}]
        else:
            engagement = "staff" if guest.part is Part.STAFF else "volunteer"
            body["memberships"] = [{"organisation_id": self.town.circle(guest.circle), "engagement": engagement}]
        self.town.people[guest.person] = (await self._ask("POST", "/v1/people", body, key=f"person {guest.person}"))["id"]

    def _meeting(self, operation: Operation) -> dict[str, Any]:
        return {
            "kind": "round_table",
            "title": f"Runder Tisch {operation.meeting}",
            "ags": AGS,
            "start": start(operation.value),
            "duration_minutes": 90,
            "place": "Rathaus",
            "participants": [{"organisation_id": self.town.circle(operation.circle)}],
        }

    def _path(self, operation: Operation) -> str:
        if operation.meeting not in self._meetings:
            raise GaveUp("its meeting could not be scheduled")
        return f"/v1/meetings/{self._meetings[operation.meeting]}"

    async def _change(self, operation: Operation, change: dict[str, Any]) -> None:
        """A request whose answer was lost is repeated; where it was carried out, its repetition changes nothing."""
        await self._ask("PATCH", self._path(operation), change)
        known = self._known[operation.meeting]
        if known != known | change:
            self._known[operation.meeting] = known | change
            self._versions[operation.meeting] += 1

    async def _ask(
        self, method: str, path: str, body: object, *, key: str | None = None, already: tuple[int, str] | None = None
    ) -> Any:
        """As the administration."""
        return await self.town.asking.ask(self.town.admin, method, path, body, key=key, already=already)


def start(value: int) -> dict[str, str]:
    """A wall-clock time far ahead, different for different values, and never in the hour that daylight saving time takes away."""
    day, minute = value % 28 + 1, value % 60
    return {"local": f"2031-{value % 12 + 1:02}-{day:02}T{12 + value // 60 % 8:02}:{minute:02}", "time_zone": "Europe/Berlin"}
