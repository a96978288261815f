"""Entering people: one, or many at once, by the same rules.

Somebody is recognised by address and name, wherever they are active; without an address by name among the members of the
same organisation. Who is known gets what is new in memberships and grants, and nothing else of them changes. They are held until
the commit; whoever erases themselves at the same moment goes first, and is entered anew, or last, and goes with what is new.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from emon_contacts.names import identity_key
from emon_contacts.people import repository
from emon_contacts.people.rules import Entry
from emon_contracts.actors import OPERATOR
from emon_contracts.envelope import NewEvent
from emon_contracts.events.contacts import PersonChanged, PersonRegistered
from emon_contracts.values import email_key
from emon_platform import outbox
from emon_platform.database import Transaction

SOURCE = "contacts"


@dataclass(frozen=True, slots=True)
class _Recognised:
    """A person for each entry, and which of them are new."""

    person_ids: list[UUID]
    new: set[UUID]


async def enter_people(tx: Transaction, entries: Sequence[Entry], entered_by: UUID | None) -> list[UUID]:
    """Enters each; answers the person for each entry. `entered_by` is None where no person did it."""
    entered_by = _person_or_none(entered_by)
    recognised = await _recognise(tx, entries, entered_by)
    pairs = list(zip(recognised.person_ids, entries, strict=True))
    touched = await repository.add_memberships(
        tx, {(person_id, membership) for person_id, entry in pairs for membership in entry.memberships}
    )
    touched |= await repository.add_grants(tx, {(person_id, grant) for person_id, entry in pairs for grant in entry.grants})
    changed = touched - recognised.new
    if changed:
        await repository.raise_versions(tx, changed)
    await announce(tx, new=recognised.new, changed=changed, by=entered_by)
    return recognised.person_ids


async def announce(tx: Transaction, *, new: Collection[UUID], changed: Collection[UUID], by: UUID | None) -> None:
    """Tells of people in their new version: what happened, and the whole state for the directory.

    No event bears a municipality: it would tell one of them that the person is active in another.
    """
    if not new and not changed:
        return
    by = _person_or_none(by)
    events: list[NewEvent] = []
    for record, version in await repository.changed(tx, [*new, *changed]):
        person_id = record.person_id
        fact = (
            PersonRegistered(person_id=person_id, entered_by=by)
            if person_id in new
            else PersonChanged(person_id=person_id, changed_by=by)
        )
        events.append(NewEvent(fact, subject=str(person_id), sequence=version))
        events.append(NewEvent(record, subject=str(person_id), sequence=version))
    await outbox.append(tx, SOURCE, events)


def _person_or_none(by: UUID | None) -> UUID | None:
    return None if by == OPERATOR.person_id else by


async def _recognise(tx: Transaction, entries: Sequence[Entry], entered_by: UUID | None) -> _Recognised:
    person_ids: list[UUID | None] = [None] * len(entries)
    new = await _by_address(tx, entries, person_ids, entered_by) | await _by_name(tx, entries, person_ids, entered_by)
    return _Recognised([person_id for person_id in person_ids if person_id is not None], new)


async def _by_address(
    tx: Transaction, entries: Sequence[Entry], person_ids: list[UUID | None], entered_by: UUID | None
) -> set[UUID]:
    """Fills in who has an address; answers who is new. Adds first and looks then, so that twins at the same moment are one."""
    keys = {
        index: (email_key(entry.email), identity_key(entry.display_name))
        for index, entry in enumerate(entries)
        if entry.email is not None
    }
    if not keys:
        return set()
    candidates: dict[repository.AddressedName, tuple[UUID, Entry]] = {}
    for index, key in keys.items():
        candidates.setdefault(key, (uuid4(), entries[index]))
    known = await _hold_or_add(tx, candidates, entered_by)
    for index, key in keys.items():
        person_ids[index] = known[key]
    return {identifier for key, (identifier, _) in candidates.items() if known[key] == identifier}


async def _hold_or_add(
    tx: Transaction, candidates: Mapping[repository.AddressedName, tuple[UUID, Entry]], entered_by: UUID | None
) -> dict[repository.AddressedName, UUID]:
    """Who these are, each held. Somebody who was known and is erased meanwhile is looked for again, and so entered anew."""
    known: dict[repository.AddressedName, UUID] = {}
    while missing := {key: candidate for key, candidate in candidates.items() if key not in known}:
        await repository.add_people(tx, list(missing.values()), entered_by)
        found = await repository.known_people(tx, missing)
        held = await repository.hold_people(tx, found.values())
        known |= {key: person_id for key, person_id in found.items() if person_id in held}
    return known


async def _by_name(
    tx: Transaction, entries: Sequence[Entry], person_ids: list[UUID | None], entered_by: UUID | None
) -> set[UUID]:
    """Fills in who has no address; answers who is new."""
    keys = {
        index: [
            (identity_key(entry.display_name), membership.organisation_id, membership.ags) for membership in entry.memberships
        ]
        for index, entry in enumerate(entries)
        if entry.email is None
    }
    if not keys:
        return set()
    wanted = {key for of_entry in keys.values() for key in of_entry}
    await repository.lock_members(tx, {(organisation_id, ags) for _, organisation_id, ags in wanted})
    found = await repository.members_without_address(tx, wanted)
    held = await repository.hold_people(tx, found.values())
    known = {key: person_id for key, person_id in found.items() if person_id in held}
    new: dict[UUID, Entry] = {}
    for index, of_entry in keys.items():
        person_id = next((known[key] for key in of_entry if key in known), None)
        if person_id is None:
            person_id = uuid4()
            new[person_id] = entries[index]
        for key in of_entry:
            known.setdefault(key, person_id)
        person_ids[index] = person_id
    await repository.add_people(tx, list(new.items()), entered_by)
    return set(new)
