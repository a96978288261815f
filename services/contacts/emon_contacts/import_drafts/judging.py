"""What would become of rows, or becomes of them: one judgement for the preview and for the taking."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from emon_contacts.import_drafts.rules import Matching, names_organisation, values_of
from emon_contacts.imports.people import Areas, entry_of
from emon_contacts.imports.rows import PersonRow, RowRefusal, check_row
from emon_contacts.imports.table import Row
from emon_contacts.names import identity_key
from emon_contacts.organisations.repository import areas_of_names, visible_organisation
from emon_contacts.people.foreseeing import Outcome, foresee
from emon_contacts.people.rules import Entry
from emon_contacts.visibility import visibility_of
from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_platform.database import Transaction


class RowOutcome(StrEnum):
    """What becomes of a row: somebody new, something new for somebody known, nothing, or it is refused."""

    NEW = Outcome.NEW.value
    CHANGED = Outcome.CHANGED.value
    UNCHANGED = Outcome.UNCHANGED.value
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a row: an entry, or refusals."""

    number: int
    outcome: RowOutcome
    entry: Entry | None = None
    refusals: tuple[RowRefusal, ...] = ()


@dataclass(frozen=True, slots=True)
class _ByDefault:
    """The organisation that is meant where a row names none."""

    name: str = ""
    areas: Areas = ()


Refusals = tuple[RowRefusal, ...]


async def judge(tx: Transaction, matching: Matching, rows: Sequence[Row]) -> list[Judgement]:
    """Judges rows in their order, each as if those before were taken."""
    by_default = await _organisation_by_default(tx, matching.defaults.organisation_id)
    # In threads, so that thousands of rows do not keep other requests waiting.
    listed = await asyncio.to_thread(_listed, matching, rows, by_default)
    named = await areas_of_names(tx, {identity_key(item.organisation) for item in listed if isinstance(item, PersonRow)})
    entries = await asyncio.to_thread(_entries, tx.actor, matching, rows, listed, named, by_default)
    foreseen = iter(await foresee(tx, [entry for entry in entries if isinstance(entry, Entry)]))
    return [
        Judgement(row.number, RowOutcome(next(foreseen)), entry)
        if isinstance(entry, Entry)
        else Judgement(row.number, RowOutcome.REFUSED, refusals=entry)
        for row, entry in zip(rows, entries, strict=True)
    ]


def _listed(matching: Matching, rows: Sequence[Row], by_default: _ByDefault) -> list[PersonRow | Refusals]:
    return [check_row(values_of(matching, row.cells, by_default.name), PersonRow) for row in rows]


def _entries(
    actor: Actor,
    matching: Matching,
    rows: Sequence[Row],
    listed: Sequence[PersonRow | Refusals],
    named: Mapping[str, Areas],
    by_default: _ByDefault,
) -> list[Entry | Refusals]:
    entries: list[Entry | Refusals] = []
    for row, item in zip(rows, listed, strict=True):
        if isinstance(item, tuple):
            entries.append(item)
            continue
        from_row = names_organisation(matching, row.cells)
        entry = entry_of(actor, item, named.get(identity_key(item.organisation), ()) if from_row else by_default.areas)
        entries.append(entry if isinstance(entry, Entry) else (entry,))
    return entries


async def _organisation_by_default(tx: Transaction, organisation_id: UUID | None) -> _ByDefault:
    if organisation_id is None:
        return _ByDefault()
    organisation = await visible_organisation(tx, visibility_of(tx.actor, Permission.PERSON_WRITE), organisation_id)
    if organisation is None:
        return _ByDefault()
    return _ByDefault(organisation.name, [(organisation_id, ags) for ags in organisation.municipalities])
