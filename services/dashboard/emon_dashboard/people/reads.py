"""What the pages about people read from the gateway."""

from dataclasses import dataclass
from itertools import takewhile
from uuid import UUID

from pydantic import BaseModel

from emon_contracts.actors import Role
from emon_dashboard import directory
from emon_dashboard.directory import Organisation, People, Person
from emon_dashboard.visits import SignedInVisit

DELIVERIES_LOOKED_AT = 20
FAILED = frozenset({"bounced", "suppressed"})


class Delivery(BaseModel):
    """What became of an e-mail that was owed."""

    kind: str
    status: str


class Deliveries(BaseModel):
    """The newest of them, the newest first."""

    items: list[Delivery]

    @property
    def to_present_address(self) -> list[Delivery]:
        """Those that were for the address that the person has now.

        The question whether a proposed address is theirs goes to that one, the notice of a change to the former one.
        """
        since_change = takewhile(lambda item: item.kind != "address_changed", self.items)
        return [item for item in since_change if item.kind != "address_confirmation"]

    @property
    def failed(self) -> int:
        """How many did not arrive."""
        return sum(item.status in FAILED for item in self.to_present_address)

    @property
    def address_fails(self) -> bool:
        """Whether the newest that was tried did not arrive: what failed before the last that arrived is settled."""
        tried = (item.status for item in self.to_present_address if item.status in FAILED | {"accepted"})
        return next(tried, "accepted") in FAILED


@dataclass(frozen=True, slots=True)
class Names:
    """Names of what memberships and roles refer to. What the visitor does not see is None."""

    organisations: dict[UUID, Organisation]
    municipalities: dict[str, str]

    def organisation(self, organisation_id: UUID | None) -> str | None:
        """What an organisation is called."""
        found = self.organisations.get(organisation_id) if organisation_id else None
        return found and found.name

    def municipality(self, ags: str | None) -> str | None:
        """What a municipality is called."""
        return self.municipalities.get(ags) if ags else None


async def find(visit: SignedInVisit, words: str, cursor: str | None) -> People:
    """Those who are meant by the words, best match first; without words all, by name."""
    return (await visit.get("/v1/people", {"q": words, "cursor": None if words else cursor})).read(People)


async def one_person(visit: SignedInVisit, person_id: UUID) -> tuple[Person, str]:
    """A person, and their entity tag for a change."""
    answer = await visit.get(f"/v1/people/{person_id}")
    return answer.read(Person), answer.etag or ""


async def names_for(visit: SignedInVisit, person: Person) -> Names:
    """The names of what a person's memberships and roles refer to."""
    ties = [*person.memberships, *person.grants]
    organisations = await directory.organisations_by_id(visit, {tie.organisation_id for tie in ties if tie.organisation_id})
    return Names(organisations, await directory.municipality_names(visit, {tie.ags for tie in ties if tie.ags}))


async def deliveries(visit: SignedInVisit, person_id: UUID) -> Deliveries:
    """The newest deliveries to somebody, for those who see them."""
    if not visit.who.works_here:
        return Deliveries(items=[])
    return (await visit.get("/v1/deliveries", {"person_id": person_id, "limit": DELIVERIES_LOOKED_AT})).read(Deliveries)


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation in one municipality, as a form offers it. `value` is what the form sends."""

    value: str
    label: str

    @staticmethod
    def parts(value: str) -> dict[str, str | None]:
        """The organisation and the municipality of what was sent, as the gateway takes them."""
        organisation_id, _, ags = value.partition("/")
        return {"organisation_id": organisation_id, "ags": ags or None}


async def places(visit: SignedInVisit, organisation_id: UUID | None = None) -> list[Place]:
    """Where the visitor may enter members: in this organisation, or in all. The municipality is named where there are several."""
    if organisation_id is None:
        organisations = await directory.every_organisation(visit)
    else:
        organisations = [(await directory.one_organisation(visit, organisation_id))[0]]
    areas = [(item, ags) for item in organisations for ags in item.municipalities if visit.who.coordinates_in(ags)]
    keys = {ags for _, ags in areas}
    names = await directory.municipality_names(visit, keys) if len(keys) > 1 else {}
    return [Place(f"{item.id}/{ags}", f"{item.name} ({names[ags]})" if names else item.name) for item, ags in areas]


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """A role that can be granted, with its scope. `scope` names it; None: the visitor says which municipality."""

    role: Role
    scope: str | None
    organisation_id: UUID | None = None
    ags: str | None = None

    @property
    def value(self) -> str:
        """What a form sends of it."""
        return f"{self.role}/{self.organisation_id or ''}/{self.ags or ''}"

    @staticmethod
    def parts(value: str) -> dict[str, str | None]:
        """Role and scope of what was sent, as the gateway takes them."""
        role, _, scope = value.partition("/")
        organisation_id, _, ags = scope.partition("/")
        return {"role": role, "organisation_id": organisation_id or None, "ags": ags or None}


async def role_choices(visit: SignedInVisit, person: Person) -> list[RoleChoice]:
    """What the visitor may make of somebody: speaker of their circles, coordinator of municipalities."""
    names = await names_for(visit, person)
    held = {(grant.role, grant.organisation_id, grant.ags) for grant in person.grants}
    areas = dict.fromkeys((item.organisation_id, item.ags) for item in person.memberships if visit.who.coordinates_in(item.ags))
    choices = [
        RoleChoice(Role.CIRCLE_SPEAKER, circle.name, circle.id, ags)
        for organisation_id, ags in areas
        if (circle := names.organisations.get(organisation_id)) is not None and circle.kind == "helper_circle"
    ]
    keys = {ags for _, ags in areas} | set(visit.who.coordinated)
    municipalities = await directory.municipality_names(visit, keys)
    choices += [RoleChoice(Role.COORDINATOR, name, ags=ags) for ags, name in municipalities.items()]
    if visit.who.administers:
        choices.append(RoleChoice(Role.COORDINATOR, None))
    return [choice for choice in choices if (choice.role, choice.organisation_id, choice.ags) not in held]
