"""What the pages about feedback read from the gateway, and what follows from it for whoever looks."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from pydantic import BaseModel

from emon_dashboard.directory import Municipality, Organisation
from emon_dashboard.gateway import Missing, NotAllowed, Query
from emon_dashboard.meetings.reads import Meeting, Meetings
from emon_dashboard.rendering.dates import PLATFORM_ZONE
from emon_dashboard.visits import SignedInVisit

SOON_DAYS = 2
EXCERPT_LENGTH = 90
MEETINGS_BACK = timedelta(days=183)
OPEN = ("received", "acknowledged")


class About(BaseModel):
    """What it is about: one of these."""

    person_id: UUID | None
    organisation_id: UUID | None
    meeting_id: UUID | None
    topic: str | None

    @property
    def thing(self) -> str:
        """What sort of thing it is."""
        things = {"person": self.person_id, "organisation": self.organisation_id, "meeting": self.meeting_id}
        return next((name for name, identifier in things.items() if identifier), "topic")


class Written(BaseModel):
    """A text; None once it was too old to be kept."""

    text: str | None
    at: datetime


class InterimReply(Written):
    """An interim reply with its new date."""

    answer_by: date


class Answer(Written):
    """The answer, and who gave it."""

    answered_by: UUID | None


class Rating(BaseModel):
    """How good the author found the answer."""

    stars: int
    at: datetime


class Asked(BaseModel):
    """Somebody who was asked to answer."""

    person_id: UUID
    display_name: str | None
    level: str
    asked_at: datetime


class Feedback(BaseModel):
    """Feedback as its reader may see it. `asked` is None for its author."""

    id: UUID
    ags: str
    about: About | None
    kind: str
    text: str | None
    anonymous: bool
    author_id: UUID | None
    author_name: str | None
    status: str
    submitted_at: datetime
    acknowledge_by: date
    answer_by: date
    due_by: date | None
    overdue: bool
    acknowledged_at: datetime | None
    interim_reply: InterimReply | None
    answer: Answer | None
    messages: list[Written]
    rating: Rating | None
    asked: list[Asked] | None
    may: list[str]

    @property
    def by_reader(self) -> bool:
        """Whether whoever looks at it wrote it."""
        return self.asked is None

    @property
    def excerpt(self) -> str | None:
        """How it begins, on one line."""
        if self.text is None:
            return None
        line = " ".join(self.text.split())
        return line if len(line) <= EXCERPT_LENGTH else f"{line[:EXCERPT_LENGTH].rstrip()} …"


class FeedbackPage(BaseModel):
    """A page of the list."""

    items: list[Feedback]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when something has to be done, and what. `days`: on the calendar, from today; negative once it is over.

    `overdue`: the author waits longer than promised, whoever is asked meanwhile and whatever their own date is.
    """

    day: date
    awaited: str
    days: int
    overdue: bool

    @property
    def urgency(self) -> str:
        """The colour."""
        return "danger" if self.overdue or self.days < 0 else "warning" if self.days <= SOON_DAYS else "info"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to feedback."""

    at: datetime
    what: str
    text: str | None = None
    has_text: bool = False
    by: str | None = None
    answer_by: date | None = None
    stars: int | None = None


def deadline_of(feedback: Feedback, today: date) -> Deadline | None:
    """What is waited for; None once it is answered. For its author, what was promised; for others, when they are to act."""
    if feedback.status not in OPEN:
        return None
    awaited = "acknowledgement" if feedback.status == "received" else "answer"
    promised = feedback.acknowledge_by if awaited == "acknowledgement" else feedback.answer_by
    day = promised if feedback.by_reader or feedback.overdue else feedback.due_by or promised
    return Deadline(day, awaited, (day - today).days, feedback.overdue)


def most_urgent_first(items: list[Feedback], today: date) -> list[tuple[Feedback, Deadline]]:
    """Overdue ones, then by their deadline, then the oldest; without what was answered meanwhile."""
    waiting = [(feedback, deadline) for feedback in items if (deadline := deadline_of(feedback, today))]
    return sorted(waiting, key=lambda pair: (not pair[1].overdue, pair[1].day, pair[0].submitted_at))


def course_of(feedback: Feedback) -> list[Step]:
    """What happened so far, in its order."""
    names = {item.person_id: item.display_name for item in feedback.asked or ()}
    steps = [Step(feedback.submitted_at, "submitted", feedback.text, True)]
    steps += [Step(message.at, "message", message.text, True) for message in feedback.messages]
    if feedback.acknowledged_at:
        steps.append(Step(feedback.acknowledged_at, "acknowledged"))
    if interim := feedback.interim_reply:
        steps.append(Step(interim.at, "interim_reply", interim.text, True, answer_by=interim.answer_by))
    if answer := feedback.answer:
        steps.append(Step(answer.at, "answer", answer.text, True, names.get(answer.answered_by) if answer.answered_by else None))
    if rating := feedback.rating:
        steps.append(Step(rating.at, "rating", stars=rating.stars))
    return sorted(steps, key=lambda step: step.at)


def today() -> date:
    """The day on the clocks of Baden-Württemberg."""
    return datetime.now(PLATFORM_ZONE).date()


async def page_of_feedback(visit: SignedInVisit, query: Query) -> FeedbackPage:
    """Feedback in reach, the newest first."""
    return (await visit.get("/v1/feedback", query)).read(FeedbackPage)


async def all_feedback(visit: SignedInVisit, query: Query) -> list[Feedback]:
    """All of it: the most urgent is not the newest."""
    found: list[Feedback] = []
    cursor: str | None = None
    while True:
        page = await page_of_feedback(visit, {**query, "limit": 200, "cursor": cursor})
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def one_feedback(visit: SignedInVisit, feedback_id: UUID) -> Feedback:
    """The feedback."""
    return (await visit.get(f"/v1/feedback/{feedback_id}")).read(Feedback)


async def name_of(visit: SignedInVisit, about: About | None) -> str | None:
    """The name of what feedback is about; None where the visitor may not know it, or it is gone."""
    try:
        match about:
            case About(topic=str() as topic):
                return topic
            case About(organisation_id=UUID() as identifier):
                return (await visit.get(f"/v1/organisations/{identifier}")).read(Organisation).name
            case About(meeting_id=UUID() as identifier):
                return (await visit.get(f"/v1/meetings/{identifier}")).read(Meeting).title
            case About(person_id=UUID() as identifier):
                return (await visit.get(f"/v1/people/{identifier}")).body["display_name"]
            case _:
                return None
    except (Missing, NotAllowed):
        return None


async def municipality_names(visit: SignedInVisit, keys: list[str]) -> list[Municipality]:
    """These municipalities by their names; one that was closed since is left out."""

    async def read(ags: str) -> Municipality | None:
        try:
            return (await visit.get(f"/v1/municipalities/{ags}")).read(Municipality)
        except Missing:
            return None

    return [found for found in await asyncio.gather(*map(read, keys)) if found]


async def recent_meetings(visit: SignedInVisit) -> list[Meeting]:
    """Meetings that somebody may have something to say about: coming ones, and those of the last half year; the latest first."""
    since = datetime.now(UTC) - MEETINGS_BACK
    query: Query = {"starting_from": since.isoformat(), "order": "latest-first"}
    return (await visit.get("/v1/meetings", query)).read(Meetings).items
