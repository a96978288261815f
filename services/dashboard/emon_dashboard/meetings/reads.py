"""What the pages about meetings read from the gateway."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from emon_dashboard.directory import People, Person
from emon_dashboard.gateway import Missing, NotAllowed, Refused
from emon_dashboard.visits import SignedInVisit

PEOPLE_FOUND_MAX = 10  # of those who are looked for, to be invited by themselves


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


class Audience(BaseModel):
    """How many would be invited now, and how many of them no e-mail reaches."""

    people: int
    without_address: int


async def audience(visit: SignedInVisit, ags: str, participants: Sequence[object]) -> Audience | None:
    """Whom a meeting with these participants would be for, in numbers; None where there are none, or they are not valid."""
    if not participants:
        return None
    try:
        answer = await visit.send("POST", "/v1/meetings/audience", {"ags": ags, "participants": participants})
    except Refused:
        return None
    return answer.read(Audience)


async def people_called(visit: SignedInVisit, words: str) -> list[Person]:
    """Those who are meant by the words, best match first; nobody by what is no search."""
    try:
        return (await visit.get("/v1/people", {"q": words, "limit": PEOPLE_FOUND_MAX})).read(People).items
    except Refused:
        return []


async def people_by_id(visit: SignedInVisit, wanted: Iterable[str]) -> list[Person]:
    """These people, by name; those whom the visitor does not see are left out."""

    async def read(person_id: str) -> Person | None:
        try:
            return (await visit.get(f"/v1/people/{UUID(person_id)}")).read(Person)
        except (Missing, NotAllowed, ValueError):
            return None

    found = await asyncio.gather(*(read(person_id) for person_id in set(wanted)))
    return sorted((person for person in found if person is not None), key=lambda person: person.display_name.casefold())
