"""Who may do what: one table, default deny.

A permission counts only in the scope of the grant that carries it: `scope_of` collects the municipalities and
organisations of *those grants alone*. Row-level security turns the scope into the outer wall (municipality); rules and
queries draw the inner one (role and person).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from emon_contracts.actors import ANONYMOUS, Actor, Grant, LinkCapability, LinkPurpose, Role
from emon_contracts.values import Ags


class Reach(StrEnum):
    """How far a role carries a permission."""

    EVERYWHERE = "everywhere"
    MUNICIPALITY = "municipality"  # everything in the municipality of the grant
    ORGANISATION = "organisation"  # what belongs to the organisation of the grant
    OWN = "own"  # what is about the person themself


class Permission(StrEnum):
    """Each route names one."""

    MUNICIPALITY_READ = "municipality.read"
    MUNICIPALITY_WRITE = "municipality.write"
    ORGANISATION_READ = "organisation.read"
    ORGANISATION_WRITE = "organisation.write"
    PERSON_READ = "person.read"
    PERSON_WRITE = "person.write"
    PERSON_CORRECT = "person.correct"
    PERSON_ERASE = "person.erase"
    ADDRESS_PROPOSE = "address.propose"
    ADDRESS_CONFIRM = "address.confirm"
    WORKING_WEEK_READ = "working-week.read"
    WORKING_WEEK_WRITE = "working-week.write"
    MEETING_READ = "meeting.read"
    MEETING_WRITE = "meeting.write"
    INVITATION_READ = "invitation.read"
    INVITATION_REPLY = "invitation.reply"
    FEEDBACK_SUBMIT = "feedback.submit"
    FEEDBACK_READ = "feedback.read"
    FEEDBACK_ANSWER = "feedback.answer"
    FEEDBACK_RESPOND = "feedback.respond"
    FEEDBACK_ANONYMOUS = "feedback.anonymous"
    DELIVERY_READ = "delivery.read"
    DELIVERY_DECIDE = "delivery.decide"
    NETWORK_READ = "network.read"


_ADMIN = {Role.NETWORK_ADMIN: Reach.EVERYWHERE}
_COORDINATORS = _ADMIN | {Role.COORDINATOR: Reach.MUNICIPALITY}
_PAID = _COORDINATORS | {Role.STAFF: Reach.MUNICIPALITY}
_CIRCLE = {Role.CIRCLE_SPEAKER: Reach.ORGANISATION, Role.VOLUNTEER: Reach.ORGANISATION}
_OWN = {Role.THEMSELF: Reach.OWN}
_MEMBERS = _PAID | {Role.CIRCLE_SPEAKER: Reach.MUNICIPALITY, Role.VOLUNTEER: Reach.MUNICIPALITY}

PERMISSIONS: Mapping[Permission, Mapping[Role, Reach]] = {
    # The register is public data; everybody who is signed in may look things up in it.
    Permission.MUNICIPALITY_READ: _PAID | _CIRCLE | _OWN,
    Permission.MUNICIPALITY_WRITE: _ADMIN,
    Permission.ORGANISATION_READ: _PAID | _CIRCLE,
    Permission.ORGANISATION_WRITE: _COORDINATORS,
    # Names and addresses of volunteers are seen by staff and coordinators of their municipality and by their own circle.
    Permission.PERSON_READ: _PAID | _CIRCLE | _OWN,
    Permission.PERSON_WRITE: _COORDINATORS,
    # A person belongs to themselves.
    Permission.PERSON_CORRECT: _OWN,
    Permission.PERSON_ERASE: _OWN,
    # An address is whose mailbox it is: others propose one, and nobody but a reader of its mail makes it theirs.
    Permission.ADDRESS_PROPOSE: _COORDINATORS | _OWN,
    Permission.ADDRESS_CONFIRM: {},
    # Who works when is for those who work together by day, not for the whole circle.
    Permission.WORKING_WEEK_READ: _PAID | _OWN,
    Permission.WORKING_WEEK_WRITE: _COORDINATORS | _OWN,
    # Volunteers see the meetings they are invited to.
    Permission.MEETING_READ: _PAID | _OWN,
    Permission.MEETING_WRITE: _PAID,
    Permission.INVITATION_READ: _PAID | _OWN,
    # Staff note what somebody says on the phone.
    Permission.INVITATION_REPLY: _PAID | _OWN,
    # Whoever works in a municipality, on either side, can say what they think of it.
    Permission.FEEDBACK_SUBMIT: _MEMBERS,
    # One's own is what one wrote and what one is asked to answer. The administration reads no feedback.
    Permission.FEEDBACK_READ: {Role.COORDINATOR: Reach.MUNICIPALITY} | _OWN,
    Permission.FEEDBACK_ANSWER: {Role.COORDINATOR: Reach.MUNICIPALITY} | _OWN,
    Permission.FEEDBACK_RESPOND: _OWN,
    Permission.FEEDBACK_ANONYMOUS: {Role.ANONYMOUS: Reach.EVERYWHERE},
    Permission.DELIVERY_READ: _PAID,
    Permission.DELIVERY_DECIDE: _PAID,
    # Numbers of every municipality side by side; who is behind them is read where it lies.
    Permission.NETWORK_READ: _ADMIN,
}

# What the holder of a link may do, with the one subject of the link and nothing else.
LINKS: Mapping[LinkPurpose, frozenset[Permission]] = {
    LinkPurpose.INVITATION: frozenset({Permission.INVITATION_READ, Permission.INVITATION_REPLY}),
    LinkPurpose.FEEDBACK: frozenset({Permission.FEEDBACK_READ, Permission.FEEDBACK_ANSWER, Permission.FEEDBACK_RESPOND}),
    LinkPurpose.CORRECTION: frozenset({Permission.PERSON_READ, Permission.PERSON_CORRECT, Permission.ADDRESS_PROPOSE}),
    LinkPurpose.ERASURE: frozenset({Permission.PERSON_READ, Permission.PERSON_ERASE}),
    # Who reads a mailbox that may not be theirs sees nothing of the person but whose address it is to be.
    LinkPurpose.ADDRESS: frozenset({Permission.ADDRESS_CONFIRM}),
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
        if permission not in LINKS[actor.link.purpose]:
            return None
        # A link about its holder reaches what is theirs; any other reaches its subject alone.
        return Scope(person_id=actor.person_id if actor.link.subject_id == actor.person_id else None, link=actor.link)
    if actor == ANONYMOUS:
        return Scope(everywhere=True) if Role.ANONYMOUS in reaches else None
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
