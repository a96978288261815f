"""What is due, and everything that decides what becomes of it: taken with one query, and locked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from emon_contracts.events.meetings import MeetingKind
from emon_contracts.values import Locale, ZonedDateTime
from emon_notifications.deliveries.rules import OPEN, Kind
from emon_notifications.mailing.rules import Told
from emon_notifications.rendering import MeetingFacts
from emon_platform.database import Transaction

_OPEN = [status.value for status in sorted(OPEN)]


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that this transaction holds, with everything that decides what becomes of it."""

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
    has_newer: bool
    meeting: MeetingFacts | None
    is_meeting_cancelled: bool
    invitation_id: UUID | None
    told: Told | None
    may_know: bool  # something about the subject may have been sent that is not on record
    mail_id: UUID | None  # of an earlier try
    mail_kind: Kind | None
    mail_revision: int | None
    tries: int


# Siblings are the other links of one request, which go into the same mail: whoever holds the first of them takes them all.
_TAKE = """
    WITH first AS MATERIALIZED (
        SELECT id, position, priority, person_id, kind, subject_id, ags, expires_at, mail_id
        FROM deliveries AS delivery
        WHERE status = 'queued'
          AND NOT EXISTS (
              SELECT FROM deliveries AS other
              WHERE other.person_id = delivery.person_id
                AND other.subject_id = delivery.subject_id
                AND other.status = 'sending'
          )
          AND (
              kind <> 'sign_in'
              OR NOT EXISTS (
                  SELECT FROM deliveries AS earlier
                  WHERE earlier.subject_id = delivery.subject_id
                    AND earlier.status = 'queued'
                    AND earlier.position < delivery.position
              )
          )
        ORDER BY priority, position
        LIMIT $1
        FOR UPDATE OF delivery SKIP LOCKED
    ),
    siblings AS MATERIALIZED (
        SELECT
            sibling.id, sibling.position, sibling.priority, sibling.person_id, sibling.kind, sibling.subject_id, sibling.ags,
            sibling.expires_at, sibling.mail_id
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
        EXISTS (
            SELECT FROM deliveries AS newer
            WHERE newer.person_id = taken.person_id
              AND newer.subject_id = taken.subject_id
              AND newer.position > taken.position
              AND newer.status = ANY($2::text[])
        ) AS has_newer,
        meeting.meeting_id, meeting.kind AS meeting_kind, meeting.title, meeting.start_local, meeting.start_time_zone,
        meeting.starts_at, meeting.duration_minutes, meeting.place, meeting.link, meeting.revision, meeting.cancelled,
        municipality.name AS municipality_name, guest.invitation_id,
        told.kind AS told_kind, told.revision AS told_revision,
        EXISTS (
            SELECT FROM deliveries AS doubtful
            WHERE doubtful.person_id = taken.person_id
              AND doubtful.subject_id = taken.subject_id
              AND doubtful.may_have_been_sent
        ) AS may_know,
        taken.mail_id, mail.kind AS mail_kind, mail.revision AS mail_revision,
        (SELECT count(*) FROM attempts WHERE attempts.mail_id = taken.mail_id) AS tries
    FROM taken
    LEFT JOIN directory_people AS person ON person.person_id = taken.person_id
    LEFT JOIN meetings AS meeting ON meeting.meeting_id = taken.subject_id
    LEFT JOIN directory_municipalities AS municipality ON municipality.ags = meeting.ags
    LEFT JOIN guests AS guest ON guest.meeting_id = taken.subject_id AND guest.person_id = taken.person_id
    LEFT JOIN mails AS mail ON mail.id = taken.mail_id
    LEFT JOIN LATERAL (
        SELECT earlier_mail.kind, earlier_mail.revision
        FROM deliveries AS earlier
        JOIN mails AS earlier_mail ON earlier_mail.id = earlier.mail_id
        WHERE earlier.person_id = taken.person_id
          AND earlier.subject_id = taken.subject_id
          AND earlier.id <> taken.id
          AND EXISTS (
              SELECT FROM attempts
              WHERE attempts.mail_id = earlier_mail.id AND attempts.outcome IN ('accepted', 'uncertain')
          )
        ORDER BY earlier_mail.revision DESC NULLS LAST
        LIMIT 1
    ) AS told ON meeting.meeting_id IS NOT NULL
    ORDER BY taken.priority, taken.position
"""


async def take_due(tx: Transaction, limit: int) -> list[Due]:
    """Up to `limit` deliveries that are due, the most urgent first, locked; those that another mailer holds are passed over."""
    return [_due(row) for row in await tx.fetch(_TAKE, limit, _OPEN)]


def _due(row: Any) -> Due:
    meeting = None
    if row["meeting_id"] is not None:
        meeting = MeetingFacts(
            meeting_id=row["meeting_id"],
            kind=MeetingKind(row["meeting_kind"]),
            title=row["title"],
            start=ZonedDateTime.model_construct(time_zone=row["start_time_zone"], local=row["start_local"]),
            starts_at=row["starts_at"],
            duration_minutes=row["duration_minutes"],
            place=row["place"],
            link=row["link"],
            revision=row["revision"],
            municipality_name=row["municipality_name"],
        )
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
        has_newer=row["has_newer"],
        meeting=meeting,
        is_meeting_cancelled=bool(row["cancelled"]),
        invitation_id=row["invitation_id"],
        told=None if row["told_kind"] is None else Told(Kind(row["told_kind"]), row["told_revision"]),
        may_know=row["may_know"],
        mail_id=row["mail_id"],
        mail_kind=None if row["mail_kind"] is None else Kind(row["mail_kind"]),
        mail_revision=row["mail_revision"],
        tries=row["tries"],
    )
