"""The SQL of the network: numbers of each municipality, from the directory and the read model."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_gateway.network.rules import LOOKED_AHEAD, LOOKED_BACK, FeedbackCounts
from emon_platform.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class MunicipalityCounts:
    """What there is in one municipality. `people` are those of either side, each once."""

    ags: str
    name: str
    organisations: Mapping[str, int]  # by kind
    people: int
    staff: int
    volunteers: int
    meetings_held: int
    meetings_planned: int
    feedback: FeedbackCounts
    deliveries_failed: int


@asynccontextmanager
async def counting(database: Database, actor: Actor) -> AsyncGenerator[Transaction]:
    """A transaction in which feedback can be counted, though not be read one by one. Raises Forbidden."""
    async with database.transaction(actor, Permission.NETWORK_READ) as tx:
        await tx.execute("SELECT set_config('emon.counting', 'on', true), set_config('emon.delivery_everywhere', 'on', true)")
        yield tx


async def municipalities(tx: Transaction, after: str | None, limit: int, now: datetime, today: date) -> list[MunicipalityCounts]:
    """Municipalities that have anything, by their keys, behind the given one."""
    rows = await tx.fetch(
        """
        WITH page AS MATERIALIZED (
            SELECT ags, name
            FROM directory_municipalities AS municipality
            WHERE ($1::text IS NULL OR ags > $1)
              AND name IS NOT NULL
              AND (
                  EXISTS (SELECT FROM directory_organisations WHERE municipalities @> ARRAY[municipality.ags])
                  OR EXISTS (SELECT FROM directory_memberships WHERE directory_memberships.ags = municipality.ags)
                  OR EXISTS (SELECT FROM meetings WHERE meetings.ags = municipality.ags)
                  OR EXISTS (SELECT FROM feedback WHERE feedback.ags = municipality.ags)
                  OR EXISTS (SELECT FROM deliveries WHERE deliveries.ags = municipality.ags AND failed_as IS NOT NULL)
              )
            ORDER BY ags
            LIMIT $2
        )
        SELECT page.ags, page.name, organised.by_kind, people.*, meeting.*, said.*, delivered.*
        FROM page
        CROSS JOIN LATERAL (
            SELECT coalesce(jsonb_object_agg(kind, count), '{}') AS by_kind
            FROM (
                SELECT kind, count(*)
                FROM directory_organisations
                WHERE municipalities @> ARRAY[page.ags] AND kind IS NOT NULL
                GROUP BY kind
            ) AS kinds
        ) AS organised
        CROSS JOIN LATERAL (
            SELECT
                count(DISTINCT person_id) AS people,
                count(DISTINCT person_id) FILTER (WHERE engagement = 'staff') AS staff,
                count(DISTINCT person_id) FILTER (WHERE engagement = 'volunteer') AS volunteers
            FROM directory_memberships
            WHERE directory_memberships.ags = page.ags
        ) AS people
        CROSS JOIN LATERAL (
            SELECT
                count(*) FILTER (WHERE starts_at <= $3) AS held,
                count(*) FILTER (WHERE starts_at > $3) AS planned
            FROM meetings
            WHERE meetings.ags = page.ags AND NOT cancelled AND starts_at BETWEEN $4 AND $5
        ) AS meeting
        CROSS JOIN LATERAL (
            SELECT
                count(*) FILTER (WHERE awaited IS NOT NULL) AS open,
                count(*) FILTER (WHERE awaited IS NOT NULL AND coalesce(promised_by, due_by) < $6) AS overdue,
                count(*) FILTER (WHERE answered_at >= $4) AS answered,
                count(*) FILTER (
                    WHERE answered_at >= $4
                      AND (answered_at AT TIME ZONE 'Europe/Berlin')::date <= coalesce(promised_by, 'infinity')
                ) AS in_time
            FROM feedback
            WHERE feedback.ags = page.ags
        ) AS said
        CROSS JOIN LATERAL (
            SELECT count(*) AS failed FROM deliveries WHERE deliveries.ags = page.ags AND failed_as IS NOT NULL
        ) AS delivered
        ORDER BY page.ags
        """,
        after,
        limit,
        now,
        now - LOOKED_BACK,
        now + LOOKED_AHEAD,
        today,
    )
    return [_counts(row) for row in rows]


def _counts(row: Any) -> MunicipalityCounts:
    return MunicipalityCounts(
        ags=row["ags"],
        name=row["name"],
        organisations=json.loads(row["by_kind"]),
        people=row["people"],
        staff=row["staff"],
        volunteers=row["volunteers"],
        meetings_held=row["held"],
        meetings_planned=row["planned"],
        feedback=FeedbackCounts(row["open"], row["overdue"], row["answered"], row["in_time"]),
        deliveries_failed=row["failed"],
    )
