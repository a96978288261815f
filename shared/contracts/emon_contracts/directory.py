"""The directory: who there is. Whole state for each key, published by contacts on compacted topics.

Here alone does personal data travel through Kafka; erasure is a tombstone.
"""

from datetime import date
from enum import IntEnum
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from emon_contracts.actors import Engagement, Grant, Role
from emon_contracts.envelope import Payload
from emon_contracts.topics import DIRECTORY_MUNICIPALITIES, DIRECTORY_ORGANISATIONS, DIRECTORY_PEOPLE, Topic
from emon_contracts.values import Ags, Locale


class MembershipRecord(BaseModel):
    """A person is a member of an organisation in a municipality, which owns the membership."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    organisation_id: UUID
    ags: Ags
    engagement: Engagement


class Weekday(IntEnum):
    """The days of the week, numbered as in ISO 8601."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7


class AbsenceRecord(BaseModel):
    """Days on which a person is not there, both ends included."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    first_day: date
    last_day: date


class PersonRecord(Payload):
    """A person, with all memberships and grants.

    `entered_by` is who entered them, None for the operator of the platform. `working_days` None: Monday to Friday.
    """

    TYPE: ClassVar[str] = "de.emon.directory.person.v1"
    TOPIC: ClassVar[Topic] = DIRECTORY_PEOPLE

    person_id: UUID
    display_name: str
    email: str | None
    locale: Locale
    memberships: tuple[MembershipRecord, ...]
    grants: tuple[Grant, ...]
    entered_by: UUID | None = None
    working_days: tuple[Weekday, ...] | None = None
    absences: tuple[AbsenceRecord, ...] = ()

    def key(self) -> str:
        return str(self.person_id)


class OrganisationRecord(Payload):
    """An organisation, active in one or several municipalities."""

    TYPE: ClassVar[str] = "de.emon.directory.organisation.v1"
    TOPIC: ClassVar[Topic] = DIRECTORY_ORGANISATIONS

    organisation_id: UUID
    name: str
    kind: str
    municipalities: tuple[Ags, ...]

    def key(self) -> str:
        return str(self.organisation_id)


class MunicipalityRecord(Payload):
    """A municipality of the official register. `successor` is set once it was merged into another."""

    TYPE: ClassVar[str] = "de.emon.directory.municipality.v1"
    TOPIC: ClassVar[Topic] = DIRECTORY_MUNICIPALITIES

    ags: Ags
    name: str
    closed: bool = False
    successor: Ags | None = None

    def key(self) -> str:
        return self.ags


def effective_grants(memberships: tuple[MembershipRecord, ...], grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """Everything a person may act as: what was granted, and the role that each membership carries by itself."""
    implied = (
        Grant(role=Role(membership.engagement.value), ags=membership.ags, organisation_id=membership.organisation_id)
        for membership in memberships
    )
    return tuple(dict.fromkeys((*grants, *implied)))
