"""The SQL of what needs somebody. Row-level security keeps a caller to what is in reach (reach.py)."""

from datetime import datetime
from typing import Any

from emon_calendar.working_days import MONDAY_TO_FRIDAY, USUAL, WorkingTime
from emon_contracts.permissions import Permission, Scope, scope_of
from emon_contracts.values import ZonedDateTime
from emon_gateway.today.rules import ITEMS_MAX, MEETINGS_AHEAD, Found, ItemKind
from emon_platform.database import Transaction

# One branch for each kind, the most urgent of each. $1 now, $2 how far ahead, $3 the caller, $4 and $5 where they are staff,
# $6 how many, $7 and $8 where they see deliveries. Reach is said once more, because the planner finds no index for what row-level
# security says of those who may act everywhere. Names are looked up for what is shown alone.
_FOUND = """
    (
        SELECT
            'feedback' AS kind, feedback_id AS id, feedback_id AS subject_id, ags, awaited AS status, feedback.kind AS about,
            NULL AS reason, NULL::uuid AS person_id, NULL AS display_name, NULL AS title, NULL AS place,
            NULL::timestamp AS start_local, NULL AS start_time_zone, NULL::timestamptz AS starts_at, due_by, promised_by,
            NULL::bigint AS count, NULL::bigint AS of
        FROM feedback
        WHERE awaited IS NOT NULL
        ORDER BY due_by, feedback_id
        LIMIT $6
    )
    UNION ALL
    (
        SELECT
            'meeting', meeting.meeting_id, meeting.meeting_id, meeting.ags, NULL, NULL, NULL, NULL, NULL, meeting.title,
            meeting.place, meeting.start_local, meeting.start_time_zone, meeting.starts_at, NULL, NULL,
            replies.missing, replies.invited
        FROM meetings AS meeting
        CROSS JOIN LATERAL (
            SELECT count(*) AS invited, count(*) FILTER (WHERE replied_revision IS DISTINCT FROM meeting.revision) AS missing
            FROM invitations
            WHERE invitations.meeting_id = meeting.meeting_id
        ) AS replies
        WHERE NOT meeting.cancelled
          AND meeting.starts_at > $1
          AND meeting.starts_at <= $2
          AND ($4 OR meeting.ags = ANY ($5::text[]))
          AND replies.missing > 0
        ORDER BY meeting.starts_at, meeting.meeting_id
        LIMIT $6
    )
    UNION ALL
    (
        SELECT
            'invitation', invitation.invitation_id, meeting.meeting_id, meeting.ags, NULL, NULL, NULL, NULL, NULL, meeting.title,
            meeting.place, meeting.start_local, meeting.start_time_zone, meeting.starts_at, NULL, NULL, NULL, NULL
        FROM invitations AS invitation
        JOIN meetings AS meeting ON meeting.meeting_id = invitation.meeting_id
        WHERE invitation.person_id = $3
          AND invitation.replied_revision IS DISTINCT FROM meeting.revision
          AND NOT meeting.cancelled
          AND meeting.starts_at > $1
        ORDER BY meeting.starts_at, meeting.meeting_id
        LIMIT $6
    )
    UNION ALL
    (
        SELECT
            'delivery', grouped.newest, grouped.subject_id, grouped.ags, grouped.failed_as, grouped.kind, grouped.reason,
            grouped.person_id, person.display_name, grouped.title, grouped.place, grouped.start_local, grouped.start_time_zone,
            grouped.starts_at, NULL, NULL, grouped.count, NULL
        FROM (
            SELECT
                max(delivery.delivery_id::text)::uuid AS newest, delivery.subject_id, delivery.ags, delivery.failed_as,
                CASE WHEN count(DISTINCT delivery.kind) = 1 THEN min(delivery.kind) END AS kind,
                CASE WHEN count(DISTINCT delivery.reason) = 1 THEN min(delivery.reason) END AS reason,
                CASE WHEN count(*) = 1 THEN min(delivery.person_id::text)::uuid END AS person_id,
                meeting.title, meeting.place, meeting.start_local, meeting.start_time_zone, meeting.starts_at,
                count(*) AS count
            FROM deliveries AS delivery
            LEFT JOIN meetings AS meeting ON meeting.meeting_id = delivery.subject_id
            WHERE delivery.failed_as IS NOT NULL
              AND delivery.failed_as <> 'by_hand'
              AND ($7 OR delivery.ags = ANY ($8::text[]))
              AND (meeting.meeting_id IS NULL OR meeting.starts_at > $1)
              AND (meeting.cancelled IS NOT TRUE OR delivery.kind = 'cancellation')
            GROUP BY delivery.subject_id, delivery.ags, delivery.failed_as, meeting.meeting_id
            ORDER BY meeting.starts_at NULLS FIRST, newest
            LIMIT $6
        ) AS grouped
        LEFT JOIN directory_people AS person ON person.person_id = grouped.person_id
    )
    UNION ALL
    (
        SELECT
            'by_hand', waiting.delivery_id, waiting.subject_id, waiting.ags, waiting.failed_as, waiting.kind, waiting.reason,
            waiting.person_id, person.display_name, waiting.title, waiting.place, waiting.start_local, waiting.start_time_zone,
            waiting.starts_at, NULL, NULL, NULL, NULL
        FROM (
            SELECT delivery.*, meeting.title, meeting.place, meeting.start_local, meeting.start_time_zone, meeting.starts_at
            FROM deliveries AS delivery
            LEFT JOIN meetings AS meeting ON meeting.meeting_id = delivery.subject_id
            WHERE delivery.failed_as = 'by_hand'
              AND ($7 OR delivery.ags = ANY ($8::text[]))
              AND (meeting.meeting_id IS NULL OR meeting.starts_at > $1)
              AND (meeting.cancelled IS NOT TRUE OR delivery.kind = 'cancellation')
              -- Whoever replied to the present time and place knows of it.
              AND NOT EXISTS (
                  SELECT FROM invitations
                  WHERE invitations.meeting_id = meeting.meeting_id
                    AND invitations.person_id = delivery.person_id
                    AND invitations.replied_revision = meeting.revision
              )
            ORDER BY meeting.starts_at NULLS FIRST, delivery.delivery_id
            LIMIT $6
        ) AS waiting
        LEFT JOIN directory_people AS person ON person.person_id = waiting.person_id
    )
"""


async def what_waits(tx: Transaction, now: datetime) -> list[Found]:
    """What waits for the caller, at most ITEMS_MAX of each kind."""
    staff, deliveries = tx.scope, scope_of(tx.actor, Permission.DELIVERY_READ) or Scope()
    rows = await tx.fetch(
        _FOUND,
        now,
        now + MEETINGS_AHEAD,
        tx.actor.person_id,
        staff.everywhere,
        sorted(staff.municipalities),
        ITEMS_MAX,
        deliveries.everywhere,
        sorted(deliveries.municipalities),
    )
    return [_found(row) for row in rows]


async def working_time(tx: Transaction) -> WorkingTime:
    """When the caller works."""
    row = await tx.fetchrow(
        """
        SELECT person.working_days,
               array(
                   SELECT ARRAY[first_day, last_day]
                   FROM directory_absences
                   WHERE directory_absences.person_id = person.person_id
               ) AS absences
        FROM directory_people AS person
        WHERE person.person_id = $1
        """,
        tx.actor.person_id,
    )
    if row is None:
        return USUAL
    days: str | None = row["working_days"]
    weekdays = MONDAY_TO_FRIDAY if days is None else frozenset(int(day) for day in days)
    return WorkingTime(weekdays, tuple((first, last) for first, last in row["absences"]))


def _found(row: Any) -> Found:
    columns: dict[str, Any] = dict(row)
    local, zone = columns.pop("start_local"), columns.pop("start_time_zone")
    start = None if local is None else ZonedDateTime.model_construct(local=local, time_zone=zone)
    return Found(kind=ItemKind(columns.pop("kind")), start=start, **columns)
