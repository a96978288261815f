"""Who may do what: one table, default deny.

A permission counts only in the scope of the grant that carries it: `scope_of` collects the municipalities and
organisations of *those grants alone*. Row-level security turns the scope into the outer wall (municipality); rules and
queries draw the inner one (role and person).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from emon_contracts.actors import Actor, Grant, LinkCapability, Role
from emon_contracts.values import Ags


class Reach(StrEnum):
    """How far a role carries a permission."""

    EVERYWHERE = "everywhere"
    MUNICIPALITY = "municipality"  # everything in the municipality of the grant
    ORGANISATION = "organisation"  # what belongs to the organisation of the grant
    OWN = "own"  # what is about the person themself
    LINK = "link"  # the one subject of the link


class Permission(StrEnum):
    """Each route names one."""

    MUNICIPALITY_READ = "municipality.read"
    MUNICIPALITY_WRITE = "municipality.write"
    ORGANISATION_READ = "organisation.read"
    ORGANISATION_WRITE = "organisation.write"
    PERSON_READ = "person.read"
    PERSON_WRITE = "person.write"
    MEETING_READ = "meeting.read"
    MEETING_WRITE = "meeting.write"
    INVITATION_READ = "invitation.read"
    DELIVERY_READ = "delivery.read"
    DELIVERY_DECIDE = "delivery.decide"


_ADMIN = {Role.NETWORK_ADMIN: Reach.EVERYWHERE}
_COORDINATORS = _ADMIN | {Role.COORDINATOR: Reach.MUNICIPALITY}
_PAID = _COORDINATORS | {Role.STAFF: Reach.MUNICIPALITY}
_CIRCLE = {Role.CIRCLE_SPEAKER: Reach.ORGANISATION, Role.VOLUNTEER: Reach.ORGANISATION}
_OWN = {Role.THEMSELF: Reach.OWN}
_LINK = {Role.LINK_HOLDER: Reach.LINK}

PERMISSIONS: Mapping[Permission, Mapping[Role, Reach]] = {
    # The register is public data; everybody who is signed in may look things up in it.
    Permission.MUNICIPALITY_READ: _PAID | _CIRCLE | _OWN,
    Permission.MUNICIPALITY_WRITE: _ADMIN,
    Permission.ORGANISATION_READ: _PAID | _CIRCLE,
    Permission.ORGANISATION_WRITE: _COORDINATORS,
    # Names and addresses of volunteers are seen by staff and coordinators of their municipality and by their own circle.
    Permission.PERSON_READ: _PAID | _CIRCLE | _OWN,
    Permission.PERSON_WRITE: _COORDINATORS,
    # Volunteers see the meetings they are invited to.
    Permission.MEETING_READ: _PAID | _OWN,
    Permission.MEETING_WRITE: _PAID,
    Permission.INVITATION_READ: _PAID | _OWN | _LINK,
    Permission.DELIVERY_READ: _PAID,
    Permission.DELIVERY_DECIDE: _PAID,
}

# A role may grant those that stand at or below it. Speakers and volunteers grant nothing: they do not hold person.write.
_RANK = {Role.NETWORK_ADMIN: 4, Role.COORDINATOR: 3, Role.STAFF: 2, Role.CIRCLE_SPEAKER: 1, Role.VOLUNTEER: 0}


@dataclass(frozen=True, slots=True)
class Scope:
    """How far one permission reaches for one actor."""

    everywhere: bool = False
    municipalities: frozenset[Ags] = frozenset()
    organisations: frozenset[UUID] = frozenset()
    person_id: UUID | None = None  # set where a person's own things are in reach
    link: LinkCapability | None = None

    def covers(self, ags: Ags) -> bool:
        """Whether everything in this municipality is in reach."""
        return self.everywhere or ags in self.municipalities


def scope_of(actor: Actor, permission: Permission) -> Scope | None:
    """The scope in which the actor holds the permission, or None where nothing of theirs carries it."""
    reaches = PERMISSIONS[permission]
    if actor.link is not None:
        if reaches.get(Role.LINK_HOLDER) is not Reach.LINK:
            return None
        return Scope(person_id=actor.person_id, link=actor.link)
    carrying = [(grant, reaches[grant.role]) for grant in actor.grants if grant.role in reaches]
    own = reaches.get(Role.THEMSELF) is Reach.OWN
    if not carrying and not own:
        return None
    return Scope(
        everywhere=any(reach is Reach.EVERYWHERE for _, reach in carrying),
        municipalities=frozenset(grant.ags for grant, reach in carrying if reach is Reach.MUNICIPALITY and grant.ags),
        organisations=frozenset(
            grant.organisation_id for grant, reach in carrying if reach is Reach.ORGANISATION and grant.organisation_id
        ),
        person_id=actor.person_id if own else None,
    )


def may_grant(actor: Actor, wanted: Grant) -> bool:
    """Nobody grants a role or a scope beyond their own: some grant of the actor stands at or above it and contains it."""
    return any(_contains(held, wanted) for held in actor.grants)


def _contains(held: Grant, wanted: Grant) -> bool:
    if _RANK[held.role] < _RANK[wanted.role]:
        return False
    if held.role is Role.NETWORK_ADMIN:
        return True
    if held.role is Role.COORDINATOR:
        return held.ags == wanted.ags
    return held.ags == wanted.ags and held.organisation_id == wanted.organisation_id
