"""`emon backup`, `emon verify`, `emon restore`, and what goes with them."""

import asyncio
import json
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import asyncpg
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from emon_embedded.home import Home as HomeFolder, open_home, write_private_file
from emon_embedded.platform_run import CannotRun, stores_alone
from emon_embedded.running_platform import running_platform
from emon_embedded.screen import Screen
from emon_embedded.stack import running_postgresql
from emon_operator.backup import checking, comparing, mending, secrets_file
from emon_operator.backup.comparing_rules import MENDING
from emon_operator.backup.cut import NoCut
from emon_operator.backup.dump import NotReadable
from emon_operator.backup.erasure_log import NoErasureLog, all_erasures, append_to_log, read_log
from emon_operator.backup.places import Places, SettingsMissing, TrialSettings, places_of_environment, places_of_platform
from emon_operator.backup.restoring import CannotRestore, Wishes, restore as restore_all
from emon_operator.backup.restoring_rules import merged
from emon_operator.backup.taking import take_backup
from emon_operator.backup.whole_folder import FolderExists
from emon_operator.platform import HOME_DEFAULT, Home, running
from emon_platform.failures import is_transient
from emon_platform.kafka_edge import KafkaError
from emon_platform.migrations import MigrationChanged
from emon_platform.settings import WrongSettings, settings_from_environment

erasures = typer.Typer(no_args_is_help=True, help="The record of who was erased, outside of every database.")
republish = typer.Typer(no_args_is_help=True, help="Publishes state anew; nobody is mailed for it.")
offsets = typer.Typer(no_args_is_help=True, help="Where consumers stand in Kafka.")

TRIAL_URL = "EMON_TRIAL_DATABASE_URL"
EXAMPLES_SHOWN_MAX = 5
MEBIBYTE = 1024 * 1024

EXPECTED = (
    *(CannotRestore, CannotRun, FolderExists, MigrationChanged, NoCut, NoErasureLog, NotReadable, SettingsMissing, WrongSettings),
    *(checking.NoBackup, mending.StillRunning, secrets_file.NoKeys, KafkaError, OSError, asyncpg.PostgresError),
)

Folder = Annotated[Path, typer.Argument(help="The folder of the backup")]
KeysFile = Annotated[
    Path | None,
    typer.Option("--keys", help="A file of its own for the platform's keys, which nobody else may read (mode 0600)"),
]
Value = TypeVar("Value")

_out = Console(highlight=False, markup=False, soft_wrap=True)
_err = Console(highlight=False, markup=False, soft_wrap=True, stderr=True)


def backup(
    folder: Folder,
    home: Home = HOME_DEFAULT,
    keys: KeysFile = None,
    without_kafka: Annotated[
        bool, typer.Option("--without-kafka", help="Where Kafka is lost already: what it held is not in the backup")
    ] = False,
) -> None:
    """Backs up every database at one moment, while the platform runs."""

    async def work() -> None:
        if keys is not None:
            secrets_file.write_keys(keys, secrets_file.key_files(os.environ, _secrets_of(home)))
        with _progress("Backup") as progress:
            manifest = await take_backup(folder, _running_places(home), with_kafka=not without_kafka, progress=progress)
        size = sum(file.bytes for file in manifest.files.values())
        rows = sum(table.rows for database in manifest.databases.values() for table in database.tables.values())
        _out.print(
            f"{folder}: {rows} rows and {manifest.in_flight} records in flight, {size / MEBIBYTE:.1f} MiB, as of "
            f"{manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC. Who wrote waited for {manifest.writers_waited_ms:.0f} ms."
        )
        if keys is None:
            _out.print("The keys are not in it. Without them, links in mails that were sent are void: see --keys.")
        else:
            _out.print(f"{keys} holds the keys, unencrypted, for its owner alone. Keep it apart from the backup.")

    _run(work)


def verify(
    folder: Annotated[Path | None, typer.Argument(help="A backup; the running databases without it")] = None,
    home: Home = HOME_DEFAULT,
    deep: Annotated[
        bool,
        typer.Option("--deep", help=f"Restore it into databases that are thrown away, at {TRIAL_URL} or on a server of its own"),
    ] = False,
    patience_s: Annotated[
        float, typer.Option("--patience", min=0, help="Seconds in which what is on its way may arrive, without a folder")
    ] = 15.0,
) -> None:
    """Checks a backup; without one, whether the running databases fit each other. Ends with 1 where something is wrong."""

    async def work() -> bool:
        return await (_verify_running(home, patience_s) if folder is None else _verify_backup(folder, deep=deep))

    if not _run(work):
        raise typer.Exit(1)


async def _verify_backup(folder: Path, *, deep: bool) -> bool:
    manifest = checking.read_manifest(folder)
    wrong = checking.check_files(folder, manifest) + checking.check_contents(folder, manifest)
    if deep and not wrong:
        with _progress("Trial") as progress:
            async with _trial_server() as url:
                wrong = await checking.restore_for_trial(folder, manifest, url, progress)
    for line in wrong:
        _out.print(line)
    if not wrong:
        how = "restores, too" if deep else "can be read whole; --deep restores it for trial"
        _out.print(
            f"{folder} is whole: as of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC, of version {manifest.version}. It {how}."
        )
    return not wrong


async def _verify_running(home: Path, patience_s: float) -> bool:
    found = await comparing.compare_databases(_running_places(home), patience_s)
    by_law: dict[tuple[str, str], list[str]] = defaultdict(list)
    for difference in sorted(found):
        by_law[difference.law, difference.service].append(difference.about)
    for (law, service), items in by_law.items():
        what, how = MENDING[law]
        shown = ", ".join(items[:EXAMPLES_SHOWN_MAX]) + (" …" if len(items) > EXAMPLES_SHOWN_MAX else "")
        _out.print(f"{service}: {len(items)} {what}: {shown}\n    {how}")
    if not found:
        _out.print("The databases fit each other: nothing waits, nothing is missing, no copy differs.")
    return not found


def restore(
    folder: Folder,
    home: Home = HOME_DEFAULT,
    replace: Annotated[bool, typer.Option("--replace", help="Lose for good what the databases hold now")] = False,
    erasures: Annotated[
        list[Path] | None,
        typer.Option("--erasures", exists=True, dir_okay=False, help="Erasure log: whoever stands in it does not come back"),
    ] = None,
    nobody_was_erased: Annotated[
        bool, typer.Option("--nobody-was-erased", help="It is certain that nobody was erased since the backup")
    ] = False,
    keys: KeysFile = None,
    forgotten: Annotated[
        Path | None, typer.Option(help="Write the events here that happened after the backup and that nobody knows of now")
    ] = None,
) -> None:
    """Restores every database, all or none. No service may run. The platform starts held, and without who was erased since."""

    async def work() -> None:
        wishes = Wishes(
            replace=replace,
            erasures=merged(*(read_log(file) for file in erasures or ())),
            has_erasure_log=bool(erasures),
            nobody_was_erased=nobody_was_erased,
        )
        if keys is not None and places_of_environment(os.environ) is None:
            for name, key in secrets_file.read_keys(keys).items():
                write_private_file(open_home(home).secrets / name, key)
        async with _stopped_places(home) as places:
            with _progress("Restore") as progress:
                done = await restore_all(folder, places, wishes, progress)
        _out.print(f"Every database is as it was at {done.manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC.")
        _out.print(f"{len(done.erased)} people who were erased since are erased again, everywhere.")
        _out.print(f"{done.sent_again} records that were in flight then are published again.")
        if done.same_log:
            types = Counter(item.type for item in done.forgotten)
            listed = ", ".join(f"{count} {type_}" for type_, count in sorted(types.items())) or "none"
            _out.print(f"Events since, which no database knows of now: {listed}.")
            if forgotten is not None:
                lines = "".join(f"{json.dumps(asdict(item), ensure_ascii=False)}\n" for item in done.forgotten)
                write_private_file(forgotten, lines)
        else:
            _out.print("Kafka is another one than the backup was taken beside: what happened since cannot be listed.")
        _out.print(
            "What comes next: start the platform. Mail from before is held; what is new goes out. Look at the deliveries that "
            "are held, release or cancel them, and run `emon verify`. Everybody signs in anew."
        )

    _run(work)


@erasures.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="The erasure log; what is missing in it is added")],
    home: Home = HOME_DEFAULT,
    follow: Annotated[float | None, typer.Option(min=1, help="Go on, and look every so many seconds")] = None,
) -> None:
    """Writes down who was erased, by ids alone. Keep the file where neither database nor Kafka is."""

    async def look() -> None:
        connection = await asyncpg.connect(
            _running_places(home).databases["contacts"].worker_url, server_settings={"application_name": "emon erasures"}
        )
        try:
            added = append_to_log(file, await all_erasures(connection))
        finally:
            await connection.close()
        if added or follow is None:
            _out.print(f"{file}: {added} added.")

    async def work() -> None:
        if follow is None:
            return await look()
        while True:
            try:
                await look()
            except Exception as error:
                if not is_transient(error):
                    raise
                _err.print(f"The database of contacts does not answer ({type(error).__name__}); tried again.")
            await asyncio.sleep(follow)

    _run(work)


@republish.command("contacts")
def republish_contacts(home: Home = HOME_DEFAULT) -> None:
    """Publishes the whole directory anew: where Kafka lost it, or a copy is not what it should be."""

    async def work() -> None:
        done = await mending.republish_contacts(_running_places(home))
        _out.print(
            f"Published anew: {done.municipalities} municipalities, {done.organisations} organisations, {done.people} people."
        )

    _run(work)


@offsets.command("repair")
def repair(home: Home = HOME_DEFAULT) -> None:
    """Puts offsets that lie outside the log to its beginning: after Kafka was lost. No service may run."""

    async def work() -> None:
        async with _stopped_places(home) as places:
            for service, moved in (await mending.repair_offsets(places)).items():
                for partition, (before, after) in sorted(moved.items()):
                    _out.print(f"{service}: {partition.topic}/{partition.number} from {before} to {after}")
                if not moved:
                    _out.print(f"{service}: every offset lies within the log.")

    _run(work)


def _running_places(home: Path) -> Places:
    return places_of_environment(os.environ) or places_of_platform(running(home))


@asynccontextmanager
async def _stopped_places(home: Path) -> AsyncGenerator[Places]:
    """Of a platform in a home, PostgreSQL and Kafka run for as long as this takes, and nothing else."""
    if (places := places_of_environment(os.environ)) is not None:
        yield places
    elif (platform := running_platform(home)) is not None:
        raise CannotRestore(f"The platform in {home} runs (process {platform.supervisor_pid}). Stop it first.")
    else:
        async with stores_alone(home, Screen(_err)) as stores:
            yield places_of_platform(stores)


@asynccontextmanager
async def _trial_server() -> AsyncGenerator[str]:
    if url := settings_from_environment(TrialSettings).trial_database_url:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="emon-trial-", ignore_cleanup_errors=True) as folder:
        async with running_postgresql(Path(folder), {"fsync": "off", "full_page_writes": "off"}) as server:
            yield server.superuser_url


def _secrets_of(home: Path) -> Path:
    return HomeFolder(home.expanduser().resolve()).secrets


@contextmanager
def _progress(title: str) -> Generator[Callable[[str, str, int], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[amount]}"), TimeElapsedColumn())
    with Progress(*columns, console=_err, transient=True) as bar:
        task = bar.add_task(title, amount="")
        sizes: Counter[str] = Counter()

        def came(what: str, part: str, size: int) -> None:
            sizes[what] += size
            bar.update(task, description=f"{title}: {what}, {part}", amount=f"{sum(sizes.values()) / MEBIBYTE:.1f} MiB")

        yield came


def _run(work: Callable[[], Awaitable[Value]]) -> Value:
    async def run() -> Value:
        return await work()

    try:
        return asyncio.run(run())
    except EXPECTED as failure:
        _err.print(str(failure) or type(failure).__name__)
        raise typer.Exit(1) from failure
