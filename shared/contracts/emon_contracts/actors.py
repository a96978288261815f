"""Who acts: a person with grants, or somebody who holds a link."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from emon_contracts.values import Ags


class Role(StrEnum):
    """What a person is for a scope. The last two are not granted: everybody is themself, and some say nothing of who they are."""

    NETWORK_ADMIN = "network_admin"
    COORDINATOR = "coordinator"
    STAFF = "staff"
    CIRCLE_SPEAKER = "circle_speaker"
    VOLUNTEER = "volunteer"
    THEMSELF = "themself"
    ANONYMOUS = "anonymous"


class Engagement(StrEnum):
    """The side on which a person is a member: paid or voluntary."""

    STAFF = "staff"
    VOLUNTEER = "volunteer"


ROLES_OF_MUNICIPALITIES = frozenset({Role.COORDINATOR})
ROLES_OF_ORGANISATIONS = frozenset({Role.STAFF, Role.CIRCLE_SPEAKER, Role.VOLUNTEER})
GRANTABLE_ROLES = frozenset({Role.NETWORK_ADMIN}) | ROLES_OF_MUNICIPALITIES | ROLES_OF_ORGANISATIONS


class Grant(BaseModel):
    """A role for a scope.

    `network_admin` has none; `coordinator` a municipality; the others an organisation in one municipality, so that a
    role in an organisation that is active in many reaches no further than the municipality that granted it.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"role": "coordinator", "ags": "08115003"}]}
    )

    role: Role
    ags: Ags | None = None
    organisation_id: UUID | None = None

    @model_validator(mode="after")
    def _scope_fits_role(self) -> Self:
        if self.role not in GRANTABLE_ROLES:
            raise PydanticCustomError("role", "is not a role that can be granted")
        needs_organisation = self.role in ROLES_OF_ORGANISATIONS
        if needs_organisation != (self.organisation_id is not None):
            raise PydanticCustomError("scope", "organisation_id belongs to staff, circle_speaker and volunteer, and only to them")
        if (self.role is not Role.NETWORK_ADMIN) != (self.ags is not None):
            raise PydanticCustomError("scope", "every role but network_admin is for a municipality (ags)")
        return self


class LinkPurpose(StrEnum):
    """What a link in a mail is for, the sign-in link aside, which opens a session instead."""

    INVITATION = "invitation"
    FEEDBACK = "feedback"
    CORRECTION = "correction"
    ERASURE = "erasure"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class LinkCapability:
    """The one thing that a link in a mail allows: to see and act on `subject_id` for `purpose`."""

    purpose: LinkPurpose
    subject_id: UUID
    revision: int


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a command. With a `link`, the grants are empty: a link never widens into a session."""

    person_id: UUID
    grants: tuple[Grant, ...] = ()
    link: LinkCapability | None = None


# Whoever uses a route for which the gateway strips every identity. The max UUID (RFC 9562 section 5.10) is nobody's id either.
ANONYMOUS = Actor(person_id=UUID(int=2**128 - 1))

# The operator at the machine itself, who needs no sign-in. The nil UUID (RFC 9562 section 5.9) is nobody's id.
OPERATOR = Actor(person_id=UUID(int=0), grants=(Grant(role=Role.NETWORK_ADMIN),))
