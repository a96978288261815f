"""What people do with feedback: acknowledge, put off, answer; rate and write back."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from emon_contracts.actors import Actor
from emon_contracts.envelope import NewEvent
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound, Refusal, Refused
from emon_feedback.feedback import repository, rules
from emon_feedback.feedback.rules import Changed, Feedback, Message
from emon_platform import outbox
from emon_platform.database import Database, Transaction
from emon_platform.http.idempotency import IdempotencyKey, earlier_result, remember_result

Decision = Callable[[Feedback, datetime], Changed | Refusal]


async def acknowledge(database: Database, actor: Actor, feedback_id: UUID) -> None:
    """Says that somebody read it. Raises NotFound or Refused, as all of these do."""
    await _answer(database, actor, feedback_id, None, lambda item, now: rules.acknowledge(item, actor.person_id, now))


async def put_off(
    database: Database, actor: Actor, feedback_id: UUID, text: str, answer_by: date, key: IdempotencyKey | None
) -> None:
    """Gives an interim reply and a new date."""
    await _answer(database, actor, feedback_id, key, lambda item, now: rules.put_off(item, actor.person_id, text, answer_by, now))


async def answer(database: Database, actor: Actor, feedback_id: UUID, text: str, key: IdempotencyKey | None) -> None:
    """Answers it."""
    await _answer(database, actor, feedback_id, key, lambda item, now: rules.answer(item, actor.person_id, text, now))


async def rate(database: Database, actor: Actor, feedback_id: UUID, stars: int) -> None:
    """Its author says how good the answer was."""
    async with database.transaction(actor, Permission.FEEDBACK_RESPOND) as tx:
        feedback = await locked(tx, feedback_id)
        await save(tx, rules.rate(feedback, feedback.author_id == actor.person_id, stars, datetime.now(UTC)))


async def write_back(database: Database, actor: Actor, feedback_id: UUID, text: str, key: IdempotencyKey | None) -> None:
    """Its author adds something."""
    async with database.transaction(actor, Permission.FEEDBACK_RESPOND) as tx:
        if await earlier_result(tx, key) is not None:
            return
        feedback = await locked(tx, feedback_id)
        message = new_message(text, datetime.now(UTC))
        await save(tx, rules.write_back(feedback, feedback.author_id == actor.person_id, message), message)
        await remember_result(tx, key, feedback_id)


def new_message(text: str, now: datetime) -> Message:
    """A message under an id of its own, later than every one before."""
    return Message(uuid7(), text, now)


async def locked(tx: Transaction, feedback_id: UUID) -> Feedback:
    """The feedback, locked until the end of the transaction. Raises NotFound."""
    feedback = await repository.lock_feedback(tx, feedback_id)
    if feedback is None:
        raise NotFound("feedback", feedback_id)
    return feedback


async def save(tx: Transaction, changed: Changed | Refusal, message: Message | None = None) -> None:
    """Saves what the rules decided, and tells of it. Raises Refused."""
    if isinstance(changed, Refusal):
        raise Refused(changed)
    await repository.save_feedback(tx, changed.feedback)
    if message is not None:
        await repository.insert_message(tx, changed.feedback.id, message)
    await publish(tx, changed)


async def publish(tx: Transaction, changed: Changed) -> None:
    """Leaves the event in the outbox, where there is one."""
    feedback = changed.feedback
    if changed.event is None:
        return
    event = NewEvent(changed.event, subject=str(feedback.id), sequence=feedback.version, tenant=feedback.ags)
    await outbox.append(tx, "feedback", [event])


async def _answer(database: Database, actor: Actor, feedback_id: UUID, key: IdempotencyKey | None, decide: Decision) -> None:
    async with database.transaction(actor, Permission.FEEDBACK_ANSWER) as tx:
        if await earlier_result(tx, key) is not None:
            return
        await save(tx, decide(await locked(tx, feedback_id), datetime.now(UTC)))
        await remember_result(tx, key, feedback_id)
