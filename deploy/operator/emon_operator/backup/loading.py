"""Loading a dump into a database, in one transaction of its owner: all of it or nothing."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from emon_operator.backup import dump
from emon_operator.backup.manifest import DatabaseSaid
from emon_operator.backup.places import migrations_of
from emon_platform import migrations

Progress = Callable[[str, int], None]


async def load_database(
    connection: Any, service: str, file: Path, said: DatabaseSaid, api_role: str, worker_role: str, progress: Progress
) -> None:
    """Replaces whatever the database holds, in the transaction that is open.

    The tables are made by the migrations that had made them; those that are newer than the backup come after its rows, just as
    they would have come to the database itself. Raises MigrationChanged and Damaged.
    """
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    known = migrations_of(service)
    await migrations.apply(connection, api_role, worker_role, [item for item in known if item.name in said.migrations])
    async with unforced(connection):
        await connection.execute(f"TRUNCATE {', '.join(_quoted(table) for table in said.tables)}")
        await dump.load_dump(connection, file, said.tables, progress)
    await _continue_numbering(connection)
    await migrations.apply(connection, api_role, worker_role, known)


@asynccontextmanager
async def unforced(connection: Any) -> AsyncGenerator[None]:
    """Within the block row-level security does not hold the tables' owner; nobody else sees that, before the commit or after."""
    rows = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relforcerowsecurity"
    )
    for row in rows:
        await connection.execute(f"ALTER TABLE {_quoted(row['relname'])} NO FORCE ROW LEVEL SECURITY")
    yield
    for row in rows:
        await connection.execute(f"ALTER TABLE {_quoted(row['relname'])} FORCE ROW LEVEL SECURITY")


async def _continue_numbering(connection: Any) -> None:
    rows = await connection.fetch(
        """
        SELECT attrelid::regclass::text AS table, attname AS column
        FROM pg_attribute
        JOIN pg_class AS class ON class.oid = attrelid
        WHERE class.relnamespace = 'public'::regnamespace AND attidentity <> ''
        """
    )
    for row in rows:
        await connection.execute(
            f"""
            SELECT setval(pg_get_serial_sequence('{row["table"]}', '{row["column"]}'), highest)
            FROM (SELECT max({_quoted(row["column"])}) AS highest FROM {row["table"]}) AS numbered
            WHERE highest > 0
            """
        )


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
