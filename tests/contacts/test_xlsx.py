# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Excel workbooks as a person sees them; and those that are made to break their reader."""

import io
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from openpyxl import Workbook

from emon_contacts.import_drafts.sheet import COLUMNS_MAX, ROWS_MAX
from emon_contacts.import_drafts.xlsx import ROW_NUMBER_MAX, UNPACKED_BYTES_MAX, read_xlsx
from emon_contacts.imports.table import UnreadableTable

SHEET = "xl/worksheets/sheet1.xml"


def workbook(fill: Callable[[Any], None]) -> bytes:
    """A workbook whose first sheet is filled by this."""
    made = Workbook()
    fill(made.active)
    return saved(made)


def saved(made: Any) -> bytes:
    output = io.BytesIO()
    made.save(output)
    return output.getvalue()


def people(sheet: Any) -> None:
    sheet.append(["E-Mail", "Name"])
    sheet.append(["kim@example.org", "Kim Muster"])


def replaced(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with another part of this name."""
    output = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as after:
        for part in before.namelist():
            after.writestr(part, change(before.read(part)) if part == name else before.read(part))
    return output.getvalue()


def test_cells_are_what_a_person_sees() -> None:
    seen = {
        "A": ("Müller", "Müller"),
        "B": (71000, "71000"),
        "C": (3.5, "3,5"),
        "D": (8115003.0, "8115003"),
        "E": (date(2026, 2, 1), "01.02.2026"),
        "F": (datetime(2026, 2, 1, 18, 30), "01.02.2026 18:30"),
        "G": (time(18, 30), "18:30"),
        "H": (True, "WAHR"),
        "I": (0.1 + 0.2, "0,3"),
        "J": (timedelta(hours=26), "26:00"),
        "K": (10**20, "1e+20"),
    }

    def fill(sheet: Any) -> None:
        for column, (value, _) in seen.items():
            sheet[f"{column}1"] = column
            sheet[f"{column}2"] = value
        sheet["L1"] = "AGS"
        sheet["L2"] = 8115003
        sheet["L2"].number_format = "00000000"

    [row] = read_xlsx(workbook(fill)).rows
    assert row.cells == (*(text for _, text in seen.values()), "08115003")


def test_of_a_formula_the_last_value_counts() -> None:
    def fill(sheet: Any) -> None:
        sheet.append(["Name", "E-Mail"])
        sheet["A2"] = '="Kim "&"Muster"'

    def compute(xml: bytes) -> bytes:
        # An empty element is written in several ways, as the library has it that writes XML.
        return re.sub(rb"<v ?/>|<v></v>", b"<v>Kim Muster</v>", xml.replace(b'<c r="A2"', b'<c r="A2" t="str"'))

    computed = replaced(workbook(fill), SHEET, compute)
    assert read_xlsx(computed).rows[0].cells == ("Kim Muster",)
    with pytest.raises(UnreadableTable, match="nothing under"):
        read_xlsx(workbook(fill))  # never computed: nobody ever saw a value


def test_hidden_and_empty_sheets_are_passed_over_and_rows_keep_their_numbers() -> None:
    made: Any = Workbook()
    people(made.active)
    made.active.sheet_state = "hidden"
    made.create_sheet("Leer")
    listed = made.create_sheet("Helferliste")
    listed["B3"], listed["C3"] = "Name", "E-Mail"
    listed["B5"], listed["C5"] = "Robin", "robin@example.org"
    listed["B9"] = "Erna"
    sheet = read_xlsx(saved(made))
    assert (sheet.name, sheet.header) == ("Helferliste", ("", "Name", "E-Mail"))
    assert [(row.number, row.cells) for row in sheet.rows] == [(5, ("", "Robin", "robin@example.org")), (9, ("", "Erna"))]
    made["Leer"].sheet_state = made["Helferliste"].sheet_state = "veryHidden"
    made.create_sheet("Auch leer")
    with pytest.raises(UnreadableTable, match="No visible sheet"):
        read_xlsx(saved(made))


def test_what_a_workbook_says_of_its_own_size_is_not_believed() -> None:
    for size in (b"A1:A1", b"A1:XFD1048576"):
        lying = replaced(workbook(people), SHEET, lambda xml, size=size: xml.replace(b'ref="A1:B2"', b'ref="' + size + b'"'))
        assert [row.cells for row in read_xlsx(lying).rows] == [("kim@example.org", "Kim Muster")]


def in_the_last_corner(sheet: Any) -> None:
    """A reader that makes room for all in between ends the process."""
    people(sheet)
    sheet["XFD1048576"] = "x"


def too_long(sheet: Any) -> None:
    for number in range(ROWS_MAX + 2):
        sheet.append([f"Person {number}"])


def too_wide(sheet: Any) -> None:
    sheet.append(["x"] * (COLUMNS_MAX + 1))
    sheet.append(["x"])


def repeated(sheet: Any) -> None:
    """One long text, of which a workbook holds one copy, in many cells."""
    sheet.append(["Name"])
    for _ in range(500):
        sheet.append(["x" * 30_000])


def wide_and_empty(xml: bytes) -> bytes:
    return xml.replace(
        b"</sheetData>", b"".join(b'<row r="%d"><c r="XFD%d"/></row>' % (n, n) for n in range(3, 9000)) + b"</sheetData>"
    )


def far_below(xml: bytes) -> bytes:
    return xml.replace(b'r="2"', b'r="%d"' % (ROW_NUMBER_MAX + 10**9))


def blown_up(xml: bytes) -> bytes:
    return xml + b" " * UNPACKED_BYTES_MAX


def with_entities(xml: bytes) -> bytes:
    entities = b"".join(b'<!ENTITY a%d "%s">' % (level, b"&a%d;" % (level - 1) * 10 if level else b"x") for level in range(9))
    body = xml[xml.index(b"<worksheet") :] if b"<worksheet" in xml else xml
    return b"<!DOCTYPE worksheet [" + entities + b"]>" + body.replace(b"</worksheet>", b"<x>&a8;</x></worksheet>")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no Excel workbook"),
        (b"PK\x03\x04", "no Excel workbook"),
        (b"Name;E-Mail\n", "no Excel workbook"),
        (workbook(lambda _: None), "No visible sheet"),
        (workbook(lambda sheet: sheet.append(["Name"])), "nothing under"),
        (workbook(too_long), f"more than {ROWS_MAX} rows"),
        (workbook(too_wide), f"more than {COLUMNS_MAX} columns"),
        (workbook(repeated), "holds too much"),
        (workbook(in_the_last_corner), f"more than {COLUMNS_MAX} columns"),
        (replaced(workbook(people), SHEET, wide_and_empty), "holds too much"),
        (replaced(workbook(people), SHEET, far_below), "holds too much"),
        (replaced(workbook(people), SHEET, blown_up), "holds too much"),
        (replaced(workbook(people), "xl/styles.xml", blown_up), "holds too much"),
        (replaced(workbook(people), SHEET, with_entities), "no Excel workbook"),
        (replaced(workbook(people), SHEET, lambda xml: xml[:-20]), "no Excel workbook"),
        (replaced(workbook(people), "xl/workbook.xml", lambda _: b""), "no Excel workbook"),
    ],
    ids=range(16),
)
def test_what_cannot_be_read_is_refused_with_its_reason(content: bytes, words: str) -> None:
    assert len(content) < 1024 * 1024
    with pytest.raises(UnreadableTable, match=words):
        read_xlsx(content)


def test_an_archive_that_lies_about_a_size_takes_no_room_for_the_truth() -> None:
    """It says 10 bytes of a part that has 32 MiB; whoever reads it at once unpacks all of it."""
    content = replaced(workbook(people), "xl/workbook.xml", blown_up)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo("xl/workbook.xml").file_size.to_bytes(4, "little")
    assert content.count(size) == 2
    lying = content.replace(size, (10).to_bytes(4, "little"))
    tracemalloc.start()
    with pytest.raises(UnreadableTable):
        read_xlsx(lying)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < UNPACKED_BYTES_MAX / 4


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_no_bytes_break_the_reader(data: st.DataObject) -> None:
    content = bytearray(SOUND)
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert read_xlsx(bytes(content)).rows
    except UnreadableTable as error:
        assert str(error)  # noqa: PT017


SOUND = workbook(people)
