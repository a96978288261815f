"""How far somebody reaches: their scopes of several permissions at once, for one read of what needs them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission, Scope, scope_of
from emon_platform.database import Database, Transaction

_NOTHING = Scope()


@asynccontextmanager
async def in_reach(database: Database, actor: Actor) -> AsyncGenerator[Transaction]:
    """A transaction in which the read model shows of meetings, feedback and deliveries what their services show to `actor`.

    `emon.feedback_…` and `emon.delivery_…` are for the policies of migrations/0002_today.sql.
    """
    async with database.transaction(actor, Permission.MEETING_READ) as tx:
        await act_with(tx, actor)
        yield tx


async def act_with(tx: Transaction, actor: Actor) -> None:
    """From here on feedback and deliveries are in reach as far as the actor's own permissions for them go."""
    feedback, deliveries = (_scope(actor, item) for item in (Permission.FEEDBACK_ANSWER, Permission.DELIVERY_READ))
    await tx.execute(
        """
        SELECT
            set_config('emon.feedback_municipalities', $1, true),
            set_config('emon.delivery_municipalities', $2, true),
            set_config('emon.delivery_everywhere', $3, true)
        """,
        ",".join(sorted(feedback.municipalities)),
        ",".join(sorted(deliveries.municipalities)),
        "on" if deliveries.everywhere else "off",
    )


def words_of(actor: Actor) -> frozenset[str] | None:
    """The words of changes (emon_platform.changes) that concern the caller; None: all of them."""
    scopes = [_scope(actor, item) for item in (Permission.MEETING_READ, Permission.FEEDBACK_ANSWER, Permission.DELIVERY_READ)]
    if any(scope.everywhere for scope in scopes):
        return None
    return frozenset({str(actor.person_id)}).union(*(scope.municipalities for scope in scopes))


def _scope(actor: Actor, permission: Permission) -> Scope:
    return scope_of(actor, permission) or _NOTHING
