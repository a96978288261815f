"""Who lives in a soak: the ids that the platform gave to circles and people, and the sessions of those who do something."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from emon_operator.demo_client import Browser

from tests.faults.soak.asking import Asking
from tests.faults.soak.deeds import Guest

AGS = "08999101"

Known = TypeVar("Known")


@dataclass
class Town:
    """By the numbers of the plan. `admin` is the administration's session, and `visitor` has none."""

    visitor: Browser
    admin: Browser
    asking: Asking
    circles: list[str] = field(default_factory=list[str])
    people: dict[int, str] = field(default_factory=dict[int, str])
    sessions: dict[int, Browser] = field(default_factory=dict[int, Browser])

    def person(self, guest: Guest) -> str:
        """Their id."""
        return self.people[guest.person]

    def session(self, guest: Guest) -> Browser:
        """Theirs."""
        return self.sessions[guest.person]

    def circle(self, number: int | None) -> str:
        """Its id."""
        assert number is not None, "the plan names a circle here"
        return self.circles[number]


def by_id(ids: Mapping[int, str], known: Mapping[int, Known]) -> dict[UUID, Known]:
    """What is known by numbers of the plan, by the ids of the platform."""
    return {UUID(ids[number]): value for number, value in known.items()}
