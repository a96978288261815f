"""Asks databases and broker how far what happened has come, and services for what ails them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import aiohttp

from emon_operator.doctor.databases import CANNOT_CONNECT, Connection, connect
from emon_operator.doctor.examination import Check
from emon_operator.doctor.findings import Finding, ok, problem, warning
from emon_operator.doctor.installation import Installation
from emon_operator.doctor.rules import lag as rules
from emon_platform.kafka_access import KafkaAccess
from emon_platform.kafka_edge import KafkaError, describe_logs

NOT_CONNECTED_MEND = "See what is found about this database."
HEALTH_WITHIN_S = 5.0


def checks(installation: Installation, health_urls: Sequence[str]) -> list[Check]:
    """One for each database, and one for each address that says how a service is."""
    kafka = installation.kafka()
    found = [
        Check(rules.SUBJECT, service, partial(_examine, service, urls["worker"], kafka.get(service)))
        for service, urls in installation.database_urls().items()
        if "worker" in urls
    ]
    urls = {**installation.operations_urls, **{url: url for url in health_urls}}
    return found + [Check(rules.SUBJECT, f"health of {name}", partial(_health, name, url)) for name, url in urls.items()]


async def _examine(service: str, url: str, kafka: KafkaAccess | None) -> Sequence[Finding]:
    try:
        connection = await connect(url)
    except CANNOT_CONNECT:
        return [warning(rules.SUBJECT, service, "not looked at: no connection to its database", NOT_CONNECTED_MEND)]
    try:
        # A database without migrations has none of these tables, and is found by its migrations.
        tables = {
            row["tablename"] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        }
        findings: list[Finding] = []
        if "outbox" in tables:
            findings += await _outbox(connection, service)
        if "dead_letters" in tables:
            findings += await _dead_letters(connection, service)
        if "consumer_offsets" in tables and kafka is not None:
            findings += await _positions(connection, service, kafka)
        if "deliveries" in tables and service == "notifications":
            findings += await _mails(connection)
        return findings
    finally:
        await connection.close()


async def _outbox(connection: Connection, service: str) -> list[Finding]:
    row = await connection.fetchrow("SELECT count(*) AS waiting, clock_timestamp() - min(created_at) AS oldest FROM outbox")
    assert row is not None  # an aggregate has a row
    return rules.judge_outbox(service, row["waiting"], row["oldest"])


async def _dead_letters(connection: Connection, service: str) -> list[Finding]:
    return rules.judge_dead_letters(service, await connection.fetchval("SELECT count(*) FROM dead_letters"))


async def _positions(connection: Connection, service: str, kafka: KafkaAccess) -> list[Finding]:
    query = "SELECT topic, partition, next_offset FROM consumer_offsets WHERE consumer = $1 ORDER BY topic, partition"
    stored = {(row["topic"], row["partition"]): row["next_offset"] for row in await connection.fetch(query, service)}
    if not stored:
        return [ok(rules.SUBJECT, f"consumer {service}", "has not begun")]
    now = datetime.now(UTC)
    try:
        logs = await describe_logs(kafka, list(stored), [now - rules.NOTICED_AFTER, now - rules.HARMFUL_AFTER])
    except (KafkaError, OSError) as error:
        what = f"not looked at: the broker did not say how far its logs reach ({type(error).__name__})"
        return [warning(rules.SUBJECT, f"consumer {service}", what, "See what is found about the broker.")]
    # Read before the logs were: what came meanwhile is younger than any lag that is noticed.
    positions = [
        rules.Position(*key, offset, logs[key].beginning, logs[key].end, *logs[key].at) for key, offset in stored.items()
    ]
    return rules.judge_positions(service, positions)


async def _mails(connection: Connection) -> list[Finding]:
    row = await connection.fetchrow(
        """
        SELECT
            count(*) FILTER (WHERE status = 'uncertain') AS uncertain,
            count(*) FILTER (WHERE status = 'held') AS held,
            count(*) FILTER (WHERE status = 'bounced' AND updated_at > now() - interval '1 day') AS bounced_today,
            count(*) FILTER (WHERE due_at < now() - $1::interval) AS overdue,
            coalesce(max(now() - due_at), interval '0') AS longest_overdue
        FROM (
            SELECT
                status, updated_at,
                CASE WHEN status IN ('queued', 'sending') THEN updated_at WHEN status = 'deferred' THEN not_before END AS due_at
            FROM deliveries
            WHERE status IN ('queued', 'deferred', 'sending', 'uncertain', 'held', 'bounced')
        ) AS delivery
        """,
        rules.OVERDUE_AFTER,
    )
    assert row is not None  # an aggregate has a row
    return rules.judge_mails(rules.Mails(**row))


async def _health(name: str, url: str) -> Sequence[Finding]:
    where = f"health of {name}"
    limit = aiohttp.ClientTimeout(total=HEALTH_WITHIN_S)
    try:
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(f"{url.rstrip('/')}/health/ready") as answer:
            said = await answer.json(content_type=None)
            troubles, remarks = said["troubles"], said.get("remarks", [])
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError) as error:
        mend = f"See whether it runs and can be reached from here at {url}."
        return [problem(rules.SUBJECT, where, f"it does not say how it is ({type(error).__name__})", mend)]
    return rules.judge_health(name, troubles, remarks)
