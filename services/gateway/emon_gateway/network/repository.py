"""The SQL of the network: numbers of each municipality, from the directory and the read model."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from emon_gateway.network.rules import LOOKED_AHEAD, LOOKED_BACK, FeedbackCounts
from emon_platform.database import Transaction


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


async def municipalities(tx: Transaction, after: str | None, limit: int, now: datetime, today: date) -> list[MunicipalityCounts]:
    """Municipalities in which there is an organisation, somebody, or a meeting, by their keys, behind the given one."""
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
              )
            ORDER BY ags
            LIMIT $2
        )
        SELECT
            page.ags, page.name, organised.by_kind, people.*, meeting.*, delivered.*, coalesce(said.open, 0) AS open,
            coalesce(said.overdue, 0) AS overdue, coalesce(said.answered, 0) AS answered,
            coalesce(said.answered_in_time, 0) AS answered_in_time
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
        LEFT JOIN count_feedback((SELECT array_agg(page.ags) FROM page), $6, $4) AS said ON said.ags = page.ags
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
        feedback=FeedbackCounts(row["open"], row["overdue"], row["answered"], row["answered_in_time"]),
        deliveries_failed=row["failed"],
    )
