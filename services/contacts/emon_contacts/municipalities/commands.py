"""Importing the register of municipalities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from emon_contacts.municipalities import repository
from emon_contacts.municipalities.register_file import RegisterFile
from emon_contacts.municipalities.rules import Municipality, RegisterUpdate, compare
from emon_contracts.actors import Actor
from emon_contracts.directory import MunicipalityRecord
from emon_contracts.envelope import NewEvent
from emon_contracts.permissions import Permission
from emon_contracts.refusals import Refusal, Refused
from emon_contracts.values import Ags
from emon_platform import outbox
from emon_platform.database import Database, Transaction

SOURCE = "contacts"
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed."""

    as_of: date
    new: int
    changed: int
    closed: int
    unchanged: int
    outdated_states: tuple[str, ...]


def _no_progress(_done: int, _total: int) -> None:
    return


async def import_register(
    database: Database,
    actor: Actor,
    file: RegisterFile,
    *,
    successors: Mapping[Ags, Ags] | None = None,
    accept_closures: bool = False,
    progress: Callable[[int, int], None] = _no_progress,
) -> Imported:
    """Takes a register over, whole or not at all. `progress` is told how many municipalities of how many are done.

    Raises Refused for a file that is no register, or that would close too much.
    """
    if file.as_of is None or not file.municipalities:
        raise Refused(Refusal("no-register", "No record of a municipality (type 60) was found. Is this a GV100AD file?"))
    as_of = file.as_of
    told = [
        Municipality(entry.ags, entry.name, entry.type_code, entry.population, entry.area_hectares, entry.post_code, as_of)
        for entry in file.municipalities
    ]
    async with database.transaction(actor, Permission.MUNICIPALITY_WRITE) as tx:
        await repository.lock_for_import(tx)
        known = await repository.all_municipalities(tx)
        update = compare(
            known, told, file.complete_states, file.unclear, as_of, successors or {}, accept_closures=accept_closures
        )
        if isinstance(update, Refusal):
            raise Refused(update)
        await _save(tx, update, as_of, len(told), progress)
    return Imported(
        as_of=as_of,
        new=len(update.new),
        changed=len(update.changed) - len(update.closed),
        closed=len(update.closed),
        unchanged=len(told) - len(update.new) - (len(update.changed) - len(update.closed)),
        outdated_states=update.outdated_states,
    )


async def _save(tx: Transaction, update: RegisterUpdate, as_of: date, total: int, progress: Callable[[int, int], None]) -> None:
    # New ones first: a successor has to be there before it is named.
    wanted = [*update.new, *sorted(update.changed, key=lambda item: item.successor is not None)]
    progress(0, total)
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        await repository.save(tx, chunk)
        await outbox.append(tx, SOURCE, [_record(municipality) for municipality in chunk])
        progress(min(start + CHUNK, total), total)
    await repository.confirm(tx, update.confirmed, as_of)
    progress(total, total)


def _record(municipality: Municipality) -> NewEvent:
    return NewEvent(
        MunicipalityRecord(
            ags=municipality.ags,
            name=municipality.name,
            closed=not municipality.is_open,
            successor=municipality.successor,
        ),
        subject=municipality.ags,
        sequence=municipality.version,
        tenant=municipality.ags,
    )
