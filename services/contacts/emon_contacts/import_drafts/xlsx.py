# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Excel workbooks, row by row, as the text that a person sees in them. The one file that knows openpyxl, which has no types.

A workbook is an archive of XML. It is unpacked first, up to a limit, and what the archive says of its own sizes is not
believed; entities are refused by defusedxml, which openpyxl uses where it is installed.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from openpyxl import load_workbook

from emon_contacts.import_drafts.sheet import Sheet, sheet_of
from emon_contacts.imports.table import Row, UnreadableTable

UNPACKED_BYTES_MAX = 32 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
ROW_NUMBER_MAX = 1_048_576  # of Excel
DIGITS_MAX = 15  # Excel computes with no more

PLACES_MAX = 4_000_000

TOO_MUCH = "The workbook holds too much. Keep the sheet that is needed, or save it as CSV UTF-8."
UNREADABLE = "This is no Excel workbook (.xlsx) that can be read, or it has a password. Save it anew, or as CSV UTF-8."


def read_xlsx(content: bytes) -> Sheet:
    """The first sheet with anything in it that is not hidden. Raises UnreadableTable."""
    try:
        workbook: Any = load_workbook(_unpacked(content), read_only=True, data_only=True, keep_links=False)
        visible = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
        filled = next((sheet for sheet in visible if any(any(row.cells) for row in _rows(sheet))), None)
        if filled is None:
            raise UnreadableTable("No visible sheet of the workbook has anything in it.")
        return sheet_of(str(filled.title), _rows(filled))
    except UnreadableTable:
        raise
    except Exception as error:
        # Whatever a broken file makes of zipfile, the XML parser and openpyxl: they promise no exception of their own.
        raise UnreadableTable(UNREADABLE) from error


def _unpacked(content: bytes) -> io.BytesIO:
    """A copy without compression, of the parts that are XML: no pictures, no macros."""
    copy = io.BytesIO()
    left = UNPACKED_BYTES_MAX
    with zipfile.ZipFile(io.BytesIO(content)) as packed, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as unpacked:
        for part in packed.infolist():
            if not part.filename.endswith((".xml", ".rels")):
                continue
            with packed.open(part) as source, unpacked.open(part.filename, "w") as target:
                while chunk := source.read(min(CHUNK_BYTES, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        raise UnreadableTable(TOO_MUCH)
                    target.write(chunk)
    copy.seek(0)
    return copy


def _rows(sheet: Any) -> Iterator[Row]:
    # What the file says of its own size may be wrong. A row is as wide as its last cell, be it empty, and such cells take
    # little of the file: so they count as well.
    sheet.reset_dimensions()
    places = 0
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        places += len(cells)
        if number > ROW_NUMBER_MAX or places > PLACES_MAX:
            raise UnreadableTable(TOO_MUCH)
        if cells:
            yield Row(number, tuple(_text(cell.value, cell.number_format) for cell in cells))


def _text(value: Any, number_format: str | None) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "WAHR" if value else "FALSCH"
        case int() | float():
            return _number(value, number_format or "")
        case datetime() if value.time() == time():
            return value.strftime("%d.%m.%Y")
        case datetime():
            return value.strftime("%d.%m.%Y %H:%M")
        case date():
            return value.strftime("%d.%m.%Y")
        case time():
            return value.strftime("%H:%M")
        case timedelta():
            minutes = round(value.total_seconds() / 60)
            return f"{minutes // 60}:{minutes % 60:02}"
        case _:
            return str(value)


def _number(value: float, number_format: str) -> str:
    """As Excel shows it in Germany; a format of zeros alone fills up with zeros, as for postcodes and keys."""
    if re.fullmatch("0+", number_format):
        return f"{round(value):0{len(number_format)}d}"
    if value == round(value) and abs(value) < 10**DIGITS_MAX:
        return str(round(value))
    return f"{value:.{DIGITS_MAX}g}".replace(".", ",")
