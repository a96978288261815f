"""Importing lists: good rows are taken, the others handed back with row, column and reason. Run again, nothing doubles.

A list is taken in chunks, each in one transaction. Should it break off in the middle, it is simply sent again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel
from uuid_utils.compat import uuid7

from emon_contacts.imports import repository
from emon_contacts.imports.organisations import take_organisations
from emon_contacts.imports.people import take_people
from emon_contacts.imports.rows import OrganisationRow, PersonRow, check_rows
from emon_contacts.imports.table import RejectedRow, Row, Table, UnreadableTable, read_table, rejected_csv
from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission, scope_of
from emon_contracts.refusals import Forbidden, Refusal, Refused
from emon_platform.database import Database, Transaction

CHUNK = 1000

RowT = TypeVar("RowT", bound=BaseModel)
Numbered = Sequence[tuple[Row, RowT]]
Take = Callable[[Transaction, Numbered[RowT]], Awaitable[list[RejectedRow]]]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an import. `rejected_csv` holds the rejected rows, to be mended and sent again."""

    accepted: int
    rejected: tuple[RejectedRow, ...]
    rejected_csv: bytes


def _no_progress(_done: int, _total: int) -> None:
    return


async def import_organisations(database: Database, actor: Actor, content: bytes, progress: Progress = _no_progress) -> Outcome:
    """Registers the organisations of a list with the columns `name,kind,ags`. Raises Refused for a list that is none."""
    table, good, rejected = await _read(
        actor, Permission.ORGANISATION_WRITE, content, OrganisationRow, ("name", "kind", "ags"), ()
    )
    return await _take(database, actor, Permission.ORGANISATION_WRITE, table, good, rejected, take_organisations, progress)


async def import_people(database: Database, actor: Actor, content: bytes, progress: Progress = _no_progress) -> Outcome:
    """Enters the people of a list with the columns `email,display_name,locale,organisation,engagement[,ags]`.

    Raises Refused for a list that is none.
    """
    required = ("email", "display_name", "locale", "organisation", "engagement")
    table, good, rejected = await _read(actor, Permission.PERSON_WRITE, content, PersonRow, required, ("ags",))
    return await _take(database, actor, Permission.PERSON_WRITE, table, good, rejected, take_people, progress)


async def keep_outcome(database: Database, actor: Actor, permission: Permission, resource: str, outcome: Outcome) -> UUID:
    """Keeps the rejected rows for the caller; answers the id of the import."""
    import_id = uuid7()
    async with database.transaction(actor, permission) as tx:
        await repository.keep(tx, import_id, resource, outcome.rejected_csv)
    return import_id


async def _read(
    actor: Actor,
    permission: Permission,
    content: bytes,
    model: type[RowT],
    required: Sequence[str],
    optional: Sequence[str],
) -> tuple[Table, list[tuple[Row, RowT]], list[RejectedRow]]:
    if scope_of(actor, permission) is None:
        raise Forbidden(permission.value)

    def read() -> tuple[Table, list[tuple[Row, RowT]], list[RejectedRow]]:
        table = read_table(content, required, optional)
        return table, *check_rows(table, model)

    try:
        # In a thread, so that a list of 8 MiB does not keep other requests waiting.
        return await asyncio.to_thread(read)
    except UnreadableTable as error:
        raise Refused(Refusal("unreadable-list", str(error))) from error


async def _take(
    database: Database,
    actor: Actor,
    permission: Permission,
    table: Table,
    good: Numbered[RowT],
    rejected: list[RejectedRow],
    take: Take[RowT],
    progress: Progress,
) -> Outcome:
    progress(0, len(good))
    for start in range(0, len(good), CHUNK):
        async with database.transaction(actor, permission) as tx:
            rejected += await take(tx, good[start : start + CHUNK])
        progress(min(start + CHUNK, len(good)), len(good))
    rejected.sort(key=lambda item: item.row)
    return Outcome(len(table.rows) - len(rejected), tuple(rejected), rejected_csv(table, rejected))
