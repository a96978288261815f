"""Reading a list: CSV with any of four delimiters, in any usual encoding, with the names of its columns in the first row."""

import codecs
import csv
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from emon_contacts.imports.formulas import defused, restored

DELIMITERS = ",;\t|"
REASON_COLUMN = "reason"  # what a list of rejected rows has in addition; ignored when it is sent again
CELL_LENGTH_MAX = 131_072  # the limit of Python's csv


class UnreadableTable(ValueError):
    """The whole list cannot be read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stood in the list. Rows count from 1, which is the header."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A list. `columns` are the names as they are known here, one for each place of the header."""

    delimiter: str
    header: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def values(self, row: Row) -> dict[str, str]:
        """The cells of a row by column, without the reason of an earlier rejection; missing cells are empty."""
        cells = (*row.cells, *("" for _ in range(len(self.columns) - len(row.cells))))
        return {column: cell for column, cell in zip(self.columns, cells, strict=False) if column and column != REASON_COLUMN}

    def has_surplus(self, row: Row) -> bool:
        """Whether something stands where the header names no column."""
        nameless = [place for place, column in enumerate(self.columns) if not column]
        surplus = [row.cells[place] for place in nameless if place < len(row.cells)]
        return any(cell.strip() for cell in (*surplus, *row.cells[len(self.columns) :]))


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not taken, the first column that is wrong in it, and why."""

    row: int
    column: str
    reason: str


def decode(content: bytes) -> str:
    """UTF-16 with a byte order mark (Excel's "Unicode text"), UTF-8 with or without one, and otherwise Windows-1252.

    The last is how Excel writes CSV in Germany. Raises UnreadableTable.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise UnreadableTable("The list begins like UTF-16 and goes on otherwise. Save it as CSV UTF-8.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            return content.decode("windows-1252")
        except UnicodeDecodeError as error:
            raise UnreadableTable("The list is neither in UTF-8 nor in Windows-1252. Save it as CSV UTF-8.") from error


def read_table(content: bytes, required: Collection[str], optional: Collection[str] = ()) -> Table:
    """Reads a list. Raises UnreadableTable where its header is not what it must be."""
    text = decode(content)
    known = {*required, *optional, REASON_COLUMN}
    delimiter, header = _header(text, known)
    columns = tuple(_column(name) for name in header)
    missing = [name for name in required if name not in columns]
    # By place and not by name: where the header itself is missing, the first row is about somebody.
    unknown = [str(place) for place, column in enumerate(columns, start=1) if column and column not in known]
    twice = sorted({column for column in columns if column and columns.count(column) > 1})
    if missing or unknown or twice:
        raise UnreadableTable(_header_trouble(missing, unknown, twice, required, optional))
    try:
        rows = tuple(
            Row(number, tuple(map(restored, cells) if REASON_COLUMN in columns else cells))
            for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), start=1)
            if number > 1 and any(cell.strip() for cell in cells)
        )
    except csv.Error as error:
        raise UnreadableTable(f"The list is not CSV: {error}.") from error
    return Table(delimiter, header, columns, rows)


def _header(text: str, known: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """The delimiter by which most names of the first row are known columns, and that row."""
    best: tuple[int, str, tuple[str, ...]] = (-1, DELIMITERS[0], ())
    for delimiter in DELIMITERS:
        try:
            names = tuple(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), ()))
        except csv.Error:
            continue
        recognised = sum(_column(name) in known for name in names)
        if recognised > best[0]:
            best = (recognised, delimiter, names)
    return best[1], best[2]


def _column(name: str) -> str:
    return name.strip().casefold()


def _header_trouble(
    missing: Sequence[str],
    unknown: Sequence[str],
    twice: Sequence[str],
    required: Collection[str],
    optional: Collection[str],
) -> str:
    parts = [
        f"missing: {', '.join(missing)}" if missing else "",
        f"unknown: the column in place {', '.join(unknown[:10])}" if unknown else "",
        f"twice: {', '.join(twice)}" if twice else "",
    ]
    wanted = ", ".join(required) + "".join(f"[, {name}]" for name in optional)
    return f"The first row must name the columns {wanted} ({'; '.join(part for part in parts if part)})."


def rejected_csv(table: Table, rejected: Iterable[RejectedRow]) -> bytes:
    """The rejected rows as they were, with the reason behind them: to be mended and sent again.

    In the list's own delimiter, in UTF-8 with a byte order mark, by which Excel knows it.
    """
    by_number = {row.number: row for row in table.rows}
    places = [place for place, column in enumerate(table.columns) if column != REASON_COLUMN]
    output = io.StringIO(newline="")
    writer = csv.writer(output, delimiter=table.delimiter)
    writer.writerow([*(table.header[place] for place in places), REASON_COLUMN])
    for item in rejected:
        cells = by_number[item.row].cells
        kept = [defused(cells[place]) if place < len(cells) else "" for place in places]
        writer.writerow([*kept, f"{item.column}: {item.reason}"])
    return output.getvalue().encode("utf-8-sig")
