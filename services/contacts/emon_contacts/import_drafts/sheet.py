"""A list as it stands in a spreadsheet: the first row with anything in it names the columns, the others hold people."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from emon_contacts.import_drafts.rules import REASON_HEADER, cell_at, field_of
from emon_contacts.imports.formulas import defused, restored
from emon_contacts.imports.table import DELIMITERS, Row, UnreadableTable, decode

ROWS_MAX = 20_000
COLUMNS_MAX = 100
CELLS_MAX = 400_000
CHARACTERS_MAX = 8 * 1024 * 1024  # what a body may have as CSV


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows with anything in them, under the header; each has its number in the file. A CSV file has no `name`."""

    name: str | None
    header: tuple[str, ...]
    rows: tuple[Row, ...]


def sheet_of(name: str | None, rows: Iterable[Row]) -> Sheet:
    """The sheet of these rows, as many columns wide as the widest; of a file that was handed back, as it was handed in.

    Raises UnreadableTable for too many rows, or none.
    """
    found = list(_within_limits(_filled(rows)))
    if len(found) < 2:
        raise UnreadableTable("There is nothing under a first row with the names of the columns.")
    width = max(len(row.cells) for row in found)
    header = tuple(cell_at(found[0].cells, place) for place in range(width))
    reasons = [place for place, cell in enumerate(header) if cell.strip() == REASON_HEADER]
    if not reasons:
        return Sheet(name, header, tuple(found[1:]))
    return sheet_of(name, [Row(row.number, _without(row.cells, reasons)) for row in found])


def _without(cells: Sequence[str], places: Sequence[int]) -> tuple[str, ...]:
    return tuple(restored(cell) for place, cell in enumerate(cells) if place not in places)


def _filled(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        width = max((place for place, cell in enumerate(row.cells, start=1) if cell.strip()), default=0)
        if width:
            yield Row(row.number, row.cells[:width])


def _within_limits(rows: Iterable[Row]) -> Iterator[Row]:
    cells = characters = 0
    for count, row in enumerate(rows):
        cells += len(row.cells)
        characters += sum(map(len, row.cells))
        if count > ROWS_MAX:
            raise UnreadableTable(f"The list has more than {ROWS_MAX} rows. Split it.")
        if len(row.cells) > COLUMNS_MAX:
            raise UnreadableTable(f"Row {row.number} has more than {COLUMNS_MAX} columns. Keep those that are needed.")
        if cells > CELLS_MAX or characters > CHARACTERS_MAX:
            raise UnreadableTable("The list holds too much. Keep the columns that are needed, or split it.")
        yield row


def read_csv(content: bytes) -> Sheet:
    """Reads CSV by whichever delimiter makes most of the first row. Raises UnreadableTable."""
    text = decode(content)
    if "\x00" in text:
        raise UnreadableTable("This is no text. Save it as CSV UTF-8, or as an Excel workbook (.xlsx).")
    try:
        return sheet_of(None, _rows(text, _delimiter(text)))
    except csv.Error as error:
        raise UnreadableTable(f"The list is not CSV: {error}.") from error


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), start=1):
        yield Row(number, tuple(cells))


def _delimiter(text: str) -> str:
    """That by which the first row ends with the reasons of a file of ours, has most known names, or most columns."""
    best = DELIMITERS[0]
    best_score = (False, 0, 0)
    for delimiter in DELIMITERS:
        try:
            first = next(_filled(_rows(text, delimiter)), Row(0, ("",)))
        except csv.Error:
            continue
        score = (first.cells[-1] == REASON_HEADER, sum(field_of(cell) is not None for cell in first.cells), len(first.cells))
        if score > best_score:
            best, best_score = delimiter, score
    return best


def write_refused(header: Sequence[str], rows: Iterable[tuple[Sequence[str], str]]) -> bytes:
    """Rows as they were, with the reason behind them, as Excel in Germany opens it well: semicolons, UTF-8 with BOM."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, delimiter=";")
    writer.writerow([*map(defused, header), REASON_HEADER])
    for cells, reason in rows:
        writer.writerow([*(defused(cell_at(cells, place)) for place in range(len(header))), defused(reason)])
    return output.getvalue().encode("utf-8-sig")
