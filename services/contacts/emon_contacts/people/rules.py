"""Who may be entered, and as what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from emon_contacts.organisations.rules import OrganisationKind, unknown_municipality
from emon_contracts.actors import (
    ROLES_OF_MUNICIPALITIES,
    ROLES_OF_ORGANISATIONS,
    Actor,
    Engagement,
    Grant,
    Role,
)
from emon_contracts.directory import MembershipRecord
from emon_contracts.permissions import Scope, may_grant
from emon_contracts.refusals import Refusal
from emon_contracts.values import Ags, Locale

# For each organisation that the caller reaches: where it is active in their reach, and what it is.
Areas = Mapping[UUID, Sequence[tuple[Ags, OrganisationKind]]]


@dataclass(frozen=True, slots=True)
class WantedMembership:
    """A membership as somebody asks for it; the municipality may be left out where there is only one."""

    organisation_id: UUID
    engagement: Engagement
    ags: Ags | None = None


@dataclass(frozen=True, slots=True)
class WantedGrant:
    """A grant as somebody asks for it; the municipality of an organisation may be left out where there is only one."""

    role: Role
    ags: Ags | None = None
    organisation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody whom others enter, with memberships and grants that were found to be theirs to give."""

    display_name: str
    email: str | None
    locale: Locale
    memberships: tuple[MembershipRecord, ...] = ()
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A person, with the memberships and grants that the caller sees. `etag_seed` goes into entity tags and nowhere else."""

    id: UUID
    display_name: str
    email: str | None
    locale: Locale
    version: int
    etag_seed: UUID
    memberships: tuple[MembershipRecord, ...]
    grants: tuple[Grant, ...]


PERSON_EXISTS = Refusal("person-exists", "Somebody of this name uses the same address already.", "/display_name", conflict=True)
PERSON_SHARED = Refusal(
    "person-shared",
    "This person is active in other municipalities too; they or the platform's administration can change it.",
    conflict=True,
)


def grant_of(membership: MembershipRecord) -> Grant:
    """The role that a membership carries by itself."""
    return Grant(role=Role(membership.engagement.value), ags=membership.ags, organisation_id=membership.organisation_id)


def resolve_memberships(
    actor: Actor, wanted: Sequence[WantedMembership], areas: Areas, pointer: str
) -> tuple[list[MembershipRecord], list[Refusal]]:
    """The memberships as they will be, and what stands against the others, by their place in the list at `pointer`."""
    memberships: list[MembershipRecord] = []
    refusals: list[Refusal] = []
    for index, item in enumerate(wanted):
        place = f"{pointer}/{index}" if pointer else ""
        found = _municipality(areas, item.organisation_id, item.ags, place)
        if isinstance(found, Refusal):
            refusals.append(found)
            continue
        membership = MembershipRecord(organisation_id=item.organisation_id, ags=found[0], engagement=item.engagement)
        if may_grant(actor, grant_of(membership)):
            memberships.append(membership)
        else:
            refusals.append(_beyond_own(place))
    return memberships, refusals


def resolve_grants(
    actor: Actor, wanted: Sequence[WantedGrant], areas: Areas, open_municipalities: Iterable[Ags], pointer: str
) -> tuple[list[Grant], list[Refusal]]:
    """The grants as they will be, and what stands against the others, by their place in the list at `pointer`."""
    known = frozenset(open_municipalities)
    grants: list[Grant] = []
    refusals: list[Refusal] = []
    for index, item in enumerate(wanted):
        grant = _grant(actor, item, areas, known, f"{pointer}/{index}" if pointer else "")
        if isinstance(grant, Refusal):
            refusals.append(grant)
        else:
            grants.append(grant)
    return grants, refusals


def _grant(actor: Actor, wanted: WantedGrant, areas: Areas, open_municipalities: frozenset[Ags], pointer: str) -> Grant | Refusal:
    if (wanted.role in ROLES_OF_ORGANISATIONS) != (wanted.organisation_id is not None):
        return Refusal(
            "scope-of-role",
            "organisation_id belongs to staff, circle_speaker and volunteer, and only to them.",
            f"{pointer}/organisation_id",
        )
    if wanted.role in ROLES_OF_MUNICIPALITIES and wanted.ags is None:
        return Refusal("scope-of-role", "A coordinator is one of a municipality: give its ags.", f"{pointer}/ags")
    if wanted.role is Role.NETWORK_ADMIN and wanted.ags is not None:
        return Refusal("scope-of-role", "network_admin has no scope: leave ags out.", f"{pointer}/ags")
    ags = wanted.ags
    if wanted.organisation_id is not None:
        found = _municipality(areas, wanted.organisation_id, wanted.ags, pointer)
        if isinstance(found, Refusal):
            return found
        ags, kind = found
        if wanted.role is Role.CIRCLE_SPEAKER and kind is not OrganisationKind.HELPER_CIRCLE:
            return Refusal("not-a-helper-circle", "Only a helper circle has a speaker.", f"{pointer}/organisation_id")
    grant = Grant(role=wanted.role, ags=ags, organisation_id=wanted.organisation_id)
    if not may_grant(actor, grant):
        return _beyond_own(pointer)
    if wanted.organisation_id is None and ags is not None and ags not in open_municipalities:
        return unknown_municipality(ags, f"{pointer}/ags")
    return grant


def _municipality(areas: Areas, organisation_id: UUID, ags: Ags | None, pointer: str) -> tuple[Ags, OrganisationKind] | Refusal:
    found = areas.get(organisation_id, ())
    if not found:
        return Refusal("unknown-organisation", "There is no such organisation, or not for you.", f"{pointer}/organisation_id")
    if ags is not None:
        found = [area for area in found if area[0] == ags]
        if not found:
            return Refusal("not-active-there", f"The organisation is not active in {ags}, or not for you.", f"{pointer}/ags")
    if len(found) > 1:
        return Refusal("which-municipality", "The organisation is active in several municipalities: give ags.", f"{pointer}/ags")
    return found[0]


def _beyond_own(pointer: str) -> Refusal:
    return Refusal("grant-beyond-own", "Nobody grants a role or a scope beyond their own.", pointer)


def check_reach(scope: Scope, memberships: Sequence[WantedMembership], grants: Sequence[WantedGrant]) -> Refusal | None:
    """Who is entered has something in the caller's municipalities; else the caller would never see them again."""
    if scope.everywhere or memberships or grants:
        return None
    return Refusal("no-membership", "Give at least one membership or grant.", "/memberships")


def check_change(scope: Scope, memberships: Iterable[MembershipRecord], grants: Iterable[Grant]) -> Refusal | None:
    """A person belongs to themselves: name and language are changed by others only where nobody else is concerned."""
    if scope.everywhere:
        return None
    ags = {membership.ags for membership in memberships} | {grant.ags for grant in grants}
    if all(item is not None and scope.covers(item) for item in ags):
        return None
    return PERSON_SHARED
