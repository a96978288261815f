"""What an anonymous author does: read, write back, rate. The secret is all they are known by."""

from datetime import UTC, datetime
from uuid import UUID

from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound
from emon_feedback.anonymous import repository
from emon_feedback.anonymous.secrets import hash_of
from emon_feedback.feedback import rules
from emon_feedback.feedback.commands import locked, new_message, save
from emon_feedback.feedback.repository import feedback_by_id
from emon_feedback.feedback.rules import Feedback
from emon_platform.database import Database, Transaction


async def read(database: Database, actor: Actor, secret: str) -> Feedback:
    """The feedback of this secret. Raises NotFound, as all of these do."""
    async with database.transaction(actor, Permission.FEEDBACK_ANONYMOUS) as tx:
        feedback = await feedback_by_id(tx, await _opened(tx, secret))
        if feedback is None:
            raise _not_found()
        return feedback


async def write_back(database: Database, actor: Actor, secret: str, text: str) -> None:
    """Adds a message. Raises Refused."""
    async with database.transaction(actor, Permission.FEEDBACK_ANONYMOUS) as tx:
        feedback = await locked(tx, await _opened(tx, secret))
        message = new_message(text, datetime.now(UTC))
        await save(tx, rules.write_back(feedback, True, message), message)


async def rate(database: Database, actor: Actor, secret: str, stars: int) -> None:
    """Says how good the answer was. Raises Refused."""
    async with database.transaction(actor, Permission.FEEDBACK_ANONYMOUS) as tx:
        feedback = await locked(tx, await _opened(tx, secret))
        await save(tx, rules.rate(feedback, True, stars, datetime.now(UTC)))


async def _opened(tx: Transaction, secret: str) -> UUID:
    secret_hash = hash_of(secret)
    found = await repository.open_by_secret(tx, secret_hash) if secret_hash else None
    if found is None:
        raise _not_found()
    return found


def _not_found() -> NotFound:
    return NotFound("feedback", "(of a secret)")
