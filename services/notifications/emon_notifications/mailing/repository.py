"""The SQL of mailing, but for the query that takes what is due."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from emon_notifications.deliveries.rules import OPEN, Cause, Kind, sources, target
from emon_notifications.introductions import repository as introductions
from emon_notifications.undelivered import repository as undelivered
from emon_platform.database import Transaction

_OPEN = [status.value for status in sorted(OPEN)]
QUEUED_AGAIN_AT_ONCE_MAX = 1000

BY_INDEX = "; ".join(
    (
        "SET LOCAL plan_cache_mode = force_generic_plan",
        *(f"SET LOCAL enable_{way} = off" for way in ("seqscan", "hashjoin", "mergejoin", "sort")),
    )
)
"""Settings of transactions that take and record a group: a few rows of tables that hold millions, each found by its index.

In words, since the planner cannot know: its statistics are older than the queue, and a plan that was right while the tables were
all but empty, or all of them queued, reads all of them for every group later on. For the same reason what is looked up for each
row is looked up `LATERAL`, below an `OFFSET 0`, which no planner turns round; and a list of new values is not joined, which would
compare each with each: the place of a row's key in the list of keys says where in the others its values are.
"""


async def end(tx: Transaction, cause: Cause, ended: Sequence[tuple[UUID, str]]) -> None:
    """Gives deliveries (id, reason) the state that the cause leads to."""
    await tx.execute(
        """
        UPDATE deliveries
        SET status = $1, reason = ended.reason, updated_at = now()
        FROM unnest($3::uuid[], $4::text[]) AS ended (id, reason)
        WHERE deliveries.id = ended.id AND deliveries.id = ANY($3::uuid[]) AND status = ANY($2::text[])
        """,
        target(cause),
        sources(cause),
        [id_ for id_, _ in ended],
        [reason for _, reason in ended],
    )
    if target(cause) in undelivered.UNDELIVERED_WORDS:
        await undelivered.tell(tx, [id_ for id_, _ in ended])


class Begun(NamedTuple):
    """One try of one mail, for one of its deliveries."""

    delivery_id: UUID
    mail_id: UUID
    attempt_id: UUID
    kind: Kind
    revision: int | None
    introduces: UUID | None


async def begin(tx: Transaction, mailer_id: int, begun: Sequence[Begun]) -> None:
    """Notes tries, before the mail server is told anything."""
    await tx.execute(
        """
        WITH begun AS (
            SELECT *
            FROM unnest($5::uuid[], $6::uuid[], $7::text[], $8::integer[], $9::uuid[])
                AS begun (mail_id, attempt_id, kind, revision, introduces)
        ),
        new_mails AS (
            INSERT INTO mails (id, kind, revision, introduces)
            SELECT DISTINCT mail_id, kind, revision, introduces FROM begun
            ON CONFLICT DO NOTHING
        ),
        new_attempts AS (
            INSERT INTO attempts (id, mail_id, mailer_id)
            SELECT DISTINCT attempt_id, mail_id, $1::bigint FROM begun
        )
        UPDATE deliveries
        SET status = $2,
            reason = NULL,
            mail_id = ($5::uuid[])[array_position($4::uuid[], id)],
            attempt_id = ($6::uuid[])[array_position($4::uuid[], id)],
            updated_at = now()
        WHERE id = ANY($4::uuid[]) AND status = ANY($3::text[])
        """,
        mailer_id,
        target(Cause.ATTEMPT_BEGAN),
        sources(Cause.ATTEMPT_BEGAN),
        [item.delivery_id for item in begun],
        [item.mail_id for item in begun],
        [item.attempt_id for item in begun],
        [item.kind.value for item in begun],
        [item.revision for item in begun],
        [item.introduces for item in begun],
    )


class Finished(NamedTuple):
    """How a try ended."""

    mail_id: UUID
    attempt_id: UUID
    delivery_ids: tuple[UUID, ...]
    cause: Cause
    outcome: str
    reason: str | None = None
    stage: str | None = None
    code: int | None = None
    reply: str | None = None
    pause: timedelta | None = None  # until it is tried again
    dead_address: str | None = None  # email_key
    introduces: bool = False


async def finish(tx: Transaction, finished: Sequence[Finished]) -> None:
    """Records how tries ended, also late, when they were already given up as uncertain."""
    await tx.execute(
        """
        UPDATE attempts
        SET finished_at = now(),
            outcome = ($3::text[])[array_position($2::uuid[], id)],
            stage = ($4::text[])[array_position($2::uuid[], id)],
            code = ($5::smallint[])[array_position($2::uuid[], id)],
            reply = ($6::text[])[array_position($2::uuid[], id)]
        WHERE mail_id = ANY($1::uuid[]) AND id = ANY($2::uuid[])
        """,
        [item.mail_id for item in finished],
        [item.attempt_id for item in finished],
        [item.outcome for item in finished],
        [item.stage for item in finished],
        [item.code for item in finished],
        [item.reply for item in finished],
    )
    for cause in sorted({item.cause for item in finished}):
        same = [(id_, item) for item in finished if item.cause is cause for id_ in item.delivery_ids]
        # Locked in the order of planning, as everywhere where several are locked.
        to_tell = await tx.fetch(
            """
            WITH changed AS (
                UPDATE deliveries
                SET status = $1,
                    reason = ($5::text[])[array_position($4::uuid[], attempt_id)],
                    not_before = now() + ($6::interval[])[array_position($4::uuid[], attempt_id)],
                    updated_at = now()
                WHERE attempt_id = ANY($4::uuid[])
                  AND status = ANY($2::text[])
                  AND id = ANY(ARRAY(
                      SELECT locked.id
                      FROM deliveries AS locked
                      WHERE locked.id = ANY($3::uuid[]) AND locked.status = ANY($2::text[])
                      ORDER BY locked.position
                      FOR UPDATE
                  ))
                RETURNING id, told_as
            )
            SELECT id FROM changed WHERE told_as IS NOT NULL OR $1 = ANY($7::text[]) -- nothing, for mail that is simply accepted
            """,
            target(cause),
            sources(cause),
            [id_ for id_, _ in same],
            [item.attempt_id for _, item in same],
            [item.reason for _, item in same],
            [item.pause for _, item in same],
            undelivered.UNDELIVERED_WORDS,
        )
        await undelivered.tell(tx, [row["id"] for row in to_tell])
    reopened = [id_ for item in finished if item.cause in (Cause.WAS_PUT_OFF, Cause.WAS_NOT_SENT) for id_ in item.delivery_ids]
    if reopened:
        await _supersede_reopened(tx, reopened)
    introducing = {item.mail_id for item in finished if item.introduces}
    if introducing:
        await introductions.settle(tx, introducing)
    dead = [(item.dead_address, item.reason) for item in finished if item.dead_address is not None]
    if dead:
        await tx.execute(
            """
            INSERT INTO suppressed_addresses (email_key, reason)
            SELECT * FROM unnest($1::text[], $2::text[])
            ON CONFLICT DO NOTHING
            """,
            [address for address, _ in dead],
            [reason for _, reason in dead],
        )


async def _supersede_reopened(tx: Transaction, delivery_ids: Sequence[UUID]) -> None:
    # What was planned while these were on their way could not supersede them. Their rows are locked by now, and planning
    # locks them too: so this statement sees what was planned before, and what is planned later sees these.
    await tx.execute(
        """
        UPDATE deliveries AS older
        SET status = $1, reason = 'newer-planned', not_before = NULL, updated_at = now()
        WHERE older.id = ANY($3::uuid[])
          AND older.status = ANY($2::text[])
          AND EXISTS (
              SELECT FROM deliveries AS newer
              WHERE newer.person_id = older.person_id
                AND newer.subject_id = older.subject_id
                AND newer.position > older.position
                AND newer.status = ANY($4::text[])
          )
        """,
        target(Cause.NEWER_WAS_PLANNED),
        sources(Cause.NEWER_WAS_PLANNED),
        delivery_ids,
        _OPEN,
    )


async def count_due(tx: Transaction, at_most: int) -> int:
    """How many deliveries wait to be sent, those in the queue counted up to `at_most`. Queues what was put off and is due now.

    In a transaction with the settings BY_INDEX.
    """
    return await tx.fetchval(
        """
        WITH due AS (
            UPDATE deliveries
            SET status = $1, not_before = NULL, updated_at = now()
            WHERE id = ANY(ARRAY(
                SELECT id
                FROM deliveries
                WHERE status = 'deferred' AND status = ANY($2::text[]) AND not_before <= now()
                ORDER BY not_before
                LIMIT $4
                FOR UPDATE SKIP LOCKED
            ))
            RETURNING 1
        )
        SELECT
            (SELECT count(*) FROM due)
            + (
                SELECT count(*)
                FROM (SELECT FROM deliveries WHERE status = 'queued' ORDER BY priority, position LIMIT $3) AS queued
            )
        """,
        target(Cause.BECAME_DUE),
        sources(Cause.BECAME_DUE),
        at_most,
        QUEUED_AGAIN_AT_ONCE_MAX,
    )


async def resolve_attempts_of_dead_mailers(tx: Transaction) -> int:
    """Tries whose mailer is gone before it recorded how they ended: the mail may have arrived.

    A mailer holds an advisory lock on its id for as long as it lives; where the lock is free, it does not. Answers how many.
    """
    rows = await tx.fetch(
        """
        WITH RECURSIVE under_way AS ( -- one look into the index for each mailer, not for each try
            (SELECT mailer_id FROM attempts WHERE finished_at IS NULL ORDER BY mailer_id LIMIT 1)
            UNION ALL
            SELECT (
                SELECT attempts.mailer_id
                FROM attempts
                WHERE finished_at IS NULL AND attempts.mailer_id > under_way.mailer_id
                ORDER BY attempts.mailer_id
                LIMIT 1
            )
            FROM under_way
            WHERE under_way.mailer_id IS NOT NULL
        ),
        dead AS MATERIALIZED (
            SELECT mailer_id FROM under_way WHERE mailer_id IS NOT NULL AND pg_try_advisory_xact_lock(mailer_id)
        )
        UPDATE attempts
        SET finished_at = now(), outcome = 'uncertain', reply = 'the mailer ended before it recorded the outcome'
        FROM dead
        WHERE attempts.mailer_id = dead.mailer_id AND finished_at IS NULL
        RETURNING attempts.id, attempts.mail_id
        """
    )
    if not rows:
        return 0
    for cause, condition in ((Cause.MAILER_DIED_ON_SIGN_IN, "kind = 'sign_in'"), (Cause.MAILER_DIED, "kind <> 'sign_in'")):
        in_doubt = await tx.fetch(
            f"""
            WITH locked AS MATERIALIZED (
                SELECT id
                FROM deliveries
                WHERE mail_id = ANY($3::uuid[]) AND attempt_id = ANY($4::uuid[]) AND status = ANY($2::text[]) AND {condition}
                ORDER BY position
                FOR UPDATE
            )
            UPDATE deliveries
            SET status = $1, reason = 'mailer-ended', updated_at = now()
            FROM locked
            WHERE deliveries.id = locked.id
            RETURNING deliveries.id
            """,
            target(cause),
            sources(cause),
            [row["mail_id"] for row in rows],
            [row["id"] for row in rows],
        )
        await undelivered.tell(tx, [row["id"] for row in in_doubt])
    await introductions.settle(tx, {row["mail_id"] for row in rows})
    return len(rows)
