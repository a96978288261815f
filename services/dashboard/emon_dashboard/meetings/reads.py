"""What the pages about meetings read from the gateway."""

import asyncio
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from emon_dashboard.directory import Municipality
from emon_dashboard.visits import SignedInVisit


class Start(BaseModel):
    """A wall clock and its zone."""

    local: datetime
    time_zone: str


class Participant(BaseModel):
    """A person, or every member of an organisation."""

    person_id: UUID | None
    organisation_id: UUID | None


class Replies(BaseModel):
    """How many said what to the present time and place."""

    accepted: int
    declined: int
    tentative: int
    none: int

    @property
    def invited(self) -> int:
        """Everybody who is invited."""
        return self.accepted + self.declined + self.tentative + self.none


class Meeting(BaseModel):
    """A meeting as it is now."""

    id: UUID
    kind: str
    title: str
    ags: str
    start: Start
    starts_at: datetime
    duration_minutes: int
    place: str | None
    link: str | None
    status: str
    cancellation_reason: str | None
    revision: int
    participants: list[Participant] | None = None
    replies: Replies | None = None


class Meetings(BaseModel):
    """A page of the list."""

    items: list[Meeting]
    next_cursor: str | None


class Invitation(BaseModel):
    """Somebody who is invited, and what they said."""

    person_id: UUID
    display_name: str | None
    reply: str | None
    earlier_reply: str | None
    replied_at: datetime | None


class Invitations(BaseModel):
    """A page of those who are invited."""

    items: list[Invitation]
    next_cursor: str | None


async def one_meeting(visit: SignedInVisit, meeting_id: UUID) -> tuple[Meeting, str]:
    """A meeting, and its entity tag for a change."""
    answer = await visit.get(f"/v1/meetings/{meeting_id}")
    return answer.read(Meeting), answer.etag or ""


async def everybody_invited(visit: SignedInVisit, meeting_id: UUID) -> list[Invitation]:
    """All invitations of a meeting."""
    found: list[Invitation] = []
    cursor: str | None = None
    while True:
        answer = await visit.get(f"/v1/meetings/{meeting_id}/invitations", {"limit": 200, "cursor": cursor})
        page = answer.read(Invitations)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return sorted(found, key=lambda invitation: (invitation.display_name or "").casefold())


async def municipalities(visit: SignedInVisit) -> list[Municipality]:
    """Where the visitor may schedule meetings."""
    keys = visit.who.municipalities
    answers = await asyncio.gather(*(visit.get(f"/v1/municipalities/{ags}") for ags in keys))
    return [answer.read(Municipality) for answer in answers]
