"""Publishing the directory anew: all state, each in a new version, marked `replayed`. Nobody is mailed for it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from emon_contacts.organisations import repository as organisations
from emon_contacts.people import repository as people
from emon_contacts.republishing import repository
from emon_contracts.directory import MunicipalityRecord, OrganisationRecord, PersonRecord
from emon_contracts.envelope import NewEvent, Payload, Tombstone
from emon_platform import outbox
from emon_platform.database import Transaction

SOURCE = "contacts"
CHUNK = 1000

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Known:
    """What the log holds: for each key of each directory topic the highest version. Empty where the log is new.

    Contacts goes above it, so that nobody takes an older record for the newer one; and ends what contacts no longer knows.
    """

    municipalities: Mapping[str, int] = field(default_factory=dict[str, int])
    organisations: Mapping[str, int] = field(default_factory=dict[str, int])
    people: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Republished:
    """How much was published, and how many keys were ended that contacts does not know."""

    municipalities: int
    organisations: int
    people: int
    ended: int


async def republish_directory(tx: Transaction, known: Known) -> Republished:
    """Publishes it in this transaction: states first that others refer to, then the ends."""
    municipalities = await repository.all_municipalities(tx)
    for chunk in _chunks(municipalities):
        rows = await repository.raise_municipalities(tx, [(ags, known.municipalities.get(ags, 0)) for ags in chunk])
        records = [
            _state(
                MunicipalityRecord(
                    ags=row["ags"], name=row["name"], closed=row["closed_on"] is not None, successor=row["successor"]
                ),
                row["version"],
                row["ags"],
            )
            for row in rows
        ]
        await outbox.append(tx, SOURCE, records, replayed=True)
    organisation_ids = await repository.all_organisations(tx)
    for chunk in _chunks(organisation_ids):
        await repository.raise_organisations(tx, [(item, known.organisations.get(str(item), 0)) for item in chunk])
        records = [
            _state(
                OrganisationRecord(
                    organisation_id=organisation.id,
                    name=organisation.name,
                    kind=organisation.kind.value,
                    municipalities=organisation.municipalities,
                ),
                organisation.version,
                organisation.municipalities[0],
            )
            for organisation in await organisations.changed(tx, chunk)
        ]
        await outbox.append(tx, SOURCE, records, replayed=True)
    person_ids = await repository.all_people(tx)
    for chunk in _chunks(person_ids):
        await repository.raise_people(tx, [(item, known.people.get(str(item), 0)) for item in chunk])
        records = [_state(record, version) for record, version in await people.changed(tx, chunk)]
        await outbox.append(tx, SOURCE, records, replayed=True)
    ended = await _end_what_is_unknown(tx, known, organisation_ids, person_ids)
    return Republished(len(municipalities), len(organisation_ids), len(person_ids), ended)


async def _end_what_is_unknown(
    tx: Transaction, known: Known, organisation_ids: Collection[UUID], person_ids: Collection[UUID]
) -> int:
    """Tombstones: for everybody who was erased, and for what stands in the log and not here."""
    here = {str(identifier) for identifier in (*organisation_ids, *person_ids)}
    erased = {str(row["id"]): row["version"] for row in await repository.all_erased(tx)}
    strangers = {key: version for key, version in known.people.items() if key not in here and key not in erased}
    ends = [
        *(_end(PersonRecord, key, max(version, known.people.get(key, 0))) for key, version in erased.items()),
        *(_end(PersonRecord, key, version + 1) for key, version in strangers.items()),
        *(_end(OrganisationRecord, key, version + 1) for key, version in known.organisations.items() if key not in here),
    ]
    for chunk in _chunks(ends):
        await outbox.append(tx, SOURCE, chunk, replayed=True)
    return len(ends) - len(erased)


def _state(payload: Payload, version: int, tenant: str | None = None) -> NewEvent:
    return NewEvent(payload, subject=payload.key(), sequence=version, tenant=tenant)


def _end(record: type[Payload], key: str, version: int) -> Tombstone:
    return Tombstone(record.TOPIC, record.TYPE, key, version)


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
