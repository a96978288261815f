"""All SQL of the copy of feedback."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from emon_contracts.events.feedback import FeedbackKind
from emon_notifications.deliveries.rules import Kind
from emon_notifications.feedback.rules import Feedback, Phase, Request
from emon_platform.database import Transaction

_COLUMNS = "feedback_id, version, ags, kind, phase, due_by, asking_since, news_since, continued_since"


async def lock_feedback(tx: Transaction, feedback_ids: Sequence[UUID]) -> dict[UUID, Feedback]:
    """What is known of these, which stays so until the transaction ends."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM feedback WHERE feedback_id = ANY($1::uuid[]) ORDER BY feedback_id FOR UPDATE", feedback_ids
    )
    return {row["feedback_id"]: feedback_of(row) for row in rows}


async def save_feedback(tx: Transaction, saved: Sequence[Feedback]) -> None:
    """Takes what is newer than the copy."""
    await tx.execute(
        f"""
        INSERT INTO feedback ({_COLUMNS})
        SELECT *
        FROM unnest(
            $1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::date[], $7::bigint[], $8::bigint[], $9::bigint[]
        )
        ON CONFLICT (feedback_id) DO UPDATE
        SET version = excluded.version,
            ags = excluded.ags,
            kind = excluded.kind,
            phase = excluded.phase,
            due_by = excluded.due_by,
            asking_since = excluded.asking_since,
            news_since = excluded.news_since,
            continued_since = excluded.continued_since
        WHERE feedback.version < excluded.version
        """,
        [item.feedback_id for item in saved],
        [item.version for item in saved],
        [item.ags for item in saved],
        [item.kind.value for item in saved],
        [item.phase.value for item in saved],
        [item.due_by for item in saved],
        [item.asking_since for item in saved],
        [item.news_since for item in saved],
        [item.continued_since for item in saved],
    )


async def save_requests(tx: Transaction, requests: Mapping[UUID, Mapping[UUID, Request]]) -> None:
    """Who is asked now, by feedback and person, instead of those who were asked before."""
    rows = [(feedback, person, asked) for feedback, people in requests.items() for person, asked in people.items()]
    await tx.execute("DELETE FROM feedback_requests WHERE feedback_id = ANY($1::uuid[])", list(requests))
    await tx.execute(
        """
        INSERT INTO feedback_requests (feedback_id, person_id, kind, version)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[])
        """,
        [feedback for feedback, _, _ in rows],
        [person for _, person, _ in rows],
        [asked.kind.value for _, _, asked in rows],
        [asked.version for _, _, asked in rows],
    )


async def forget_erased(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """Those of them who were erased are asked nothing."""
    await tx.execute(
        """
        DELETE FROM feedback_requests
        WHERE person_id IN (SELECT person_id FROM directory_people WHERE person_id = ANY($1::uuid[]) AND erased)
        """,
        person_ids,
    )


async def requests_and_places(tx: Transaction, deliveries: Sequence[tuple[UUID, UUID, UUID]]) -> list[Any]:
    """For each delivery (id, feedback, person) the feedback, the name of its municipality, and what this person is asked."""
    return await tx.fetch(
        """
        SELECT
            given.id, feedback.*, municipality.name AS municipality_name,
            request.kind AS request_kind, request.version AS request_version
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS given (id, feedback_id, person_id)
        JOIN feedback USING (feedback_id)
        LEFT JOIN directory_municipalities AS municipality ON municipality.ags = feedback.ags
        LEFT JOIN feedback_requests AS request
            ON request.feedback_id = given.feedback_id
            AND request.person_id = given.person_id
        """,
        [id_ for id_, _, _ in deliveries],
        [feedback for _, feedback, _ in deliveries],
        [person for _, _, person in deliveries],
    )


def feedback_of(row: Any) -> Feedback:
    """The feedback in a row with all its columns."""
    return Feedback(
        feedback_id=row["feedback_id"],
        version=row["version"],
        ags=row["ags"],
        kind=FeedbackKind(row["kind"]),
        phase=Phase(row["phase"]),
        due_by=row["due_by"],
        asking_since=row["asking_since"],
        news_since=row["news_since"],
        continued_since=row["continued_since"],
    )


def request_of(row: Any) -> Request | None:
    """What a row of `requests_and_places` says that the person is asked."""
    return None if row["request_kind"] is None else Request(Kind(row["request_kind"]), row["request_version"])
