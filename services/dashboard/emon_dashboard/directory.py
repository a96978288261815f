"""Who there is, as several parts of the dashboard read it: organisations, people, and the names of municipalities."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel

from emon_contracts.actors import Role
from emon_dashboard.gateway import Missing, NotAllowed, Refused
from emon_dashboard.rendering.texts import Texts, fill
from emon_dashboard.visits import Grant, SignedInVisit

LIST_LIMIT_MAX = 200  # the gateway's own
CANDIDATES_MAX = 5  # of municipalities, in what is said at a field


class Organisation(BaseModel):
    """A circle or organisation, with those of its municipalities that the visitor sees."""

    id: UUID
    name: str
    kind: str
    municipalities: list[str]


class Organisations(BaseModel):
    """A page of them."""

    items: list[Organisation]
    next_cursor: str | None


class Membership(BaseModel):
    """Somebody takes part in an organisation, in one municipality, on one side."""

    organisation_id: UUID
    ags: str
    engagement: str


class Person(BaseModel):
    """A person, with those memberships and roles that the visitor sees."""

    id: UUID
    display_name: str
    email: str | None
    locale: str
    memberships: list[Membership]
    grants: list[Grant]

    @property
    def roles(self) -> list[Role]:
        """What they are besides a member, each once."""
        return sorted({grant.role for grant in self.grants})

    def engagements_in(self, organisation_id: UUID) -> list[str]:
        """On which sides they are a member of it."""
        return sorted({item.engagement for item in self.memberships if item.organisation_id == organisation_id})

    def speaks_for(self, organisation_id: UUID) -> bool:
        """Whether they are its speaker."""
        return any(grant.role is Role.CIRCLE_SPEAKER and grant.organisation_id == organisation_id for grant in self.grants)


class People(BaseModel):
    """A page of them."""

    items: list[Person]
    next_cursor: str | None


class Municipality(BaseModel):
    """A municipality of the register. A closed one was merged into another."""

    ags: str
    name: str
    closed_on: str | None = None


class Municipalities(BaseModel):
    """A page of the register."""

    items: list[Municipality]
    next_cursor: str | None


async def one_organisation(visit: SignedInVisit, organisation_id: UUID) -> tuple[Organisation, str]:
    """An organisation, and its entity tag for a change."""
    answer = await visit.get(f"/v1/organisations/{organisation_id}")
    return answer.read(Organisation), answer.etag or ""


async def first_organisations(visit: SignedInVisit) -> dict[UUID, Organisation]:
    """The first of those that the visitor sees, by id: mostly all of them, with one request."""
    answer = await visit.get("/v1/organisations", {"limit": LIST_LIMIT_MAX})
    return {item.id: item for item in answer.read(Organisations).items}


async def every_organisation(visit: SignedInVisit, ags: str | None = None) -> list[Organisation]:
    """All that the visitor sees, by name; those of one municipality where it is given."""
    found: list[Organisation] = []
    cursor: str | None = None
    while True:
        query = {"ags": ags, "limit": LIST_LIMIT_MAX, "cursor": cursor}
        page = (await visit.get("/v1/organisations", query)).read(Organisations)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def organisations_by_id(visit: SignedInVisit, wanted: Iterable[UUID]) -> dict[UUID, Organisation]:
    """These organisations; those that the visitor does not see are left out."""

    async def read(organisation_id: UUID) -> Organisation | None:
        try:
            return (await one_organisation(visit, organisation_id))[0]
        except (Missing, NotAllowed):
            return None

    found = await asyncio.gather(*(read(organisation_id) for organisation_id in set(wanted)))
    return {item.id: item for item in found if item is not None}


async def municipality_names(visit: SignedInVisit, wanted: Iterable[str]) -> dict[str, str]:
    """What these are called, by their keys. Mostly they are the visitor's own, which came with who they are."""
    keys = set(wanted)
    names = {item.ags: item.name for item in visit.who.named if item.ags in keys}
    answers = await asyncio.gather(*(visit.get(f"/v1/municipalities/{ags}") for ags in sorted(keys - names.keys())))
    return names | {item.ags: item.name for item in (answer.read(Municipality) for answer in answers)}


async def propose_address(visit: SignedInVisit, person_id: UUID, email: str) -> None:
    """Writes to another address of somebody: it is theirs once they follow the link that goes there. Raises Refused."""
    await visit.send("POST", f"/v1/people/{person_id}/address-change", {"email": email})


@dataclass(frozen=True, slots=True)
class Unclear:
    """No municipality, or several that somebody may mean."""

    candidates: Sequence[Municipality]

    def text(self, texts: Texts) -> str:
        """What to say of it at the field."""
        if not self.candidates:
            return texts.text("directory.municipality.unknown")
        named = ", ".join(f"{item.name} ({item.ags})" for item in self.candidates[:CANDIDATES_MAX])
        return fill(texts.text("directory.municipality.several"), candidates=named)


async def municipality_meant(visit: SignedInVisit, text: str) -> Municipality | Unclear:
    """The open municipality that somebody means who typed its key, its name or a part of it.

    One whose name is exactly this is meant: who types „Aach“ does not mean „Aachtal“.
    """
    try:
        found = await _municipalities_called(visit, text) if text else []
    except (Missing, Refused):
        found = []
    candidates = [item for item in found if item.closed_on is None]
    exact = [item for item in candidates if item.name.casefold() == text.casefold()]
    chosen = exact or candidates
    return chosen[0] if len(chosen) == 1 else Unclear(chosen)


async def _municipalities_called(visit: SignedInVisit, text: str) -> list[Municipality]:
    if text.isascii() and text.isdigit():
        return [(await visit.get(f"/v1/municipalities/{text}")).read(Municipality)]
    return (await visit.get("/v1/municipalities", {"name": text, "limit": LIST_LIMIT_MAX})).read(Municipalities).items
