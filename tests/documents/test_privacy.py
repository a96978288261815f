"""docs/privacy.md and the databases: nobody adds a column that can hold personal data without saying whether it does."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import asyncpg
import pytest

from emon_operator.doctor.installation import SCHEMAS
from emon_platform import schema as platform_schema

from tests.conftest import FreshDatabase

DOCUMENT = Path(__file__).parents[2] / "docs" / "privacy.md"
ROW = re.compile(r"^\| `(?P<table>[a-z_.]+)` \| (?P<columns>(?:`\w+` ?)+) \|", re.MULTILINE)

Columns = set[tuple[str, str]]

CAN_HOLD_ANYTHING = """
    SELECT columns.table_name, columns.column_name
    FROM information_schema.columns
    JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public'
      AND table_type = 'BASE TABLE'
      AND columns.data_type IN (
          'text', 'character varying', 'character', 'name', 'json', 'jsonb', 'xml', 'bytea', 'uuid', 'inet', 'ARRAY',
          'USER-DEFINED'
      )
"""


def personal(service: str) -> Columns:
    """What the document names of this service; a table without a service is one of the platform's, in each of them."""
    return {
        (table.rpartition(".")[2], column)
        for table, columns in ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
        if "." not in table or table.startswith(f"{service}.")
        for column in re.findall(r"\w+", columns)
    }


def impersonal(service: str) -> Columns:
    lists: list[Mapping[str, str]] = [platform_schema.IMPERSONAL, SCHEMAS[service].IMPERSONAL]
    return {(table, column) for named in lists for table, columns in named.items() for column in columns.split()}


async def held(service: str, fresh_database: FreshDatabase) -> Columns:
    database = await fresh_database(service, SCHEMAS[service].migrations)
    connection = await asyncpg.connect(database.owner_url, ssl=False)
    rows = await connection.fetch(CAN_HOLD_ANYTHING)
    await connection.close()
    return {(row["table_name"], row["column_name"]) for row in rows}


def own(service: str) -> Columns:
    """What is said of this service by its name: it has to be there."""
    named = {
        (table.rpartition(".")[2], column)
        for table, columns in ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
        if table.startswith(f"{service}.")
        for column in re.findall(r"\w+", columns)
    }
    lists: Iterator[tuple[str, str]] = (
        (table, column) for table, said in SCHEMAS[service].IMPERSONAL.items() for column in said.split()
    )
    return named | {*lists}


@pytest.mark.parametrize("service", SCHEMAS)
async def test_every_column_is_personal_or_is_not(service: str, fresh_database: FreshDatabase) -> None:
    columns = await held(service, fresh_database)
    assert columns - personal(service) - impersonal(service) == set(), (
        "name them in docs/privacy.md or in IMPERSONAL of the schema"
    )
    assert columns & personal(service) & impersonal(service) == set(), "they stand in both"
    assert own(service) - columns == set(), "there is no such column"


async def test_what_is_said_of_the_platform_is_there_in_some_service(fresh_database: FreshDatabase) -> None:
    everywhere = {column for service in SCHEMAS for column in await held(service, fresh_database)}
    said = {(table, column) for table, columns in platform_schema.IMPERSONAL.items() for column in columns.split()}
    assert (personal("") | said) - everywhere == set()
    assert ("people", "display_name") in personal("contacts")


async def test_a_column_that_nobody_classified_is_found(fresh_database: FreshDatabase) -> None:
    database = await fresh_database("meetings", SCHEMAS["meetings"].migrations)
    connection = await asyncpg.connect(database.owner_url, ssl=False)
    await connection.execute("ALTER TABLE meetings ADD COLUMN remarks jsonb")
    rows = await connection.fetch(CAN_HOLD_ANYTHING)
    await connection.close()
    columns = {(row["table_name"], row["column_name"]) for row in rows}
    assert columns - personal("meetings") - impersonal("meetings") == {("meetings", "remarks")}
