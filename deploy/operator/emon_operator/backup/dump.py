"""One database as a file: a zip with an entry for each table, in PostgreSQL's COPY text format. Any tool can read it.

The schema is not in it: migrations make it, the very ones that had made the database. So a dump needs no superuser, no client
program of PostgreSQL's own version, and no roles of the same names.
"""

import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from emon_operator.backup.manifest import TableSaid

CHUNK_BYTES = 256 * 1024
# More would cost more processor time than a disk is slow.
COMPRESSION = 1

Progress = Callable[[str, int], None]


class NotReadable(Exception):
    """The worker's role may not read all of the database, so that a backup would lack something; the message says what."""


class Damaged(Exception):
    """A file of the backup is not what it was; the message says which."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table and the columns that are stored. Generated ones are not: they are made anew."""

    name: str
    columns: tuple[str, ...]


def entry_of(table: str) -> str:
    """The entry of a table in a dump."""
    return f"{table}.copy"


async def tables_of(connection: Any) -> list[Table]:
    """All tables but the record of migrations; what others refer to comes first."""
    rows = await connection.fetch(
        """
        SELECT class.relname AS name,
               ARRAY(
                   SELECT attname::text
                   FROM pg_attribute
                   WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
                   ORDER BY attnum
               ) AS columns,
               ARRAY(
                   SELECT DISTINCT confrelid::regclass::text
                   FROM pg_constraint
                   WHERE conrelid = class.oid AND contype = 'f' AND confrelid <> conrelid
                   ORDER BY 1
               ) AS refers_to
        FROM pg_class AS class
        WHERE class.relnamespace = 'public'::regnamespace
          AND class.relkind = 'r'
          AND class.relname <> 'schema_migrations'
        ORDER BY class.relname
        """
    )
    tables = {row["name"]: Table(row["name"], tuple(row["columns"])) for row in rows}
    return [tables[name] for name in TopologicalSorter({row["name"]: row["refers_to"] for row in rows}).static_order()]


async def demand_all_readable(connection: Any) -> None:
    """Every row of every table, by privilege and by a policy that lets all pass. Raises NotReadable."""
    rows = await connection.fetch(
        """
        SELECT class.relname AS name
        FROM pg_class AS class
        WHERE class.relnamespace = 'public'::regnamespace
          AND class.relkind = 'r'
          AND NOT (
              has_table_privilege(class.oid, 'SELECT')
              AND (
                  NOT class.relrowsecurity
                  OR (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)
                  OR EXISTS (
                      SELECT
                      FROM pg_policy AS policy
                      WHERE policy.polrelid = class.oid
                        AND policy.polpermissive
                        AND policy.polcmd IN ('r', '*')
                        AND current_user::regrole::oid = ANY (policy.polroles)
                        AND pg_get_expr(policy.polqual, policy.polrelid) = 'true'
                  )
              )
          )
        ORDER BY class.relname
        """
    )
    if rows:
        names = ", ".join(row["name"] for row in rows)
        raise NotReadable(f"the role of the worker may not read every row of: {names}. Were all migrations applied?")


async def write_dump(connection: Any, file: Path, progress: Progress) -> dict[str, TableSaid]:
    """Writes what the connection's transaction sees."""
    said: dict[str, TableSaid] = {}
    with zipfile.ZipFile(file, "x", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as archive:
        for table in await tables_of(connection):
            with archive.open(entry_of(table.name), "w", force_zip64=True) as entry:

                async def write(data: bytes, entry: Any = entry, name: str = table.name) -> None:
                    entry.write(data)
                    progress(name, len(data))

                tag: str = await connection.copy_from_table(table.name, schema_name="public", columns=table.columns, output=write)
            said[table.name] = TableSaid(columns=table.columns, rows=int(tag.removeprefix("COPY ")))
    return said


async def load_dump(connection: Any, file: Path, tables: Mapping[str, TableSaid], progress: Progress) -> None:
    """Fills the empty tables, on a connection that row-level security does not hold. Raises Damaged where rows are missing."""
    with zipfile.ZipFile(file) as archive:
        for name, said in tables.items():
            tag: str = await connection.copy_to_table(
                name, schema_name="public", columns=said.columns, source=_chunks(archive, name, progress)
            )
            if (rows := int(tag.removeprefix("COPY "))) != said.rows:
                raise Damaged(f"{file.name}: {name} has {rows} rows and not {said.rows}")


async def _chunks(archive: zipfile.ZipFile, name: str, progress: Progress) -> AsyncIterator[bytes]:
    with archive.open(entry_of(name)) as entry:
        while data := entry.read(CHUNK_BYTES):
            progress(name, len(data))
            yield data


def count_rows(file: Path, tables: Mapping[str, TableSaid]) -> list[str]:
    """Reads a dump whole; answers what is wrong with it. In COPY's text format every row is one line, whatever it holds."""
    found: list[str] = []
    try:
        with zipfile.ZipFile(file) as archive:
            for name, said in tables.items():
                rows = 0
                with archive.open(entry_of(name)) as entry:
                    while data := entry.read(CHUNK_BYTES):
                        rows += data.count(b"\n")
                if rows != said.rows:
                    found.append(f"{file.name}: {name} has {rows} rows, and the manifest says {said.rows}")
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, ValueError, NotImplementedError) as error:
        found.append(f"{file.name} cannot be read: {error}")
    return found
