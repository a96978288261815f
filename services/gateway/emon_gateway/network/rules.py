"""Which numbers are told. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LOOKED_BACK = LOOKED_AHEAD = timedelta(days=90)

FEEDBACK_FROM_PEOPLE = 5
"""Feedback is counted only where so many people could have written it: a count of one would otherwise tell who did.

All other numbers are shown as they are: what they count, the administration may read one by one.
"""


class OrganisationGroup(StrEnum):
    """The three groups that a network is complete with, and what is none of them."""

    AUTHORITIES = "authorities"
    HELPER_CIRCLES = "helper_circles"
    PROVIDERS = "providers"
    OTHERS = "others"


_GROUPS: Mapping[str, OrganisationGroup] = {
    "municipality": OrganisationGroup.AUTHORITIES,
    "district_office": OrganisationGroup.AUTHORITIES,
    "state_authority": OrganisationGroup.AUTHORITIES,
    "federal_authority": OrganisationGroup.AUTHORITIES,
    "accommodation": OrganisationGroup.AUTHORITIES,
    "helper_circle": OrganisationGroup.HELPER_CIRCLES,
    "independent_provider": OrganisationGroup.PROVIDERS,
    "welfare_association": OrganisationGroup.PROVIDERS,
    "parish": OrganisationGroup.PROVIDERS,
    "care_association": OrganisationGroup.PROVIDERS,
}


@dataclass(frozen=True, slots=True)
class FeedbackCounts:
    """Feedback of a municipality: what waits now, and what was answered within LOOKED_BACK."""

    open: int
    overdue: int
    answered: int
    answered_in_time: int


def organisations_by_group(by_kind: Mapping[str, int]) -> dict[OrganisationGroup, int]:
    """How many organisations there are of each group."""
    counts = dict.fromkeys(OrganisationGroup, 0)
    for kind, count in by_kind.items():
        counts[_GROUPS.get(kind, OrganisationGroup.OTHERS)] += count
    return counts


def feedback_shown(counts: FeedbackCounts, people: int) -> FeedbackCounts | None:
    """The counts, or None where too few people could have written it."""
    return counts if people >= FEEDBACK_FROM_PEOPLE else None
