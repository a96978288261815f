"""Events of contacts."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from emon_contracts.envelope import Payload
from emon_contracts.topics import CONTACTS_EVENTS, Topic
from emon_contracts.values import Ags


class OrganisationRegistered(Payload):
    """An organisation became active in its first municipality."""

    TYPE: ClassVar[str] = "de.emon.contacts.organisation-registered.v1"
    TOPIC: ClassVar[Topic] = CONTACTS_EVENTS
    KEY: ClassVar[str] = "organisation_id"

    organisation_id: UUID
    kind: Annotated[str, Field(examples=["helper_circle"])]
    municipalities: tuple[Ags, ...]


class PersonRegistered(Payload):
    """Somebody was entered for the first time. `entered_by` is None for the operator of the platform."""

    TYPE: ClassVar[str] = "de.emon.contacts.person-registered.v1"
    TOPIC: ClassVar[Topic] = CONTACTS_EVENTS
    KEY: ClassVar[str] = "person_id"

    person_id: UUID
    entered_by: UUID | None


class PersonChanged(Payload):
    """Name, address, language, working week, memberships or grants changed; the directory holds the new state."""

    TYPE: ClassVar[str] = "de.emon.contacts.person-changed.v1"
    TOPIC: ClassVar[Topic] = CONTACTS_EVENTS
    KEY: ClassVar[str] = "person_id"

    person_id: UUID
    changed_by: UUID | None


class PersonErased(Payload):
    """Somebody was erased. The directory holds a tombstone; whoever keeps something about the person drops it."""

    TYPE: ClassVar[str] = "de.emon.contacts.person-erased.v1"
    TOPIC: ClassVar[Topic] = CONTACTS_EVENTS
    KEY: ClassVar[str] = "person_id"

    person_id: UUID
