"""What the page about the network reads from the gateway."""

from pydantic import BaseModel

from emon_dashboard.visits import SignedInVisit


class People(BaseModel):
    """Members of either side."""

    staff: int
    volunteers: int


class Meetings(BaseModel):
    """Meetings of the last 90 days, and of the next."""

    held: int
    planned: int


class Feedback(BaseModel):
    """Feedback that waits, and what was answered in the last 90 days."""

    open: int
    overdue: int
    answered: int
    answered_in_time: int


class NetworkMunicipality(BaseModel):
    """A municipality in numbers. `feedback` is None where so few are members that a number would tell who wrote it."""

    ags: str
    name: str
    organisations: dict[str, int]
    people: People
    meetings: Meetings
    feedback: Feedback | None
    deliveries_failed: int


class NetworkMunicipalities(BaseModel):
    """A page of them."""

    items: list[NetworkMunicipality]
    next_cursor: str | None


async def page_of_municipalities(visit: SignedInVisit, cursor: str | None) -> NetworkMunicipalities:
    """Municipalities that have anything, by their keys."""
    return (await visit.get("/v1/network/municipalities", {"cursor": cursor})).read(NetworkMunicipalities)
