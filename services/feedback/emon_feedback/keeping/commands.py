"""Forgetting what must not be kept."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from emon_feedback.keeping import repository
from emon_feedback.keeping.rules import texts_end_at
from emon_platform.database import Transaction


async def forget_erased_people(tx: Transaction, person_ids: Sequence[UUID]) -> None:
    """The directory changed; whoever was erased is taken out of all feedback."""
    await repository.forget_erased(tx, person_ids, datetime.now(UTC))


async def blank_old_texts(tx: Transaction, now: datetime) -> None:
    """Free text is kept for 24 months."""
    await repository.blank_texts_before(tx, texts_end_at(now))
