"""Reading what needs somebody."""

from datetime import datetime

from emon_contracts.actors import Actor
from emon_gateway.today import repository, rules
from emon_gateway.today.bodies import Seen
from emon_gateway.today.reach import in_reach
from emon_platform.database import Database


async def look(database: Database, actor: Actor, now: datetime) -> Seen:
    """What needs the caller now."""
    async with in_reach(database, actor) as tx:
        found = await repository.what_waits(tx, now)
        working = await repository.working_time(tx)
    return Seen.of(found, rules.items_of(found, working, now))
