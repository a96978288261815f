"""What can be done with a list on its way in: hand it in, say what its columns hold, take it step by step."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from uuid_utils.compat import uuid7

from emon_contacts.import_drafts import repository
from emon_contacts.import_drafts.judging import RowOutcome, judge
from emon_contacts.import_drafts.repository import JudgedRow
from emon_contacts.import_drafts.rules import ALREADY_TAKING, NOT_MATCHED, Defaults, Draft, Matching, PersonField, guess, match
from emon_contacts.import_drafts.sheet import Sheet, write_refused
from emon_contacts.import_drafts.wording import reason
from emon_contacts.imports.table import UnreadableTable
from emon_contacts.organisations.repository import areas_in_reach
from emon_contacts.people.entering import enter_people
from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission, scope_of
from emon_contracts.refusals import Forbidden, NotFound, Refusal, Refused
from emon_platform.database import Database, Transaction

STEP_ROWS = 500
SAMPLE_ROWS = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A draft with its first rows, from which its columns can be told."""

    draft: Draft
    first_rows: Sequence[Sequence[str]]


async def hand_in(database: Database, actor: Actor, content: bytes, read: Callable[[bytes], Sheet]) -> Shown:
    """Keeps a list for the caller, with a guess of what its columns hold. Raises Refused for a list that cannot be read."""
    if scope_of(actor, Permission.PERSON_WRITE) is None:
        raise Forbidden(Permission.PERSON_WRITE.value)
    try:
        # In a thread, so that a list of 8 MiB does not keep other requests waiting.
        sheet = await asyncio.to_thread(read, content)
    except UnreadableTable as error:
        raise Refused(Refusal("unreadable-list", str(error))) from error
    draft_id = uuid7()
    fields = guess(sheet.header, [row.cells for row in sheet.rows[:SAMPLE_ROWS]])
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        await repository.add(tx, draft_id, sheet, fields)
        return await _shown(tx, draft_id)


async def show(database: Database, actor: Actor, draft_id: UUID) -> Shown:
    """A draft of the caller's. Raises NotFound."""
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        return await _shown(tx, draft_id)


async def match_columns(
    database: Database, actor: Actor, draft_id: UUID, columns: Mapping[str, PersonField | None], defaults: Defaults
) -> Shown:
    """Says what each column holds, and looks over what would become of every row. Raises NotFound and Refused."""
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        draft = await _locked(tx, draft_id)
        if draft.position > 0:
            raise Refused(ALREADY_TAKING)
        fields = match(len(draft.header), columns)
        if isinstance(fields, Refusal):
            raise Refused(fields)
        organisation_id = defaults.organisation_id
        if organisation_id is not None and not await areas_in_reach(tx, [organisation_id]):
            raise Refused(
                Refusal("unknown-organisation", "There is no such organisation, or not for you.", "/defaults/organisation_id")
            )
        matching = Matching(fields, defaults)
        judged = None if matching.missing() else await judge(tx, matching, await repository.rows_to_take(tx, draft, None))
        await repository.save_matching(tx, draft_id, matching, judged)
        return await _shown(tx, draft_id)


async def take_step(database: Database, actor: Actor, draft_id: UUID) -> Draft:
    """Takes the next rows; nothing where all are taken. Raises NotFound and Refused.

    Rows and position stand or fall together, and two steps wait for each other: so no row is taken twice.
    """
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        draft = await _locked(tx, draft_id)
        if draft.expected is None:
            raise Refused(NOT_MATCHED)
        judged = await judge(tx, draft.matching, await repository.rows_to_take(tx, draft, STEP_ROWS))
        if not judged:
            return draft
        await enter_people(tx, [item.entry for item in judged if item.entry is not None], actor.person_id)
        await repository.save_step(tx, draft, judged)
        return await _found(tx, draft_id)


async def look_over(
    database: Database, actor: Actor, draft_id: UUID, outcome: RowOutcome | None, after: int, limit: int
) -> tuple[Draft, list[JudgedRow]]:
    """The next rows behind a number, all or those with this outcome. Raises NotFound."""
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        draft = await _found(tx, draft_id)
        return draft, await repository.judged_rows(tx, draft, outcome, after, limit)


async def refused_csv(database: Database, actor: Actor, draft_id: UUID) -> bytes:
    """The refused rows with their reasons in German, to be mended and handed in again. Raises NotFound."""
    async with database.transaction(actor, Permission.PERSON_WRITE) as tx:
        draft = await _found(tx, draft_id)
        rows = await repository.refused_rows(tx, draft)
    return write_refused(draft.header, [(row.cells, reason(row.refusals)) for row in rows])


async def _locked(tx: Transaction, draft_id: UUID) -> Draft:
    await repository.lock(tx, draft_id)
    return await _found(tx, draft_id)


async def _found(tx: Transaction, draft_id: UUID) -> Draft:
    draft = await repository.draft_of_caller(tx, draft_id)
    if draft is None:
        raise NotFound("import draft", draft_id)
    return draft


async def _shown(tx: Transaction, draft_id: UUID) -> Shown:
    draft = await _found(tx, draft_id)
    return Shown(draft, await repository.first_rows(tx, draft_id, SAMPLE_ROWS))
