"""Asks each database what it is, as each of its roles."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import asyncpg

from emon_operator.doctor.examination import Check
from emon_operator.doctor.findings import Finding
from emon_operator.doctor.installation import SCHEMAS, Installation
from emon_operator.doctor.rules import clock, databases as rules
from emon_platform.migrations import Migration

Connection: TypeAlias = "asyncpg.Connection[Any]"

CONNECT_TIMEOUT_S = 5.0
# Overflow: a port that no machine has.
CANNOT_CONNECT = (OSError, TimeoutError, ValueError, OverflowError, asyncpg.PostgresError, asyncpg.InterfaceError)

# Only those of one's own role are shown to it, so that each role is asked for its own.
_OLDEST_TRANSACTION = """
    SELECT coalesce(max(clock_timestamp() - xact_start), interval '0')
    FROM pg_stat_activity
    WHERE usename = current_user AND pid <> pg_backend_pid()
"""


def checks(installation: Installation) -> list[Check]:
    """One for each role of each database."""
    return [
        Check(rules.SUBJECT, f"{service} as {kind}", _examine(service, kind, urls))
        for service, urls in installation.database_urls().items()
        for kind in urls
    ]


async def connect(url: str) -> Connection:
    """A connection for questions alone. Raises what asyncpg raises."""
    return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S, server_settings={"application_name": "emon doctor"})


def failed_to_connect(where: str, error: Exception) -> Finding:
    """Why there is no connection. PostgreSQL's own words name role and database, and never a password."""
    refused = isinstance(error, asyncpg.PostgresError) and not isinstance(error, asyncpg.CannotConnectNowError)
    return rules.unreachable(where, str(error) or type(error).__name__, refused=refused)


def _examine(service: str, kind: str, urls: Mapping[str, str]) -> Any:
    where = f"{service} as {kind}"

    async def run() -> Sequence[Finding]:
        try:
            connection = await connect(urls[kind])
        except CANNOT_CONNECT as error:
            return [failed_to_connect(where, error)]
        try:
            found = rules.judge_role(where, await _role(connection, kind))
            found += rules.judge_oldest_transaction(where, await connection.fetchval(_OLDEST_TRANSACTION))
            if kind == "owner":
                found += await _as_owner(connection, service, urls)
            return found
        finally:
            await connection.close()

    return run


async def _as_owner(connection: Connection, service: str, urls: Mapping[str, str]) -> list[Finding]:
    where = f"database of {service}"
    known: list[Migration] = SCHEMAS[service].migrations()
    role_names = {kind: unquote(urlsplit(url).username or "") for kind, url in urls.items()}
    applied = await _applied(connection)
    # A database that lacks migrations lacks what they made; to list that as well would hide what is to be done.
    seen = [migration.sql for migration in known if migration.name in applied]
    return [
        *rules.judge_server(where, await _server(connection)),
        *rules.judge_migrations(where, {migration.name: migration.sha256 for migration in known}, applied),
        *rules.judge_security(where, rules.promised_by(seen), await _security(connection, role_names), role_names),
        *await _strangers(connection, where),
        await _clock(connection, where),
        rules.size(where, await connection.fetchval("SELECT pg_database_size(current_database())")),
    ]


async def _role(connection: Connection, kind: str) -> rules.Role:
    row = await connection.fetchrow(
        """
        SELECT
            rolname AS name,
            array_remove(ARRAY[
                CASE WHEN rolsuper THEN 'SUPERUSER' END,
                CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
                CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
                CASE WHEN rolcreatedb THEN 'CREATEDB' END,
                CASE WHEN rolreplication THEN 'REPLICATION' END
            ], NULL) AS attributes,
            ARRAY(
                SELECT other.rolname::text
                FROM pg_roles AS other
                WHERE other.oid <> mine.oid AND NOT mine.rolsuper AND pg_has_role(mine.oid, other.oid, 'MEMBER')
                    AND other.rolname <> 'pg_database_owner' -- the owner of a database is one by itself
                ORDER BY 1
            ) AS member_of
        FROM pg_roles AS mine
        WHERE rolname = current_user
        """
    )
    assert row is not None  # whoever asks has a role
    return rules.Role(kind, row["name"], row["attributes"], row["member_of"])


async def _applied(connection: Connection) -> dict[str, str]:
    if not await connection.fetchval("SELECT to_regclass('public.schema_migrations') IS NOT NULL"):
        return {}
    return {row["name"]: row["sha256"] for row in await connection.fetch("SELECT name, sha256 FROM schema_migrations")}


async def _server(connection: Connection) -> rules.Server:
    row = await connection.fetchrow(
        """
        SELECT
            current_setting('server_version_num')::integer / 10000 AS version,
            (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL) AS connections,
            current_setting('max_connections')::integer
                - current_setting('superuser_reserved_connections')::integer
                - coalesce(current_setting('reserved_connections', true), '0')::integer AS connections_max,
            (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()) AS transaction_age
        """
    )
    assert row is not None  # a query without FROM has a row
    return rules.Server(**row)


async def _security(connection: Connection, role_names: Mapping[str, str]) -> rules.Found:
    tables = await connection.fetch(
        """
        SELECT
            relname AS name, pg_get_userbyid(relowner) AS owner, relrowsecurity AS secured, relforcerowsecurity AS forced,
            $1 = pg_get_userbyid(relowner)
                OR EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND (rolsuper OR rolbypassrls)) AS open_to_api
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        """,
        role_names.get("api", ""),
    )
    policies = await connection.fetch("SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'")
    rights = await connection.fetch(
        """
        SELECT grantee.kind, pg_class.relname AS name, granted.privilege_type AS privilege
        FROM pg_class, aclexplode(relacl) AS granted
        JOIN unnest($1::text[], $2::text[]) AS grantee (kind, name)
            ON granted.grantee = CASE WHEN grantee.kind = 'PUBLIC' THEN 0 ELSE to_regrole(quote_ident(grantee.name))::oid END
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        """,
        ["PUBLIC", *(kind for kind in role_names if kind != "owner")],
        ["", *(name for kind, name in role_names.items() if kind != "owner")],
    )
    return rules.Found(
        secured=frozenset(row["name"] for row in tables if row["secured"]),
        forced=frozenset(row["name"] for row in tables if row["forced"]),
        policies=frozenset((row["tablename"], row["policyname"]) for row in policies),
        rights=frozenset((row["kind"], row["name"], row["privilege"]) for row in rights),
        owners={row["name"]: row["owner"] for row in tables},
        open_to_api=frozenset(row["name"] for row in tables if row["open_to_api"]),
    )


async def _strangers(connection: Connection, where: str) -> list[Finding]:
    row = await connection.fetchrow(
        """
        SELECT
            datname AS name,
            datacl IS NULL OR EXISTS (
                SELECT FROM aclexplode(datacl) AS granted WHERE granted.grantee = 0 AND granted.privilege_type = 'CONNECT'
            ) AS open
        FROM pg_database
        WHERE datname = current_database()
        """
    )
    assert row is not None  # we are connected to it
    return rules.judge_strangers(where, anybody_may_connect=row["open"], database=row["name"])


async def _clock(connection: Connection, where: str) -> Finding:
    before = datetime.now(UTC)
    theirs = await connection.fetchval("SELECT clock_timestamp()")
    after = datetime.now(UTC)
    ahead_s = (before + (after - before) / 2 - theirs).total_seconds()
    return clock.judge_offset(where, ahead_s, (after - before).total_seconds() / 2)
