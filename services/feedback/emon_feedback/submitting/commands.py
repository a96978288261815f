"""Submitting feedback, by name or without one."""

from datetime import UTC, datetime
from uuid import UUID

from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission, Scope, scope_of
from emon_contracts.refusals import Forbidden, Refusal, Refused
from emon_contracts.values import Ags
from emon_feedback.asking.repository import candidates, hold_people
from emon_feedback.feedback import repository as feedback_rows
from emon_feedback.feedback.commands import publish
from emon_feedback.feedback.rules import Feedback
from emon_feedback.submitting import repository, rules
from emon_feedback.submitting.rules import UNKNOWN_MUNICIPALITY, WHICH_MUNICIPALITY, Submission
from emon_platform import directory
from emon_platform.database import Database, Transaction
from emon_platform.http.idempotency import IdempotencyKey, earlier_result, remember_result


async def submit_feedback(
    database: Database, actor: Actor, submission: Submission, mediator_email: str | None, key: IdempotencyKey | None
) -> UUID:
    """Takes feedback and asks the first ones who are there. Answers its id, which is the earlier one where it was sent before.

    Raises Refused for a municipality, or something it is about, that does not exist for the caller.
    """
    ags = await _where(database, actor, Permission.FEEDBACK_SUBMIT, submission)
    async with database.transaction(actor, Permission.FEEDBACK_SUBMIT) as tx:
        earlier = await earlier_result(tx, key)
        if earlier is None:
            await _insert(tx, submission, ags, mediator_email, None)
            await remember_result(tx, key, submission.id)
            return submission.id
        return earlier


async def submit_anonymously(
    database: Database, actor: Actor, submission: Submission, mediator_email: str | None, secret_hash: bytes
) -> Feedback:
    """Takes feedback of somebody unknown, who reads it again by the secret alone. Raises Refused."""
    ags = await _where(database, actor, Permission.FEEDBACK_ANONYMOUS, submission)
    async with database.transaction(actor, Permission.FEEDBACK_ANONYMOUS) as tx:
        return await _insert(tx, submission, ags, mediator_email, secret_hash)


async def _insert(
    tx: Transaction, submission: Submission, ags: Ags, mediator_email: str | None, secret_hash: bytes | None
) -> Feedback:
    about = submission.about
    await hold_people(tx)
    found = await candidates(tx, ags, about.organisation_id, about.person_id, mediator_email)
    changed = rules.submit(submission, ags, found, datetime.now(UTC))
    await feedback_rows.insert_feedback(tx, changed.feedback, secret_hash)
    await publish(tx, changed)
    return changed.feedback


async def _where(database: Database, actor: Actor, permission: Permission, submission: Submission) -> Ags:
    """The municipality, after looking again for what may just be on its way."""
    scope = scope_of(actor, permission)
    if scope is None:
        raise Forbidden(permission.value)
    refusal = rules.about_refusal(submission)
    if refusal:
        raise Refused(refusal)
    if submission.ags is not None and not scope.covers(submission.ags):
        raise Refused(UNKNOWN_MUNICIPALITY)
    outcomes: list[Ags | Refusal] = []

    async def look() -> tuple[str, ...]:
        async with database.transaction(actor, permission) as tx:
            outcomes.append(await _municipality(tx, submission, scope))
        return () if isinstance(outcomes[-1], Refusal) and outcomes[-1] != WHICH_MUNICIPALITY else ("municipality",)

    await directory.look_again(look, ("municipality",))
    if isinstance(outcomes[-1], Refusal):
        raise Refused(outcomes[-1])
    return outcomes[-1]


async def _municipality(tx: Transaction, submission: Submission, scope: Scope) -> Ags | Refusal:
    lies_in = await repository.municipalities_of(tx, submission.about)
    outcome = rules.municipality(submission, scope.municipalities, {ags for ags in lies_in if scope.covers(ags)})
    if not isinstance(outcome, Refusal) and not await directory.has_open_municipality(tx, outcome):
        return UNKNOWN_MUNICIPALITY
    return outcome
