"""The people of a soak: they use the gateway's API, try again while it is out of order, and know what it confirmed."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp

from emon_operator.demo_client import Browser, Unexpected

from tests.faults.audit.history import (
    FEEDBACK_ACKNOWLEDGED,
    FEEDBACK_ANSWERED,
    FEEDBACK_CONTINUED,
    FEEDBACK_PUT_OFF,
    FEEDBACK_SUBMITTED,
)
from tests.faults.audit.records import Promises, Written
from tests.faults.soak.mailboxes import Mailboxes, address
from tests.faults.soak.passing import let_deadline_pass
from tests.faults.soak.plan import ABOUT_FEEDBACK, CIRCLES, LANES, Deed, Guest, Operation, Part, Plan
from tests.faults.soak.quiet import BROKEN_OFF as DATABASE_BROKEN_OFF

AGS = "08999101"
GIVES_UP_AFTER_S = 180.0
ASKS_AGAIN_AFTER_S = 0.4
ANSWERS_WITHIN_S = 20.0
# What passes: the platform is out of order, or what was entered a moment ago has not come through Kafka yet.
PASSING = {412, 422, 429, 500, 502, 503, 504}

BROKEN_OFF = (aiohttp.ClientError, TimeoutError, OSError)


class GaveUp(Exception):
    """What had to be possible was not; the message says what was answered, without what was asked."""


@dataclass
class Workload:
    """Does what the plan says, and notes what the API confirmed."""

    plan: Plan
    visitor: Browser
    admin: Browser
    mailboxes: Mailboxes
    feedback_database: Callable[[], str]
    circles: list[str] = field(default_factory=list[str])
    people: dict[int, str] = field(default_factory=dict[int, str])
    sessions: dict[int, Browser] = field(default_factory=dict[int, Browser])
    meetings: dict[int, str] = field(default_factory=dict[int, str])
    feedback: dict[int, str] = field(default_factory=dict[int, str])
    secrets: dict[int, str] = field(default_factory=dict[int, str])
    done: Counter[str] = field(default_factory=Counter[str])
    retried: Counter[str] = field(default_factory=Counter[str])
    given_up: list[str] = field(default_factory=list[str])
    _versions: Counter[int] = field(default_factory=Counter[int])
    _links: Counter[int] = field(default_factory=Counter[int])
    _replies: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])
    _happened: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict[int, Counter[str]](Counter[str]))
    _written: dict[int, Written] = field(default_factory=dict[int, Written])
    _erased: set[int] = field(default_factory=set[int])
    _known: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])

    @property
    def promises(self) -> Promises:
        """What the API confirmed, by ids."""
        meetings, people, feedback = (
            {number: UUID(id_) for number, id_ in ids.items()} for ids in (self.meetings, self.people, self.feedback)
        )
        return Promises(
            meetings={meetings[number]: version for number, version in self._versions.items()},
            links={people[number]: count for number, count in self._links.items()},
            replies={(meetings[meeting], people[person]): reply for (meeting, person), reply in self._replies.items()},
            feedback={feedback[number]: happened for number, happened in self._happened.items()},
            written={feedback[number]: written for number, written in self._written.items()},
            erased=frozenset(people[number] for number in self._erased),
        )

    async def begin(self) -> None:
        """Circles and everybody of the beginning, before anything breaks."""
        for number in range(CIRCLES):
            body = {"name": f"Kreis {number}", "kind": "helper_circle", "ags": AGS}
            self.circles.append((await self._ask("POST", "/v1/organisations", body, key=f"circle {number}"))["id"])
        for guest in self.plan.guests:
            await self._enter(guest)

    async def sign_in(self) -> None:
        """Everybody who does something begins a session, once the gateway knows them."""
        for guest in self.plan.guests:
            if guest.part in (Part.AUTHOR, Part.STAFF, Part.COORDINATOR):
                self.sessions[guest.person] = await self.mailboxes.sign_in(self.visitor, address(guest) or "")

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
        if operation.deed in ABOUT_FEEDBACK:
            await self._do_with_feedback(operation)
        elif operation.guest is not None:
            await self._do_with_somebody(operation, operation.guest)
        else:
            await self._do_with_meeting(operation)

    async def _do_with_meeting(self, operation: Operation) -> None:
        match operation.deed:
            case Deed.SCHEDULE:
                made = await self._ask("POST", "/v1/meetings", self._meeting(operation), key=f"meeting {operation.meeting}")
                self.meetings[operation.meeting] = made["id"]
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
                body = {"organisation_id": self._circle(operation), "engagement": "volunteer"}
                await self._ask("POST", f"/v1/people/{self.people[guest.person]}/memberships", body)
            case Deed.SIGN_IN:
                if email := address(guest):
                    await self._ask("POST", "/v1/sign-in-links", {"email": email}, browser=self.visitor)
                    self._links[guest.person] += 1
            case Deed.REPLY:
                await self._reply(operation, guest)
            case _:
                path = f"/v1/people/{self.people[guest.person]}/erasure"
                # Whoever was erased before the answer was lost has no session any more.
                await self._ask("POST", path, browser=self.sessions[guest.person], already=(401, ""))
                self._erased.add(guest.person)

    async def _reply(self, operation: Operation, guest: Guest) -> None:
        """By the link in the newest invitation, where there is one; otherwise on the phone, and the administration notes it."""
        reply = ("accepted", "declined", "tentative")[operation.value % 3]
        path = f"{self._path(operation)}/invitations/{self.people[guest.person]}/reply"
        link = self.mailboxes.invitation_link(address(guest), self.meetings[operation.meeting])
        try:
            if link is not None and operation.value % 2:
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    await self.visitor.send_form(f"/links/{link}", {"reply": reply})
        except (Unexpected, *BROKEN_OFF) as failure:  # an older time than that of now, for example
            self.retried[f"a link: {type(failure).__name__}"] += 1
        await self._ask("PUT", path, {"reply": reply})
        self._replies[operation.meeting, guest.person] = reply

    async def _do_with_feedback(self, operation: Operation) -> None:
        number, text = operation.feedback, {"text": f"Was zu sagen ist, {operation.value}"}
        match operation.deed:
            case Deed.SUBMIT:
                await self._submit(operation, text)
            case Deed.ACKNOWLEDGE:
                await self._act_on_feedback(operation, "acknowledgement", None, FEEDBACK_ACKNOWLEDGED)
            case Deed.PUT_OFF:
                in_a_while = {**text, "answer_by": (datetime.now(UTC).date() + timedelta(days=14)).isoformat()}
                await self._act_on_feedback(operation, "interim-reply", in_a_while, FEEDBACK_PUT_OFF)
            case Deed.ANSWER:
                await self._act_on_feedback(operation, "answer", text, FEEDBACK_ANSWERED)
            case Deed.RATE:
                await self._act_on_feedback(operation, "rating", {"stars": operation.value % 5 + 1}, None)
            case Deed.WRITE_BACK:
                await self._act_on_feedback(operation, "messages", text, FEEDBACK_CONTINUED)
            case _:
                await self._let_deadline_pass(UUID(self._submitted(number)))

    async def _submit(self, operation: Operation, text: dict[str, str]) -> None:
        number, author, about = operation.feedback, operation.guest, operation.about
        body: dict[str, Any] = {**text, "ags": AGS, "kind": ("praise", "problem", "idea")[operation.value % 3]}
        if about is not None:
            body["about"] = {"person_id": self.people[about.person]}
        elif operation.circle is not None:
            body["about"] = {"organisation_id": self._circle(operation)}
        if author is None:
            # No key goes with it: where the answer is lost, it is submitted once more, and the first stays as well.
            made = await self._ask("POST", "/v1/anonymous-feedback", body, browser=self.visitor)
            self.secrets[number] = made["link"].rpartition("/")[2]
        else:
            made = await self._ask("POST", "/v1/feedback", body, key=f"feedback {number}", browser=self.sessions[author.person])
        self.feedback[number] = made["id"]
        self._happened[number][FEEDBACK_SUBMITTED] = 1
        self._written[number] = Written(author and UUID(self.people[author.person]), about and UUID(self.people[about.person]))

    async def _act_on_feedback(self, operation: Operation, what: str, body: dict[str, Any] | None, event: str | None) -> None:
        """By somebody in their session, or by the author who gave no name."""
        number, by = operation.feedback, operation.guest
        feedback_id = self._submitted(number)
        if by is None:
            path, browser, key = f"/v1/anonymous-feedback/{self.secrets[number]}/{what}", self.visitor, None
        else:
            path, browser = f"/v1/feedback/{feedback_id}/{what}", self.sessions[by.person]
            key = f"{what} {number} {operation.value}" if what not in ("acknowledgement", "rating") else None
        await self._ask("POST", path, body, key=key, browser=browser, already=(409, "already-rated"))
        if event is not None:
            self._happened[number][event] += 1

    async def _let_deadline_pass(self, feedback_id: UUID) -> None:
        deadline = time.monotonic() + GIVES_UP_AFTER_S
        while True:
            try:
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    # Asked for anew each time: a platform that was killed as a whole comes back on other ports.
                    return await let_deadline_pass(self.feedback_database(), feedback_id)
            except DATABASE_BROKEN_OFF as failure:
                self.retried[type(failure).__name__] += 1
                if time.monotonic() > deadline:
                    raise GaveUp("the database of feedback did not answer") from failure
            await asyncio.sleep(ASKS_AGAIN_AFTER_S)

    def _submitted(self, number: int) -> str:
        if number not in self.feedback:
            raise GaveUp("it could not be submitted")
        return self.feedback[number]

    def _circle(self, operation: Operation) -> str:
        assert operation.circle is not None
        return self.circles[operation.circle]

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
            body["memberships"] = [{"organisation_id": self.circles[guest.circle], "engagement": engagement}]
        self.people[guest.person] = (await self._ask("POST", "/v1/people", body, key=f"person {guest.person}"))["id"]

    def _meeting(self, operation: Operation) -> dict[str, Any]:
        return {
            "kind": "round_table",
            "title": f"Runder Tisch {operation.meeting}",
            "ags": AGS,
            "start": start(operation.value),
            "duration_minutes": 90,
            "place": "Rathaus",
            "participants": [{"organisation_id": self._circle(operation)}],
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
            self._versions[operation.meeting] += 1

    async def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        already: tuple[int, str] | None = None,
        browser: Browser | None = None,
    ) -> Any:
        """Asks until it is done. `already`: status and code of what says that it was done before the answer was lost."""
        browser = browser or self.admin
        deadline = time.monotonic() + GIVES_UP_AFTER_S
        while True:
            try:
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    headers = {"Idempotency-Key": f"{key} of {self.plan.seed}"} if key else {}
                    if method == "PATCH":
                        _, _, found = await browser.ask("GET", path)
                        headers["If-Match"] = found.get("ETag", '"none"')
                    status, answer, _ = await browser.ask(method, path, body, headers)
            except BROKEN_OFF as failure:
                status, answer = 0, type(failure).__name__
            if 200 <= status < 300:
                return answer
            if already is not None and status == already[0] and already[1] in str(answer):
                return None
            self.retried[f"{status or answer}"] += 1
            if (status and status not in PASSING) or time.monotonic() > deadline:
                raise GaveUp(f"{method} was answered {status}: {str(answer)[:300]}")
            await asyncio.sleep(ASKS_AGAIN_AFTER_S)


def start(value: int) -> dict[str, str]:
    """A wall-clock time far ahead, different for different values, and never in the hour that daylight saving time takes away."""
    day, minute = value % 28 + 1, value % 60
    return {"local": f"2031-{value % 12 + 1:02}-{day:02}T{12 + value // 60 % 8:02}:{minute:02}", "time_zone": "Europe/Berlin"}
