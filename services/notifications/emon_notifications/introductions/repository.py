"""All SQL about who was introduced."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from emon_contracts.actors import Role
from emon_notifications.deliveries.rules import Kind
from emon_notifications.introductions.rules import Standing, standing_after
from emon_notifications.planning.rules import TRIED_FOR, TYPES
from emon_notifications.rendering import IntroductionFacts, Part
from emon_notifications.undelivered import repository as undelivered
from emon_platform.database import Transaction


async def meet(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """Notes who turned up, and forgets who was erased. Who entered themselves needs no introduction."""
    await tx.execute(
        """
        INSERT INTO newcomers (person_id, introduced_at)
        SELECT person_id, CASE WHEN entered_by = person_id THEN now() END
        FROM directory_people
        WHERE person_id = ANY($1::uuid[]) AND NOT erased
        ON CONFLICT DO NOTHING
        """,
        person_ids,
    )
    await tx.execute(
        """
        DELETE FROM newcomers
        WHERE person_id IN (SELECT person_id FROM directory_people WHERE person_id = ANY($1::uuid[]) AND erased)
        """,
        person_ids,
    )


async def plan_introductions(tx: Transaction, after: timedelta, hold_before: datetime | None) -> None:
    """A mail of its own is owed to everybody who is known for so long and was told nothing yet.

    Once; again where that one was not sent in time. Staff of one of their municipalities see it.
    """
    planned = await tx.fetch(
        """
        INSERT INTO deliveries (
            event_id, person_id, kind, category, priority, subject_id, ags, status, reason, occurred_at, expires_at
        )
        SELECT
            uuidv7(), person.person_id, $1, $2, $3, person.person_id, place.ags, prospect.word[1], prospect.word[2],
            now(), now() + $4::interval
        FROM newcomers AS newcomer
        JOIN directory_people AS person ON person.person_id = newcomer.person_id
        CROSS JOIN LATERAL (
            SELECT coalesce(
                (SELECT min(ags) FROM directory_memberships AS membership WHERE membership.person_id = person.person_id),
                (SELECT min(ags) FROM directory_grants AS held WHERE held.person_id = person.person_id)
            ) AS ags
        ) AS place
        CROSS JOIN LATERAL (
            SELECT
                CASE
                    WHEN person.email IS NULL THEN ARRAY['by_hand', 'no-address']
                    WHEN newcomer.known_since + $5::interval < greatest($6::timestamptz, (SELECT max(restored_at) FROM restores))
                        THEN ARRAY['held', 'from-before-the-restore']
                    ELSE ARRAY['queued', NULL]
                END AS word
        ) AS prospect
        WHERE newcomer.introduced_at IS NULL
          AND newcomer.mail_id IS NULL
          AND newcomer.known_since <= now() - $5::interval
          AND NOT person.erased
          AND NOT EXISTS (
              SELECT FROM deliveries AS earlier
              WHERE earlier.person_id = person.person_id
                AND earlier.subject_id = person.person_id
                AND earlier.kind = $1
                AND earlier.status <> 'expired'
          )
        ORDER BY newcomer.known_since, person.person_id
        RETURNING id
        """,
        Kind.INTRODUCTION.value,
        TYPES[Kind.INTRODUCTION].category.value,
        TYPES[Kind.INTRODUCTION].priority,
        TRIED_FOR,
        after,
        hold_before,
    )
    await undelivered.tell(tx, [row["id"] for row in planned])


async def hold_new(tx: Transaction, person_ids: Collection[UUID]) -> dict[UUID, IntroductionFacts]:
    """Those of them whom nobody else introduces, or is about to, and what they are told; they stay so for this transaction."""
    return await _facts(
        tx,
        """
        SELECT person_id
        FROM newcomers
        WHERE person_id = ANY($1::uuid[]) AND introduced_at IS NULL AND mail_id IS NULL
        ORDER BY person_id
        FOR UPDATE SKIP LOCKED
        """,
        person_ids,
    )


async def facts_of(tx: Transaction, person_ids: Collection[UUID]) -> dict[UUID, IntroductionFacts]:
    """What these people were told, or would be told now."""
    return await _facts(tx, "SELECT unnest($1::uuid[]) AS person_id", person_ids)


async def begin(tx: Transaction, mails: Mapping[UUID, UUID]) -> None:
    """Notes for people who are held which mail introduces them, before the mail server is told anything."""
    await tx.execute(
        """
        UPDATE newcomers
        SET mail_id = begun.mail_id
        FROM unnest($1::uuid[], $2::uuid[]) AS begun (person_id, mail_id)
        WHERE newcomers.person_id = begun.person_id AND newcomers.person_id = ANY($1::uuid[]) AND introduced_at IS NULL
        """,
        list(mails),
        list(mails.values()),
    )


async def settle(tx: Transaction, mail_ids: Collection[UUID]) -> None:
    """Draws the conclusion from how tries of these mails ended, also where an outcome comes late and is another one now."""
    # Locked before the outcomes are read, so that of two who record tries of one mail the second sees both.
    held = await tx.fetch(
        "SELECT person_id, mail_id FROM newcomers WHERE mail_id = ANY($1::uuid[]) ORDER BY person_id FOR UPDATE", list(mail_ids)
    )
    if not held:
        return
    rows = await tx.fetch(
        "SELECT mail_id, array_agg(outcome) AS outcomes FROM attempts WHERE mail_id = ANY($1::uuid[]) GROUP BY mail_id",
        [row["mail_id"] for row in held],
    )
    standing = {row["mail_id"]: standing_after(row["outcomes"]) for row in rows}
    await tx.execute(
        """
        UPDATE newcomers
        SET introduced_at = CASE WHEN settled.standing = 'introduced' THEN coalesce(introduced_at, now()) END,
            mail_id = CASE WHEN settled.standing <> 'new' THEN newcomers.mail_id END
        FROM unnest($1::uuid[], $2::text[]) AS settled (person_id, standing)
        WHERE newcomers.person_id = settled.person_id AND newcomers.person_id = ANY($1::uuid[])
        """,
        [row["person_id"] for row in held],
        [standing.get(row["mail_id"], Standing.NEW).value for row in held],
    )


async def _facts(tx: Transaction, of_whom: str, person_ids: Collection[UUID]) -> dict[UUID, IntroductionFacts]:
    """Who entered people, and as what. Equal where it reads equal, so that the mail is prepared once for all of them."""
    rows = await tx.fetch(
        f"""
        WITH meant AS MATERIALIZED ({of_whom})
        SELECT person.person_id, enterer.display_name AS entered_by, part.role, part.organisation, part.municipality
        FROM meant
        JOIN directory_people AS person USING (person_id)
        LEFT JOIN directory_people AS enterer ON enterer.person_id = person.entered_by
        LEFT JOIN LATERAL (
            SELECT membership.engagement AS role, organisation.name AS organisation, municipality.name AS municipality
            FROM directory_memberships AS membership
            LEFT JOIN directory_organisations AS organisation USING (organisation_id)
            LEFT JOIN directory_municipalities AS municipality ON municipality.ags = membership.ags
            WHERE membership.person_id = person.person_id
            UNION
            SELECT held.role, organisation.name, municipality.name
            FROM directory_grants AS held
            LEFT JOIN directory_organisations AS organisation USING (organisation_id)
            LEFT JOIN directory_municipalities AS municipality ON municipality.ags = held.ags
            WHERE held.person_id = person.person_id
        ) AS part ON true
        WHERE person.person_id = ANY($1::uuid[])
        ORDER BY person.person_id, part.municipality, part.organisation, part.role
        """,
        list(person_ids),
    )
    found: dict[UUID, IntroductionFacts] = {}
    for row in rows:
        known = found.get(row["person_id"])
        parts = () if known is None else known.parts
        if row["role"] is not None:
            parts = (*parts, Part(Role(row["role"]), row["organisation"], row["municipality"]))
        found[row["person_id"]] = IntroductionFacts(row["entered_by"], parts)
    return found
