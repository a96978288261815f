"""What holds for organisations."""

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from emon_contracts.permissions import Scope
from emon_contracts.refusals import Refusal
from emon_contracts.values import Ags


class OrganisationKind(StrEnum):
    """What an organisation is."""

    MUNICIPALITY = "municipality"
    DISTRICT_OFFICE = "district_office"
    STATE_AUTHORITY = "state_authority"
    FEDERAL_AUTHORITY = "federal_authority"
    INDEPENDENT_PROVIDER = "independent_provider"
    WELFARE_ASSOCIATION = "welfare_association"
    PARISH = "parish"
    CARE_ASSOCIATION = "care_association"
    ACCOMMODATION = "accommodation"
    HELPER_CIRCLE = "helper_circle"
    OTHER = "other"


class Organisation(NamedTuple):
    """An organisation, with the municipalities it is active in: all of them, or those that a caller sees."""

    id: UUID
    name: str
    kind: OrganisationKind
    version: int
    municipalities: tuple[Ags, ...]


ORGANISATION_EXISTS = Refusal(
    "organisation-exists", "An organisation of this name is registered in this municipality.", "/name", conflict=True
)


def unknown_municipality(ags: Ags, pointer: str) -> Refusal:
    """A municipality that the register does not know, that is closed, or that is another's: all the same for a caller."""
    return Refusal("unknown-municipality", f"{ags} is no municipality in which you may do this.", pointer)


def check_municipality(scope: Scope, ags: Ags, open_municipalities: Collection[Ags], pointer: str) -> Refusal | None:
    """An organisation becomes active in an open municipality of the caller's."""
    if scope.covers(ags) and ags in open_municipalities:
        return None
    return unknown_municipality(ags, pointer)


def check_change(scope: Scope, organisation: Organisation) -> Refusal | None:
    """Name and kind are the same everywhere, so only who is responsible everywhere changes them."""
    if all(scope.covers(ags) for ags in organisation.municipalities):
        return None
    return Refusal(
        "organisation-shared",
        "This organisation is active in other municipalities too; the platform's administration can change it.",
        conflict=True,
    )
