"""Feedback in a soak: it is submitted, by name or without one, acted on, rated and continued, and deadlines pass."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.faults.audit.history import (
    FEEDBACK_ACKNOWLEDGED,
    FEEDBACK_ANSWERED,
    FEEDBACK_CONTINUED,
    FEEDBACK_PUT_OFF,
    FEEDBACK_SUBMITTED,
)
from tests.faults.audit.records import Written
from tests.faults.soak.asking import ANSWERS_WITHIN_S, ASKS_AGAIN_AFTER_S, GIVES_UP_AFTER_S, GaveUp
from tests.faults.soak.deeds import Deed, Operation
from tests.faults.soak.passing import let_deadline_pass
from tests.faults.soak.quiet import BROKEN_OFF
from tests.faults.soak.town import AGS, Town, by_id

PUT_OFF_BY = timedelta(days=14)

EVENTS: Mapping[Deed, str] = {
    Deed.ACKNOWLEDGE: FEEDBACK_ACKNOWLEDGED,
    Deed.PUT_OFF: FEEDBACK_PUT_OFF,
    Deed.ANSWER: FEEDBACK_ANSWERED,
    Deed.WRITE_BACK: FEEDBACK_CONTINUED,
}
"""What follows from each deed; a rating is told to nobody."""

PATHS: Mapping[Deed, str] = {
    Deed.ACKNOWLEDGE: "acknowledgement",
    Deed.PUT_OFF: "interim-reply",
    Deed.ANSWER: "answer",
    Deed.RATE: "rating",
    Deed.WRITE_BACK: "messages",
}
WITHOUT_KEY = (Deed.ACKNOWLEDGE, Deed.RATE)
"""Done twice, these are as if done once."""


@dataclass
class Resonance:
    """Does what the plan says about feedback, and notes what the API confirmed. `database`: the URL of feedback's worker."""

    town: Town
    database: Callable[[], str]
    _ids: dict[int, str] = field(default_factory=dict[int, str])
    _secrets: dict[int, str] = field(default_factory=dict[int, str])
    _happened: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict[int, Counter[str]](Counter[str]))
    _written: dict[int, Written] = field(default_factory=dict[int, Written])

    @property
    def happened(self) -> Mapping[UUID, Mapping[str, int]]:
        """By feedback: which events were confirmed, and how often."""
        return by_id(self._ids, self._happened)

    @property
    def written(self) -> Mapping[UUID, Written]:
        """By feedback: who wrote it, about whom."""
        return by_id(self._ids, self._written)

    async def do(self, operation: Operation) -> None:
        """Raises GaveUp."""
        if operation.deed is Deed.SUBMIT:
            await self._submit(operation)
        elif operation.deed is Deed.LET_PASS:
            await self._let_deadline_pass(UUID(self._id(operation)))
        else:
            await self._act(operation)

    async def _submit(self, operation: Operation) -> None:
        number, author, about = operation.feedback, operation.guest, operation.about
        body: dict[str, Any] = {**_text(operation), "ags": AGS, "kind": ("praise", "problem", "idea")[operation.value % 3]}
        if about is not None:
            body["about"] = {"person_id": self.town.person(about)}
        elif operation.circle is not None:
            body["about"] = {"organisation_id": self.town.circle(operation.circle)}
        if author is None:
            # No key goes with it: where the answer is lost, it is submitted once more, and the first stays as well.
            made = await self.town.asking.ask(self.town.visitor, "POST", "/v1/anonymous-feedback", body)
            self._secrets[number] = made["link"].rpartition("/")[2]
        else:
            session = self.town.session(author)
            made = await self.town.asking.ask(session, "POST", "/v1/feedback", body, key=f"feedback {number}")
        self._ids[number] = made["id"]
        self._happened[number][FEEDBACK_SUBMITTED] = 1
        self._written[number] = Written(author and UUID(self.town.person(author)), about and UUID(self.town.person(about)))

    async def _act(self, operation: Operation) -> None:
        """By somebody in their session, or by the author who gave no name."""
        deed, number, by = operation.deed, operation.feedback, operation.guest
        path = f"/v1/feedback/{self._id(operation)}"
        if by is None:
            path = f"/v1/anonymous-feedback/{self._secrets[number]}"
        browser = self.town.visitor if by is None else self.town.session(by)
        key = None if by is None or deed in WITHOUT_KEY else f"{deed.value} {number} {operation.value}"
        rated_already = (409, "already-rated")
        await self.town.asking.ask(browser, "POST", f"{path}/{PATHS[deed]}", _body(operation), key=key, already=rated_already)
        if deed in EVENTS:
            self._happened[number][EVENTS[deed]] += 1

    async def _let_deadline_pass(self, feedback_id: UUID) -> None:
        deadline = time.monotonic() + GIVES_UP_AFTER_S
        while True:
            try:
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    # Asked for anew each time: a platform that was killed as a whole comes back on other ports.
                    return await let_deadline_pass(self.database(), feedback_id)
            except BROKEN_OFF as failure:
                self.town.asking.retried[type(failure).__name__] += 1
                if time.monotonic() > deadline:
                    raise GaveUp("the database of feedback did not answer") from failure
            await asyncio.sleep(ASKS_AGAIN_AFTER_S)

    def _id(self, operation: Operation) -> str:
        if operation.feedback not in self._ids:
            raise GaveUp("it could not be submitted")
        return self._ids[operation.feedback]


def _body(operation: Operation) -> dict[str, Any] | None:
    match operation.deed:
        case Deed.ACKNOWLEDGE:
            return None
        case Deed.RATE:
            return {"stars": operation.value % 5 + 1}
        case Deed.PUT_OFF:
            return {**_text(operation), "answer_by": (datetime.now(UTC).date() + PUT_OFF_BY).isoformat()}
        case _:
            return _text(operation)


def _text(operation: Operation) -> dict[str, str]:
    return {"text": f"Was zu sagen ist, {operation.value}"}
