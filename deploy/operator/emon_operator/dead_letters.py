"""`emon dead-letters`: records that a service could not handle, and what to do with them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from emon_operator.platform import HOME_DEFAULT, Home, worker_url
from emon_platform.consumer import dead_letters
from emon_platform.database import Database, Transaction

commands = typer.Typer(no_args_is_help=True, help="Records that a service could not handle.")

ServiceName = Annotated[str, typer.Argument(help="contacts, meetings, feedback, notifications or gateway")]
Identifier = Annotated[int, typer.Argument(help="The number from the list")]

RETRY_WITHIN_S = 15.0
RETRY_INTERVAL_S = 0.2

Value = TypeVar("Value")


def _in_transaction(home: Home, service: str, work: Callable[[Transaction], Awaitable[Value]]) -> Value:
    async def run() -> Value:
        database = await Database.connect(worker_url(home, service), name="emon dead-letters", size_max=1)
        try:
            async with database.unscoped() as tx:
                return await work(tx)
        finally:
            await database.close()

    return asyncio.run(run())


@commands.command("list")
def list_(service: ServiceName, home: Home = HOME_DEFAULT) -> None:
    """Lists them, oldest first, without their contents."""
    table = Table("number", "record", "bytes", "since", "reason")
    for row in _in_transaction(home, service, dead_letters.all_of):
        record = f"{row['topic']}/{row['partition']}@{row['offset']}"
        table.add_row(str(row["id"]), record, str(row["bytes"] or 0), f"{row['received_at']:%Y-%m-%d %H:%M:%S}", row["reason"])
    Console().print(table if table.row_count else "There are no dead letters.")


@commands.command()
def show(service: ServiceName, number: Identifier, home: Home = HOME_DEFAULT) -> None:
    """Shows one whole. It may hold personal data."""
    found = _in_transaction(home, service, lambda tx: dead_letters.find(tx, number))
    if found is None:
        raise typer.BadParameter(f"There is no dead letter {number} in {service}.")
    record, reason = found
    console = Console(highlight=False, markup=False)
    console.print(f"reason: {reason}\nrecord: {record.topic}/{record.partition}@{record.offset}\nkey: {record.key!r}")
    for name, value in record.headers:
        console.print(f"{name}: {value!r}")
    console.print(f"value: {record.value!r}")


@commands.command()
def retry(
    service: ServiceName,
    number: Annotated[int | None, typer.Argument(help="The number from the list; all of them without it")] = None,
    home: Home = HOME_DEFAULT,
) -> None:
    """Has the running service try one again, or all; what fails again stays, with the new reason."""
    count = _in_transaction(home, service, lambda tx: dead_letters.ask_for_retry(tx, number))
    deadline = time.monotonic() + RETRY_WITHIN_S
    while time.monotonic() < deadline:
        left = [row for row in _in_transaction(home, service, dead_letters.all_of) if number is None or row["id"] == number]
        if not any(row["retry"] for row in left):
            Console().print(f"{count - len(left)} done, {len(left)} failed again.")
            raise typer.Exit(1 if left else 0)
        time.sleep(RETRY_INTERVAL_S)
    Console().print(f"{count} wait to be tried again: is the service running?")
    raise typer.Exit(1)


@commands.command()
def drop(service: ServiceName, number: Identifier, home: Home = HOME_DEFAULT) -> None:
    """Forgets one for good."""
    if not _in_transaction(home, service, lambda tx: dead_letters.drop(tx, number)):
        raise typer.BadParameter(f"There is no dead letter {number} in {service}.")
    Console().print("Dropped.")
