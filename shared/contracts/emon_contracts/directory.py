"""The directory: who there is. Whole state for each key, published by contacts on compacted topics.

Here alone does personal data travel through Kafka; erasure is a tombstone.
"""

from datetime import date, datetime
from enum import IntEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

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


class AddressChangeRecord(BaseModel):
    """An address that was proposed, until it is confirmed or its time is over; then the one before it, for some days.

    `revision` stands in the link that confirms it. `email` is where the person is written to about it: the proposed address, and
    once it is confirmed, the former one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    change_id: UUID
    revision: int
    email: str
    confirmed: bool
    by_themself: bool
    proposed_at: datetime
    expires_at: datetime


class PersonRecord(Payload):
    """A person, with all memberships and grants.

    `entered_by` is who entered them, None for the operator of the platform. `working_days` None: Monday to Friday.
    `address_changes` are those that somebody is still to be written to about.
    """

    TYPE: ClassVar[str] = "de.emon.directory.person.v1"
    TOPIC: ClassVar[Topic] = DIRECTORY_PEOPLE
    KEY: ClassVar[str] = "person_id"

    person_id: UUID
    display_name: Annotated[str, Field(examples=["Erika Mustermann"])]
    email: Annotated[str | None, Field(examples=["erika@example.org"])]
    locale: Locale
    memberships: tuple[MembershipRecord, ...]
    grants: tuple[Grant, ...]
    entered_by: UUID | None = None
    working_days: tuple[Weekday, ...] | None = None
    absences: tuple[AbsenceRecord, ...] = ()
    address_changes: tuple[AddressChangeRecord, ...] = ()


class OrganisationRecord(Payload):
    """An organisation, active in one or several municipalities."""

    TYPE: ClassVar[str] = "de.emon.directory.organisation.v1"
    TOPIC: ClassVar[Topic] = DIRECTORY_ORGANISATIONS
    KEY: ClassVar[str] = "organisation_id"

    organisation_id: UUID
    name: Annotated[str, Field(examples=["Helferkreis Musterlingen"])]
    kind: Annotated[str, Field(examples=["helper_circle"])]
    municipalities: tuple[Ags, ...]


class MunicipalityRecord(Payload):
    """A municipality of the official register. `successor` is set once it was merged into another."""

    TYPE: ClassVar[str] = "de.emon.directory.municipality.v1"
    TOPIC: ClassVar[Topic] = DIRECTORY_MUNICIPALITIES
    KEY: ClassVar[str] = "ags"

    ags: Ags
    name: Annotated[str, Field(examples=["Musterlingen"])]
    closed: bool = False
    successor: Ags | None = None


def effective_grants(memberships: tuple[MembershipRecord, ...], grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """Everything a person may act as: what was granted, and the role that each membership carries by itself."""
    implied = (
        Grant(role=Role(membership.engagement.value), ags=membership.ags, organisation_id=membership.organisation_id)
        for membership in memberships
    )
    return tuple(dict.fromkeys((*grants, *implied)))
