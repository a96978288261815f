"""Looking after feedback that is due."""

from datetime import datetime

import structlog

from emon_feedback.asking.repository import candidates, hold_people
from emon_feedback.escalation import rules
from emon_feedback.feedback import repository
from emon_feedback.feedback.commands import publish
from emon_platform.database import Transaction

log = structlog.get_logger()

LOOKED_AFTER_AT_ONCE_MAX = 100


async def look_after_due(tx: Transaction, now: datetime, mediator_email: str | None) -> None:
    """Asks the next ones about everything that is due at this time."""
    await hold_people(tx)
    for feedback in await repository.feedback_to_look_after(tx, now, LOOKED_AFTER_AT_ONCE_MAX):
        about = feedback.about
        found = await candidates(tx, feedback.ags, about.organisation_id, about.person_id, mediator_email)
        changed = rules.ask_next(feedback, found, now)
        await repository.save_feedback(tx, changed.feedback)
        if changed.event is None:
            log.warning("nobody_to_ask", feedback_id=str(feedback.id))
            continue
        await repository.save_asked(tx, changed.feedback)
        await publish(tx, changed)
