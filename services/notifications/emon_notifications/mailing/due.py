"""What is due, taken with one query, and locked. What it is about is looked up by the module of its kind; see `kinds`."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from emon_contracts.values import Locale
from emon_notifications.deliveries.rules import OPEN, Kind
from emon_notifications.mailing.rules import Told
from emon_platform.database import Transaction

_OPEN = [status.value for status in sorted(OPEN)]


class Due(NamedTuple):
    """A delivery that this transaction holds, with everything that decides what becomes of it, whatever it is about."""

    id: UUID
    person_id: UUID
    kind: Kind
    subject_id: UUID
    expires_at: datetime
    display_name: str | None
    email: str | None
    email_key: str | None
    locale: Locale
    is_erased: bool
    is_suppressed: bool
    is_new: bool  # was not introduced yet; somebody else may be about to
    has_newer: bool
    told: Told | None
    may_know: bool  # something about the subject may have been sent that is not on record
    mail_id: UUID | None  # of an earlier try
    mail_kind: Kind | None
    mail_revision: int | None
    mail_introduces: bool
    mail_is_in_doubt: bool
    tries: int
    traceparent: str | None  # of the event

    @property
    def repeats_introduction(self) -> bool:
        """Whether the earlier mail introduced the person and may have arrived."""
        return self.mail_introduces and self.mail_is_in_doubt


# Siblings are the other links of one request, which go into the same mail: whoever holds the first of them takes them all.
# Who is being introduced waits, but for a sign-in mail to several people, which introduces nobody.
# The planner is to walk the index of what is queued in its order and to stop at the limit, however much is queued and however old
# its statistics are: OFFSET 0 keeps it from turning a look at one row into a join of all, the limit stands in words, and
# `repository.BY_INDEX` forbids to sort. (20,000 queued, 64 taken: 3 ms instead of 50.)
_TAKE = """
    WITH first AS MATERIALIZED (
        SELECT id, position, priority, person_id, kind, subject_id, expires_at, mail_id, traceparent
        FROM deliveries AS delivery
        WHERE status = 'queued'
          AND NOT EXISTS (
              SELECT FROM deliveries AS other
              WHERE other.person_id = delivery.person_id
                AND other.subject_id = delivery.subject_id
                AND other.status = 'sending'
              OFFSET 0
          )
          AND (
              NOT EXISTS (
                  SELECT FROM newcomers AS newcomer
                  WHERE newcomer.person_id = delivery.person_id
                    AND newcomer.introduced_at IS NULL
                    AND newcomer.mail_id IS NOT NULL
                  OFFSET 0
              )
              OR (
                  kind = 'sign_in'
                  AND EXISTS (
                      SELECT FROM deliveries AS sibling
                      WHERE sibling.subject_id = delivery.subject_id
                        AND sibling.status = 'queued'
                        AND sibling.id <> delivery.id
                  )
              )
          )
          AND (
              kind <> 'sign_in'
              OR NOT EXISTS (
                  SELECT FROM deliveries AS earlier
                  WHERE earlier.subject_id = delivery.subject_id
                    AND earlier.status = 'queued'
                    AND earlier.position < delivery.position
                  OFFSET 0
              )
          )
        ORDER BY priority, position
        LIMIT {limit}
        FOR UPDATE OF delivery SKIP LOCKED
    ),
    siblings AS MATERIALIZED (
        SELECT
            sibling.id, sibling.position, sibling.priority, sibling.person_id, sibling.kind, sibling.subject_id,
            sibling.expires_at, sibling.mail_id, sibling.traceparent
        FROM first
        JOIN deliveries AS sibling ON sibling.subject_id = first.subject_id
        WHERE first.kind = 'sign_in' AND sibling.status = 'queued' AND sibling.id <> first.id
        FOR UPDATE OF sibling
    ),
    taken AS (SELECT * FROM first UNION ALL SELECT * FROM siblings)
    SELECT
        taken.id, taken.person_id, taken.kind, taken.subject_id, taken.expires_at,
        person.display_name, person.email, person.email_key, coalesce(person.locale, 'de') AS locale,
        coalesce(person.erased, true) AS is_erased,
        EXISTS (
            SELECT FROM suppressed_addresses AS suppressed WHERE suppressed.email_key = person.email_key
        ) AS is_suppressed,
        newcomer.person_id IS NOT NULL AS is_new,
        EXISTS (
            SELECT FROM deliveries AS newer
            WHERE newer.person_id = taken.person_id
              AND newer.subject_id = taken.subject_id
              AND newer.position > taken.position
              AND newer.status = ANY($1::text[])
        ) AS has_newer,
        told.kind AS told_kind, told.revision AS told_revision,
        EXISTS (
            SELECT FROM deliveries AS doubtful
            WHERE doubtful.person_id = taken.person_id
              AND doubtful.subject_id = taken.subject_id
              AND doubtful.may_have_been_sent
        ) AS may_know,
        taken.mail_id, mail.kind AS mail_kind, mail.revision AS mail_revision, mail.introduces IS NOT NULL AS mail_introduces,
        taken.traceparent, tried.count AS tries, coalesce(tried.in_doubt, false) AS mail_is_in_doubt
    FROM taken
    LEFT JOIN LATERAL (
        SELECT display_name, email, email_key, locale, erased
        FROM directory_people
        WHERE directory_people.person_id = taken.person_id
        OFFSET 0
    ) AS person ON true
    LEFT JOIN LATERAL (
        SELECT person_id
        FROM newcomers
        WHERE newcomers.person_id = taken.person_id AND introduced_at IS NULL
        OFFSET 0
    ) AS newcomer ON true
    LEFT JOIN LATERAL (SELECT kind, revision, introduces FROM mails WHERE mails.id = taken.mail_id OFFSET 0) AS mail ON true
    CROSS JOIN LATERAL (
        SELECT count(*), bool_or(outcome = 'uncertain') AS in_doubt FROM attempts WHERE attempts.mail_id = taken.mail_id
    ) AS tried
    LEFT JOIN LATERAL (
        SELECT earlier_mail.kind, earlier_mail.revision
        FROM deliveries AS earlier
        CROSS JOIN LATERAL (SELECT id, kind, revision FROM mails WHERE mails.id = earlier.mail_id OFFSET 0) AS earlier_mail
        WHERE earlier.person_id = taken.person_id
          AND earlier.subject_id = taken.subject_id
          AND earlier.id <> taken.id
          AND earlier_mail.revision IS NOT NULL
          AND EXISTS (
              SELECT FROM attempts
              WHERE attempts.mail_id = earlier_mail.id AND attempts.outcome IN ('accepted', 'uncertain')
              OFFSET 0
          )
        ORDER BY earlier_mail.revision DESC
        LIMIT 1
    ) AS told ON true
    ORDER BY taken.priority, taken.position
"""


async def clock(tx: Transaction) -> datetime:
    """The time by which everything goes: the database's, for the clock of one of several workers may be wrong."""
    return await tx.fetchval("SELECT now()")


async def take_due(tx: Transaction, limit: int) -> list[Due]:
    """Up to `limit` deliveries that are due, the most urgent first, locked; those that another mailer holds are passed over.

    In a transaction with the settings `repository.BY_INDEX`.
    """
    rows = await tx.fetch(_TAKE.format(limit=int(limit)), _OPEN)
    return [_due(row) for row in rows]


def _due(row: Any) -> Due:
    return Due(
        id=row["id"],
        person_id=row["person_id"],
        kind=Kind(row["kind"]),
        subject_id=row["subject_id"],
        expires_at=row["expires_at"],
        display_name=row["display_name"],
        email=row["email"],
        email_key=row["email_key"],
        locale=Locale(row["locale"]),
        is_erased=row["is_erased"],
        is_suppressed=row["is_suppressed"],
        is_new=row["is_new"],
        has_newer=row["has_newer"],
        told=None if row["told_kind"] is None else Told(Kind(row["told_kind"]), row["told_revision"]),
        may_know=row["may_know"],
        mail_id=row["mail_id"],
        mail_kind=None if row["mail_kind"] is None else Kind(row["mail_kind"]),
        mail_revision=row["mail_revision"],
        mail_introduces=row["mail_introduces"],
        mail_is_in_doubt=row["mail_is_in_doubt"],
        tries=row["tries"],
        traceparent=row["traceparent"],
    )
