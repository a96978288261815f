"""What the pages about circles and organisations read from the gateway."""

from datetime import UTC, date, datetime
from uuid import UUID

from pydantic import BaseModel

from emon_dashboard.directory import Organisations, People
from emon_dashboard.visits import SignedInVisit

MEETINGS_LOOKED_AT = 10  # the next one may be cancelled
FEEDBACK_SHOWN = 10


class Start(BaseModel):
    """A wall clock."""

    local: datetime


class Meeting(BaseModel):
    """A meeting, as far as its next date is concerned."""

    id: UUID
    title: str
    start: Start
    place: str | None
    status: str


class Meetings(BaseModel):
    """A page of them."""

    items: list[Meeting]


class Feedback(BaseModel):
    """Feedback that waits for an answer."""

    id: UUID
    kind: str
    due_by: date | None
    overdue: bool


class OpenFeedback(BaseModel):
    """The newest of it; `next_cursor` says whether there is more."""

    items: list[Feedback]
    next_cursor: str | None


async def find(visit: SignedInVisit, words: str, kind: str, cursor: str | None) -> Organisations:
    """Those that are meant by the words, best match first; without words all, by name."""
    answer = await visit.get("/v1/organisations", {"q": words, "kind": kind, "cursor": None if words else cursor})
    return answer.read(Organisations)


async def members(visit: SignedInVisit, organisation_id: UUID, cursor: str | None) -> People:
    """Who takes part in it, or has a role in it, by name."""
    return (await visit.get("/v1/people", {"organisation_id": organisation_id, "cursor": cursor})).read(People)


async def next_meeting(visit: SignedInVisit, organisation_id: UUID) -> Meeting | None:
    """The next one that takes place."""
    query = {"organisation_id": organisation_id, "starting_from": datetime.now(UTC).isoformat(), "limit": MEETINGS_LOOKED_AT}
    meetings = (await visit.get("/v1/meetings", query)).read(Meetings)
    return next((meeting for meeting in meetings.items if meeting.status == "scheduled"), None)


async def open_feedback(visit: SignedInVisit, organisation_id: UUID) -> OpenFeedback:
    """What is about it and waits, as far as the visitor reads it."""
    query = {"organisation_id": organisation_id, "open": True, "limit": FEEDBACK_SHOWN}
    return (await visit.get("/v1/feedback", query)).read(OpenFeedback)
