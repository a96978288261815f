"""Whether a backup is whole: its files, what they hold, and whether this version could restore it."""

import gzip
import json
import secrets
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import ValidationError

from emon_operator.backup.dump import Damaged, count_rows
from emon_operator.backup.in_flight import read_records
from emon_operator.backup.loading import load_database
from emon_operator.backup.manifest import IN_FLIGHT, MANIFEST, SUMS, Manifest, dump_of, unknown_migrations
from emon_operator.backup.places import SERVICES, migrations_of
from emon_operator.backup.whole_folder import sha256_of
from emon_platform.migrations import MigrationChanged

Progress = Callable[[str, str, int], None]


class NoBackup(Exception):
    """There is no backup in the folder, or its manifest cannot be read."""


def read_manifest(folder: Path) -> Manifest:
    """What the backup says of itself. Raises NoBackup."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise NoBackup(f"{folder} is no backup: there is no {MANIFEST}") from error
    except (OSError, ValidationError) as error:
        raise NoBackup(f"{folder / MANIFEST} cannot be read: {error}") from error


def check_files(folder: Path, manifest: Manifest) -> list[str]:
    """Sizes, checksums and migrations: what is wrong, each with the file that it is about."""
    found: list[str] = []
    sums = _sums(folder)
    if sums.get(MANIFEST) != sha256_of(folder / MANIFEST):
        found.append(f"{MANIFEST} is not what it was: its checksum differs from the one in {SUMS}")
    for name, said in manifest.files.items():
        file = folder / name
        if not file.is_file():
            found.append(f"{name} is missing")
        elif file.stat().st_size != said.bytes:
            found.append(f"{name} has {file.stat().st_size} bytes and not {said.bytes}")
        elif sha256_of(file) != said.sha256:
            found.append(f"{name} is damaged: its checksum differs")
    for service in SERVICES:
        if service not in manifest.databases or dump_of(service) not in manifest.files:
            found.append(f"the database of {service} is not in the backup")
            continue
        known = {migration.name: migration.sha256 for migration in migrations_of(service)}
        found += [f"{service}: {what}" for what in unknown_migrations(manifest.databases[service].migrations, known)]
    return found


def check_contents(folder: Path, manifest: Manifest) -> list[str]:
    """Reads every file whole: what is wrong."""
    found: list[str] = []
    for service, said in manifest.databases.items():
        found += count_rows(folder / dump_of(service), said.tables)
    try:
        if (count := sum(1 for _ in read_records(folder / IN_FLIGHT))) != manifest.in_flight:
            found.append(f"{IN_FLIGHT} holds {count} records, and the manifest says {manifest.in_flight}")
    except (OSError, EOFError, ValueError, KeyError, zlib.error, gzip.BadGzipFile, json.JSONDecodeError) as error:
        found.append(f"{IN_FLIGHT} cannot be read: {error}")
    return found


async def restore_for_trial(folder: Path, manifest: Manifest, admin_url: str, progress: Progress) -> list[str]:
    """Loads each database into one that is thrown away, with all newer migrations: what went wrong.

    References between tables are checked by the server while it loads, and every count of rows against the manifest.
    """
    found: list[str] = []
    administration = await asyncpg.connect(admin_url)
    try:
        for service in manifest.databases:
            name = f"emon_trial_{service}_{secrets.token_hex(4)}"
            try:
                await administration.execute(f"CREATE ROLE {name}_api; CREATE ROLE {name}_worker")
                await administration.execute(f"CREATE DATABASE {name} TEMPLATE template0")
                await _load(folder, service, manifest, admin_url, name, progress)
            except (asyncpg.PostgresError, MigrationChanged, Damaged, OSError, ValueError) as error:
                found.append(f"{service} cannot be restored from {dump_of(service)}: {type(error).__name__}: {error}")
            finally:
                await administration.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                await administration.execute(f"DROP ROLE IF EXISTS {name}_api, {name}_worker")
    finally:
        await administration.close()
    return found


async def _load(folder: Path, service: str, manifest: Manifest, admin_url: str, name: str, progress: Progress) -> None:
    connection: Any = await asyncpg.connect(admin_url, database=name)
    try:
        async with connection.transaction():
            await load_database(
                connection,
                service,
                folder / dump_of(service),
                manifest.databases[service],
                f"{name}_api",
                f"{name}_worker",
                lambda table, size: progress(service, table, size),
            )
    finally:
        await connection.close()


def _sums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {name: sum_ for sum_, _, name in (line.partition("  ") for line in lines)}
