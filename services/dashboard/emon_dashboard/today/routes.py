"""What needs the visitor, read once and, where JavaScript runs, kept up to date by server-sent events."""

from collections.abc import AsyncGenerator
from datetime import date, datetime
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from emon_dashboard.gateway import SignInNeeded, Unavailable
from emon_dashboard.visits import PersonalVisit, SignedInVisit

router = APIRouter(prefix="/today")

# What the page itself asks for does not keep anybody signed in.
IN_BACKGROUND = {"X-Background": "true"}
EVENTS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Start(BaseModel):
    """A wall clock and its zone."""

    local: datetime


class Item(BaseModel):
    """Something that waits for the visitor. Which fields are set depends on its kind."""

    kind: str
    id: UUID
    subject_id: UUID
    action: str
    about: str | None
    status: str | None
    reason: str | None
    person_id: UUID | None
    display_name: str | None
    title: str | None
    place: str | None
    start: Start | None
    due_by: date | None
    days_left: int | None
    overdue: bool
    count: int | None
    of: int | None

    @property
    def address(self) -> str:
        """The page on which it is settled."""
        match self.kind:
            case "feedback":
                return f"/feedback/{self.id}"
            case "meeting" | "invitation":
                return f"/meetings/{self.subject_id}"
            case _ if self.person_id is not None:
                return f"/deliveries/{self.id}"
            case _:
                return f"/deliveries?subject_id={self.subject_id}&group=needs_you"

    @property
    def is_soon(self) -> bool:
        """Whether it is to be done today or tomorrow."""
        return self.days_left is not None and self.days_left <= 1


class Today(BaseModel):
    """Everything that waits, the most urgent first."""

    items: list[Item]


@router.get("")
async def show_today(visit: PersonalVisit) -> Response:
    """What needs the visitor."""
    answer = await visit.get("/v1/today")
    return visit.page("today/today.html", items=answer.read(Today).items)


@router.get("/events")
async def stream_today(visit: PersonalVisit) -> Response:
    """The list anew whenever something changed, as an event without a name, which htmx puts in the place of the old one."""
    return StreamingResponse(_events(visit), media_type="text/event-stream", headers=EVENTS)


async def _events(visit: SignedInVisit) -> AsyncGenerator[bytes]:
    try:
        async with visit.gateway.stream("/v1/today/events", visit.access_token) as lines:
            async for line in lines:
                if visit.request.app.state.is_stopping():
                    return
                if line.startswith(b"event: changed"):
                    answer = await visit.get("/v1/today", headers=IN_BACKGROUND)
                    yield _event(visit.render("today/_items.html", items=answer.read(Today).items))
                elif line.startswith((b":", b"retry:")):
                    yield line + b"\n"
    except (SignInNeeded, Unavailable):
        # The page asks again by itself; where the session has ended, its next request leads to the sign-in page.
        return


def _event(html: str) -> bytes:
    return "".join(f"data: {line}\n" for line in html.splitlines()).encode() + b"\n"
