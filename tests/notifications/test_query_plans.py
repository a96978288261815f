"""A group costs what its mails cost, however much is queued and however little the planner knows of it."""

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningPostgreSQL
from emon_notifications.deliveries.rules import Cause, Kind
from emon_notifications.mailing import repository
from emon_notifications.mailing.due import take_due
from emon_notifications.mailing.measuring import of_deliveries
from emon_notifications.mailing.repository import BY_INDEX, Begun, Finished
from emon_platform import metrics
from emon_platform.database import Database, Transaction

QUEUED = 2000
GROUP = 20


class Explaining(Transaction):
    """Runs statements as a service does after a while, from the plan that it once made, and counts the rows that each reads."""

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx.connection, None, None)
        self.rows_read: list[int] = []

    async def fetch(self, query: str, *arguments: object) -> list[Any]:
        await self.execute(query, *arguments)
        return await self.connection.fetch(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        await self.execute(query, *arguments)
        return await self.connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: object) -> str:
        name = f"explained_{sha256(query.encode()).hexdigest()[:16]}"
        if not await self.connection.fetchval("SELECT count(*) FROM pg_prepared_statements WHERE name = $1", name):
            await self.connection.execute(f"PREPARE {name} AS {query}")
        plan = await self.connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {name} {_call(arguments)}")
        self.rows_read.append(sum(_rows_read(json.loads(plan)[0]["Plan"])))
        return ""


def _call(arguments: Sequence[object]) -> str:
    return f"({', '.join(map(_literal, arguments))})" if arguments else ""


def _literal(argument: object) -> str:
    if isinstance(argument, list):
        items = ",".join("NULL" if item is None else f'"{item}"' for item in cast("list[object]", argument))
        return f"'{{{items}}}'"
    return f"'{argument}'"


def _rows_read(plan: dict[str, Any]) -> Iterator[int]:
    """Of each reading of a table: what it found, and what it looked at in vain. A bitmap has read what its indexes found."""
    reads_table = "Relation Name" in plan and plan["Node Type"] not in ("ModifyTable", "Bitmap Heap Scan")
    if reads_table or plan["Node Type"] == "Bitmap Index Scan":
        yield (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    if "Join Filter" in plan:
        yield plan.get("Rows Removed by Join Filter", 0) * plan["Actual Loops"]
    for part in plan.get("Plans", ()):
        yield from _rows_read(part)


async def _let_the_planner_look_for_the_last_time(superuser: "asyncpg.Connection[Any]") -> None:
    await superuser.execute("ALTER TABLE deliveries SET (autovacuum_enabled = off)")
    await superuser.execute("VACUUM ANALYZE")


async def _queue(superuser: "asyncpg.Connection[Any]") -> None:
    await superuser.execute(
        """
        INSERT INTO deliveries (event_id, person_id, kind, category, priority, subject_id, status, occurred_at, expires_at)
        SELECT $2, gen_random_uuid(), 'invitation', 'meetings', 30, $2, 'queued', now(), now() + interval '1 day'
        FROM generate_series(1, $1::integer)
        """,
        QUEUED,
        uuid7(),
    )


async def _record(tx: Transaction, deliveries: Sequence[UUID]) -> None:
    """One group, begun and accepted."""
    begun = [Begun(delivery, uuid7(), uuid7(), Kind.INVITATION, 1, None) for delivery in deliveries]
    await repository.begin(tx, 7, begun)
    accepted = [
        Finished(item.mail_id, item.attempt_id, (item.delivery_id,), Cause.WAS_ACCEPTED, "accepted", reply="250 OK")
        for item in begun
    ]
    await repository.finish(tx, accepted)


async def test_a_group_reads_no_more_rows_than_its_mails_have(
    postgresql: RunningPostgreSQL, urls: ServiceDatabase, worker: Database
) -> None:
    superuser = await asyncpg.connect(postgresql.superuser_url, database=urls.name, ssl=False)
    await _let_the_planner_look_for_the_last_time(superuser)
    async with worker.unscoped(BY_INDEX) as tx:  # each plan is made as early as in a new worker, and stays
        explaining = Explaining(tx)
        await repository.count_due(explaining, GROUP)
        await _record(explaining, [uuid7()])
    await _queue(superuser)
    await superuser.close()
    async with worker.unscoped(BY_INDEX) as tx:
        await take_due(Explaining(tx), GROUP)
    for _ in range(QUEUED // 2 // GROUP):
        async with worker.unscoped(BY_INDEX) as tx:
            await _record(tx, [due.id for due in await take_due(tx, GROUP)])
    async with worker.unscoped(BY_INDEX) as tx:
        explaining = Explaining(tx)
        await repository.count_due(explaining, GROUP)
        await _record(explaining, [due.id for due in await take_due(explaining, GROUP)])
        accepted = await tx.fetchval("SELECT count(*) FROM deliveries WHERE status = 'accepted'")
    assert accepted == QUEUED // 2 + GROUP
    counted, taken, begun, recorded, accepted = explaining.rows_read
    assert counted <= 2 * GROUP
    assert taken <= 5 * GROUP  # its own rows, who is meant, and what else they were told of this
    assert begun <= 2 * GROUP
    assert recorded <= 2 * GROUP
    assert accepted <= 4 * GROUP  # locked, then changed; each as it was before, too


async def test_figures_read_no_delivery_that_is_settled(
    postgresql: RunningPostgreSQL, urls: ServiceDatabase, worker: Database
) -> None:
    superuser = await asyncpg.connect(postgresql.superuser_url, database=urls.name, ssl=False)
    await _let_the_planner_look_for_the_last_time(superuser)
    await _queue(superuser)
    async with worker.unscoped() as tx:
        await tx.execute("UPDATE deliveries SET status = 'accepted' WHERE position % 10 > 1")
        await tx.execute("UPDATE deliveries SET status = 'uncertain' WHERE position % 100 = 0")
        await tx.execute("UPDATE deliveries SET status = 'bounced' WHERE position % 100 = 10")
        await tx.execute("UPDATE deliveries SET updated_at = now() - interval '7 min' WHERE position = 1")
    await superuser.execute("VACUUM deliveries")
    await superuser.close()
    async with worker.unscoped() as tx:
        explaining = Explaining(tx)
        found = await of_deliveries(explaining)
    open_ = QUEUED * 2 // 10 - QUEUED // 100
    assert sum(explaining.rows_read) <= open_
    states = {state: count for (state,), count in found[metrics.deliveries].items()}
    uncertain = QUEUED // 100
    assert states == {
        "waiting": 0, "queued": open_ - uncertain, "sending": 0, "deferred": 0, "held": 0, "uncertain": uncertain,
    }  # fmt: skip
    assert 420 <= found[metrics.queued_age_seconds][()] < 600
