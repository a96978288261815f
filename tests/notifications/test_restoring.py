"""An operator says that the ledger was restored: what it still had to send is held, but for sign-in mails."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from emon_contracts.topics import MEETINGS_EVENTS
from emon_embedded.stack import RunningKafka
from emon_notifications.planning.subscribers import Planner
from emon_notifications.restoring.holding import Holding

from tests.notifications.conftest import World

HELD = ("held", "from-before-the-restore")


async def test_by_the_operators_word_what_was_due_is_held_and_what_is_planned_later_is_not(
    world: World, kafka: RunningKafka
) -> None:
    queued, deferred, late = await world.people(3)
    meeting = await world.meeting([queued, deferred])
    async with world.worker.unscoped() as tx:
        await tx.execute(
            "UPDATE deliveries SET status = 'deferred', not_before = now() + '1 hour'::interval WHERE person_id = $1", deferred
        )
    request = await world.ask_to_sign_in(queued)
    moment = datetime.now(UTC)
    holding = Holding(world.worker, kafka.access, f"nobody-{uuid4()}", [MEETINGS_EVENTS], moment)
    for _ in range(2):  # as at each start for as long as the setting stays
        await holding.hold_what_a_backup_brought_back()
        assert await world.outcomes(subject_id=meeting) == [HELD, HELD]
        assert await world.outcomes(subject_id=request) == [("queued", None)]
    world.planner = Planner(moment)
    await world.invite(meeting, [late], at=datetime.now(UTC) + timedelta(seconds=1))
    async with world.worker.unscoped() as tx:
        await tx.execute(
            "UPDATE deliveries SET status = 'queued', reason = 'released-by-staff', updated_at = now() WHERE person_id = $1",
            deferred,
        )
    await holding.hold_what_a_backup_brought_back()
    assert await world.outcomes(subject_id=meeting) == [HELD, ("queued", "released-by-staff"), ("queued", None)]
