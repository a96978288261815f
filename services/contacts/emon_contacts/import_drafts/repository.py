"""All SQL of drafts of imports. Only the person who handed a draft in sees it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from emon_contacts.import_drafts.judging import Judgement, RowOutcome
from emon_contacts.import_drafts.rules import Defaults, Draft, Matching, PersonField
from emon_contacts.import_drafts.sheet import Sheet
from emon_contacts.imports.rows import RowRefusal
from emon_contacts.imports.table import Row
from emon_contracts.actors import Engagement
from emon_contracts.values import Locale
from emon_platform.database import Transaction

KEPT_FOR_HOURS = 24

_REFUSALS = TypeAdapter(tuple[RowRefusal, ...])


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """A row with what becomes of it; None until the columns are matched. `taken` says that it has become so."""

    number: int
    cells: tuple[str, ...]
    outcome: RowOutcome | None
    refusals: tuple[RowRefusal, ...]
    taken: bool


async def add(tx: Transaction, draft_id: UUID, sheet: Sheet, fields: Sequence[PersonField | None]) -> None:
    """Keeps a list for the caller."""
    await tx.execute(
        "INSERT INTO import_drafts (id, drafted_by, sheet, header, fields, row_count) VALUES ($1, $2, $3, $4, $5, $6)",
        draft_id,
        tx.actor.person_id,
        sheet.name,
        list(sheet.header),
        list(fields),
        len(sheet.rows),
    )
    await tx.execute(
        """
        INSERT INTO import_draft_rows (draft_id, number, cells)
        SELECT $1, listed.number, ARRAY(SELECT jsonb_array_elements_text(listed.cells))
        FROM unnest($2::integer[], $3::jsonb[]) AS listed (number, cells)
        """,
        draft_id,
        [row.number for row in sheet.rows],
        [json.dumps(row.cells) for row in sheet.rows],
    )


async def lock(tx: Transaction, draft_id: UUID) -> None:
    """Waits for whoever matches or takes the same draft."""
    await tx.execute("SELECT FROM import_drafts WHERE id = $1 FOR UPDATE", draft_id)


async def draft_of_caller(tx: Transaction, draft_id: UUID) -> Draft | None:
    """A draft of the caller's, as long as it is kept."""
    row = await tx.fetchrow(
        """
        SELECT draft.*,
               (
                   SELECT count(*)
                   FROM import_draft_rows AS listed
                   WHERE listed.draft_id = draft.id AND listed.number > draft.position
               ) AS left_to_take
        FROM import_drafts AS draft
        WHERE draft.id = $1
          AND draft.drafted_by = $2
          AND draft.created_at > now() - make_interval(hours => $3)
        """,
        draft_id,
        tx.actor.person_id,
        KEPT_FOR_HOURS,
    )
    return None if row is None else _draft(row)


def _draft(row: Any) -> Draft:
    defaults = Defaults(
        row["default_organisation_id"],
        None if row["default_engagement"] is None else Engagement(row["default_engagement"]),
        row["default_ags"],
        None if row["default_locale"] is None else Locale(row["default_locale"]),
    )
    return Draft(
        row["id"],
        row["sheet"],
        tuple(row["header"]),
        Matching(tuple(None if field is None else PersonField(field) for field in row["fields"]), defaults),
        row["row_count"],
        None if row["expected"] is None else json.loads(row["expected"]),
        row["position"],
        json.loads(row["taken"]),
        row["left_to_take"],
    )


async def first_rows(tx: Transaction, draft_id: UUID, limit: int) -> list[tuple[str, ...]]:
    """The cells of the first rows that are still kept."""
    rows = await tx.fetch("SELECT cells FROM import_draft_rows WHERE draft_id = $1 ORDER BY number LIMIT $2", draft_id, limit)
    return [tuple(row["cells"]) for row in rows]


async def rows_to_take(tx: Transaction, draft: Draft, limit: int | None) -> list[Row]:
    """The next rows behind the position, or all."""
    rows = await tx.fetch(
        "SELECT number, cells FROM import_draft_rows WHERE draft_id = $1 AND number > $2 ORDER BY number LIMIT $3",
        draft.id,
        draft.position,
        limit,
    )
    return [Row(row["number"], tuple(row["cells"])) for row in rows]


async def save_matching(tx: Transaction, draft_id: UUID, matching: Matching, judged: Sequence[Judgement] | None) -> None:
    """Another matching, with what is expected of every row by it; None where it is not complete."""
    await tx.execute(
        """
        UPDATE import_drafts
        SET fields = $2,
            default_organisation_id = $3,
            default_engagement = $4,
            default_ags = $5,
            default_locale = $6,
            expected = $7
        WHERE id = $1
        """,
        draft_id,
        list(matching.fields),
        matching.defaults.organisation_id,
        matching.defaults.engagement,
        matching.defaults.ags,
        matching.defaults.locale,
        None if judged is None else json.dumps(Counter(item.outcome for item in judged)),
    )
    if judged is None:
        await tx.execute("UPDATE import_draft_rows SET outcome = NULL, refusals = '[]' WHERE draft_id = $1", draft_id)
    else:
        await _save_judgements(tx, draft_id, judged)


async def save_step(tx: Transaction, draft: Draft, judged: Sequence[Judgement]) -> None:
    """Moves behind these rows. What was taken is not kept, what was refused is."""
    refused = [item for item in judged if item.outcome is RowOutcome.REFUSED]
    await tx.execute(
        "DELETE FROM import_draft_rows WHERE draft_id = $1 AND number = ANY ($2::integer[])",
        draft.id,
        [item.number for item in judged if item.outcome is not RowOutcome.REFUSED],
    )
    await _save_judgements(tx, draft.id, refused)
    await tx.execute(
        "UPDATE import_drafts SET position = $2, taken = $3 WHERE id = $1",
        draft.id,
        judged[-1].number,
        json.dumps(Counter(draft.taken) + Counter(item.outcome for item in judged)),
    )


async def _save_judgements(tx: Transaction, draft_id: UUID, judged: Sequence[Judgement]) -> None:
    await tx.execute(
        """
        UPDATE import_draft_rows AS listed
        SET outcome = judged.outcome, refusals = judged.refusals
        FROM unnest($2::integer[], $3::text[], $4::jsonb[]) AS judged (number, outcome, refusals)
        WHERE listed.draft_id = $1
          AND listed.number = judged.number
        """,
        draft_id,
        [item.number for item in judged],
        [item.outcome for item in judged],
        [_REFUSALS.dump_json(item.refusals).decode() for item in judged],
    )


async def judged_rows(tx: Transaction, draft: Draft, outcome: RowOutcome | None, after: int, limit: int) -> list[JudgedRow]:
    """The next rows behind a number: all that are kept, or those with this outcome."""
    rows = await tx.fetch(
        """
        SELECT number, cells, outcome, refusals
        FROM import_draft_rows
        WHERE draft_id = $1
          AND number > $2
          AND ($3::text IS NULL OR outcome = $3)
        ORDER BY number
        LIMIT $4
        """,
        draft.id,
        after,
        outcome,
        limit,
    )
    return [
        JudgedRow(
            row["number"],
            tuple(row["cells"]),
            None if row["outcome"] is None else RowOutcome(row["outcome"]),
            _REFUSALS.validate_json(row["refusals"]),
            row["number"] <= draft.position,
        )
        for row in rows
    ]


async def refused_rows(tx: Transaction, draft: Draft) -> list[JudgedRow]:
    """All rows that were or would be refused."""
    return await judged_rows(tx, draft, RowOutcome.REFUSED, 0, draft.rows)


async def sweep(tx: Transaction) -> None:
    """Forgets what was kept long enough."""
    await tx.execute("DELETE FROM import_drafts WHERE created_at <= now() - make_interval(hours => $1)", KEPT_FOR_HOURS)
