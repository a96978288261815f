"""Migrations: SQL files applied once, in order, forward only, by the role that owns the tables.

Each file is one transaction together with its record; a file that was changed after it was applied is refused. Several
starters at once are safe. `:api_role` and `:worker_role` in a file stand for the names of the service's two other roles.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

LOCK_ID = 0x656D6F6E  # "emon"
LOCK_PAUSE_S = 0.1


class MigrationChanged(Exception):
    """A file that this database already knows has other contents now."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `name` is its source and file name, such as `outbox/0001_outbox.sql`."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_of(package: str, folder: str = "migrations", source: str | None = None) -> list[Migration]:
    """The SQL files in a package's folder, by name."""
    source = source or package
    root = files(package).joinpath(folder)
    entries = sorted((entry for entry in root.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [Migration(f"{source}/{entry.name}", entry.read_text(encoding="utf-8")) for entry in entries]


def platform_migrations(*parts: str) -> list[Migration]:
    """Those of the platform's own tables, by part: outbox, consumers, idempotency, directory."""
    return [migration for part in parts for migration in migrations_of("emon_platform", f"tables/{part}", part)]


async def migrate(owner_url: str, api_url: str, worker_url: str, migrations: list[Migration]) -> list[str]:
    """Applies what is missing; answers the names of the files applied now."""
    connection = await asyncpg.connect(owner_url)
    try:
        await _lock(connection)
        return await apply(connection, role_of(api_url), role_of(worker_url), migrations)
    finally:
        await connection.close()


async def apply(connection: Any, api_role: str, worker_role: str, migrations: list[Migration]) -> list[str]:
    """Applies what is missing in this database, on a connection of its owner; answers the names. Raises MigrationChanged."""
    await connection.execute(
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            name       text PRIMARY KEY,
            sha256     text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    # A backup is taken by the worker, and says which migrations it needs.
    await connection.execute(f"GRANT SELECT ON schema_migrations TO {_quoted(worker_role)}")
    applied = {row["name"]: row["sha256"] for row in await connection.fetch("SELECT name, sha256 FROM schema_migrations")}
    now: list[str] = []
    for migration in migrations:
        if migration.name in applied:
            if applied[migration.name] != migration.sha256:
                raise MigrationChanged(f"{migration.name} was changed after it was applied; add a new file instead")
            continue
        await _apply(connection, migration, api_role, worker_role)
        now.append(migration.name)
    return now


async def _lock(connection: Any) -> None:
    # Not the blocking form: a waiter in pg_advisory_lock() holds a snapshot, for which CREATE INDEX CONCURRENTLY waits.
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_ID):
        await asyncio.sleep(LOCK_PAUSE_S)


async def _apply(connection: Any, migration: Migration, api_role: str, worker_role: str) -> None:
    sql = migration.sql.replace(":api_role", _quoted(api_role)).replace(":worker_role", _quoted(worker_role))
    async with connection.transaction():
        await connection.execute(sql)
        await connection.execute("INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", migration.name, migration.sha256)


def role_of(url: str) -> str:
    """The role that a database URL names. Raises ValueError where it names none."""
    user = urlsplit(url).username
    if not user:
        raise ValueError("a database URL must name its role: postgresql://role:password@host/database")
    return unquote(user)


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
