"""What the pages about the visitor's own read from the gateway."""

from datetime import UTC, date, datetime
from uuid import UUID

from pydantic import BaseModel

from emon_dashboard.visits import SignedInVisit

INVITATIONS_SHOWN = 50
FEEDBACK_SHOWN = 10


class Start(BaseModel):
    """A wall clock."""

    local: datetime


class Meeting(BaseModel):
    """A meeting to which the visitor is invited."""

    id: UUID
    title: str
    start: Start
    place: str | None
    link: str | None
    status: str
    revision: int


class Invitation(BaseModel):
    """An invitation of the visitor's, and what they said to it."""

    reply: str | None
    earlier_reply: str | None
    meeting: Meeting


class Invitations(BaseModel):
    """A page of them, the next meeting first."""

    items: list[Invitation]
    next_cursor: str | None


class Answer(BaseModel):
    """What was answered; the text is gone after 24 months."""

    text: str | None
    at: datetime


class Feedback(BaseModel):
    """Feedback of the visitor's."""

    id: UUID
    kind: str
    status: str
    text: str | None
    submitted_at: datetime
    answer_by: date
    answer: Answer | None


class FeedbackGiven(BaseModel):
    """The newest of it; `next_cursor` says whether there is more."""

    items: list[Feedback]
    next_cursor: str | None


class NamedMembership(BaseModel):
    """A membership in words."""

    organisation: str
    municipality: str
    engagement: str


class NamedGrant(BaseModel):
    """A role in words."""

    role: str
    municipality: str | None
    organisation: str | None


class Absence(BaseModel):
    """Days on which somebody is not there, both ends included."""

    first_day: date
    last_day: date


class Record(BaseModel):
    """Everything that is held about the visitor."""

    display_name: str
    email: str | None
    pending_email: str | None = None
    former_emails: list[str] = []
    locale: str
    memberships: list[NamedMembership]
    grants: list[NamedGrant]
    entered_by: str | None
    working_days: list[str] | None
    absences: list[Absence]


class WorkingWeek(BaseModel):
    """When the visitor works; `working_days` None: as usual, since nobody said otherwise."""

    working_days: list[str] | None
    absences: list[Absence]


async def coming_meetings(visit: SignedInVisit, cursor: str | None) -> Invitations:
    """The visitor's invitations to what has not begun."""
    query = {"starting_from": datetime.now(UTC).isoformat(), "limit": INVITATIONS_SHOWN, "cursor": cursor}
    return (await visit.get("/v1/invitations", query)).read(Invitations)


async def feedback_given(visit: SignedInVisit) -> FeedbackGiven:
    """What the visitor wrote by name, the newest first."""
    return (await visit.get("/v1/feedback", {"mine": True, "limit": FEEDBACK_SHOWN})).read(FeedbackGiven)


async def record(visit: SignedInVisit) -> Record:
    """Everything that is held about the visitor."""
    return (await visit.get(f"/v1/people/{visit.who.person_id}/record")).read(Record)


async def working_week(visit: SignedInVisit) -> tuple[WorkingWeek, str]:
    """When the visitor works, and the entity tag for a change."""
    answer = await visit.get(f"/v1/people/{visit.who.person_id}/working-week")
    return answer.read(WorkingWeek), answer.etag or ""
