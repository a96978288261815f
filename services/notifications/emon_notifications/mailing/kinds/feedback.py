"""Mails about feedback: to those who are asked to act, and to the author. None says what was written, or about whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from emon_notifications.feedback import repository, rules
from emon_notifications.feedback.rules import Feedback, Request
from emon_notifications.mailing.due import Due
from emon_notifications.mailing.kinds.matter import Contents, LinkTo
from emon_notifications.mailing.rules import End, Tell
from emon_notifications.rendering import FeedbackFacts
from emon_platform.database import Transaction
from emon_platform.signed_links import Purpose, SignedLink

KINDS = rules.KINDS
LINK_LASTS = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class FeedbackMatter:
    """Feedback as it is now, and what one person is asked to do about it."""

    feedback: Feedback
    request: Request | None
    municipality_name: str | None
    shares_mail: ClassVar[bool] = False

    def decide(self, due: Due, now: datetime) -> Tell | End:
        """By what is true now, and what the person knows."""
        return rules.what_to_tell(self.feedback, due.kind, self.request, due.told)

    def contents(self, tell: Tell, due: Sequence[Due], now: datetime) -> Contents:
        """What is awaited and by when, and a link to the feedback."""
        [reader] = due
        link = SignedLink(
            purpose=Purpose.FEEDBACK,
            identifier=self.feedback.feedback_id,
            subject_id=self.feedback.feedback_id,
            revision=self.feedback.version,
            person_id=reader.person_id,
            issued_at=now,
            expires_at=now + LINK_LASTS,
        )
        facts = FeedbackFacts(self.feedback.kind, self.feedback.awaited, self.feedback.due_by, self.municipality_name)
        return Contents(facts, (LinkTo(reader.display_name or "", link),))


async def load(tx: Transaction, due: Sequence[Due]) -> Mapping[UUID, FeedbackMatter]:
    """The feedback of these deliveries."""
    rows = await repository.requests_and_places(tx, [(item.id, item.subject_id, item.person_id) for item in due])
    return {
        row["id"]: FeedbackMatter(repository.feedback_of(row), repository.request_of(row), row["municipality_name"])
        for row in rows
    }
