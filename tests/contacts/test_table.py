"""Reading lists, and handing rejected rows back; without any I/O."""

import csv
import io

import pytest
from hypothesis import given, settings, strategies as st

from emon_contacts.imports.rows import OrganisationRow, PersonRow, check_rows
from emon_contacts.imports.table import DELIMITERS, RejectedRow, UnreadableTable, read_table, rejected_csv

COLUMNS = ("name", "kind", "ags")
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=20)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS).filter(lambda row: any(cell.strip() for cell in row)), max_size=8)


def written(rows: list[tuple[str, ...]], delimiter: str = ",", header: tuple[str, ...] = COLUMNS) -> str:
    output = io.StringIO(newline="")
    writer = csv.writer(output, delimiter=delimiter)
    writer.writerow(header)
    writer.writerows(rows)
    return output.getvalue()


@given(ROWS, st.sampled_from(DELIMITERS), st.sampled_from(["utf-8", "utf-8-sig"]))
@settings(deadline=None)
def test_what_is_written_is_read(rows: list[tuple[str, ...]], delimiter: str, encoding: str) -> None:
    table = read_table(written(rows, delimiter).encode(encoding), COLUMNS)
    assert [row.cells for row in table.rows] == rows


@given(ROWS, st.sampled_from(DELIMITERS))
@settings(deadline=None)
def test_rejected_rows_come_back_as_they_were(rows: list[tuple[str, ...]], delimiter: str) -> None:
    table = read_table(written(rows, delimiter).encode(), COLUMNS)
    rejected = [RejectedRow(row.number, "name", "is not nice") for row in table.rows]
    once = read_table(rejected_csv(table, rejected), COLUMNS)
    assert [once.values(row) for row in once.rows] == [table.values(row) for row in table.rows]
    # Sent again and rejected again, the reason is still there once.
    twice = rejected_csv(once, [RejectedRow(row.number, "name", "is not nice") for row in once.rows])
    assert twice == rejected_csv(table, rejected)


def test_a_spreadsheet_takes_nothing_that_is_handed_back_for_a_formula() -> None:
    cells = ['=HYPERLINK("https://example.org")', "+49 7071 1", "-1", "@SUM(1)", "\t=1", "'=1", "'so", "a=1"]
    table = read_table(written([(cell, "helper_circle", "08115003") for cell in cells]).encode(), COLUMNS)
    back = rejected_csv(table, [RejectedRow(row.number, "name", "is not nice") for row in table.rows])
    [_, *rows] = csv.reader(io.StringIO(back.decode("utf-8-sig"), newline=""))
    assert [row[0] for row in rows] == [*(f"'{cell}" for cell in cells[:6]), "'so", "a=1"]
    again = read_table(back, COLUMNS)
    assert [again.values(row)["name"] for row in again.rows] == cells


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_no_bytes_break_the_reader(content: bytes) -> None:
    for head in (b"", b"name,kind,ags\n"):
        try:
            table = read_table(head + content, COLUMNS)
        except UnreadableTable:
            continue
        good, rejected = check_rows(table, OrganisationRow)
        assert len(good) + len(rejected) == len(table.rows)
        rejected_csv(table, rejected)


def test_windows_1252_is_read_where_it_is_not_utf_8() -> None:
    table = read_table("Name;Kind;AGS\r\nMüllers Café – 5 €;other;08115003\r\n".encode("windows-1252"), COLUMNS)
    assert table.values(table.rows[0]) == {"name": "Müllers Café – 5 €", "kind": "other", "ags": "08115003"}


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"name,kind\nx,other\n", b"name,kind,ags,colour\n", b"name,kind,ags,name\n", b"name kind ags\n", b"\x81\x8d,\n"],
)
def test_a_list_without_its_header_is_none(content: bytes) -> None:
    with pytest.raises(UnreadableTable):
        read_table(content, COLUMNS)


def test_rows_keep_their_numbers_over_empty_ones() -> None:
    table = read_table(b'ags,kind,name\n\n,,\n08115003,other,"two\nlines"\n08115003,other,X\n', COLUMNS)
    assert [row.number for row in table.rows] == [4, 5]


def test_each_bad_row_is_told_once_by_its_first_bad_column() -> None:
    content = (
        b"email,display_name,locale,organisation,engagement,ags\n"
        b"kim@example.org,Kim Muster,,Kreis,volunteer,\n"
        b"kim@,Kim\x00Muster,fr,,boss,1\n"
        b"kim@example.org,Kim Muster,de,Kreis,volunteer,,surplus\n"
        b",Kim Muster,de,Kreis,,\n"
        b",\x07,de,Kreis,staff\n"
    )
    table = read_table(content, ("email", "display_name", "locale", "organisation", "engagement"), ("ags",))
    good, rejected = check_rows(table, PersonRow)
    [(row, entry)] = good
    assert (row.number, entry.email, entry.locale, entry.ags) == (2, "kim@example.org", None, None)
    assert [(item.row, item.column) for item in rejected] == [(3, "email"), (4, "ags"), (5, "engagement"), (6, "display_name")]
    assert "display_name: " in rejected[0].reason
    assert rejected[2].reason == "is missing"


def test_a_cell_under_a_nameless_column_is_surplus() -> None:
    table = read_table(b"name;kind;ags;\nA;other;08115003;\nB;other;08115003;x\n", COLUMNS)
    good, rejected = check_rows(table, OrganisationRow)
    assert [entry.name for _, entry in good] == ["A"]
    assert [(item.row, item.column) for item in rejected] == [(3, "ags")]
