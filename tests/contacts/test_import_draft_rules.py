"""What columns hold and rows say, how sheets are read, and what entering would come to; without any I/O."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st

from emon_contacts.import_drafts.rules import (
    REASON_HEADER,
    Defaults,
    Matching,
    PersonField,
    field_of,
    guess,
    match,
    values_of,
)
from emon_contacts.import_drafts.sheet import COLUMNS_MAX, ROWS_MAX, Sheet, read_csv, write_refused
from emon_contacts.import_drafts.wording import FIELDS, REASONS, reason
from emon_contacts.imports.rows import PersonRow, RowRefusal, check_row
from emon_contacts.imports.table import UnreadableTable
from emon_contacts.people.foreseeing import Key, Outcome, key_of, outcomes
from emon_contacts.people.rules import Entry
from emon_contracts.actors import Engagement
from emon_contracts.directory import MembershipRecord
from emon_contracts.refusals import Refusal
from emon_contracts.values import Locale

from documents.refusals import codes_in

EMAIL, NAME, GIVEN, FAMILY = (
    PersonField.EMAIL,
    PersonField.DISPLAY_NAME,
    PersonField.GIVEN_NAME,
    PersonField.FAMILY_NAME,
)
LOCALE, ORGANISATION, ENGAGEMENT, AGS = (
    PersonField.LOCALE,
    PersonField.ORGANISATION,
    PersonField.ENGAGEMENT,
    PersonField.AGS,
)
CIRCLE, PARISH = UUID(int=1), UUID(int=2)
# No NUL, which is no text, and no lone surrogates, which have no encoding.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("email display_name locale organisation engagement ags", (EMAIL, NAME, LOCALE, ORGANISATION, ENGAGEMENT, AGS)),
        ("E-Mail Name Sprache Verein Haupt-/Ehrenamt AGS", (EMAIL, NAME, LOCALE, ORGANISATION, ENGAGEMENT, AGS)),
        ("VORNAME Nachname mail Helferkreis", (GIVEN, FAMILY, EMAIL, ORGANISATION)),
        ("Name Vorname E_MAIL_ADRESSE Kreis", (FAMILY, GIVEN, EMAIL, ORGANISATION)),
        ("Name Vorname Nachname", (None, GIVEN, FAMILY)),
        ("Gemeindeschlüssel Gemeindeschluessel GEMEINDESCHLUSSEL", (AGS, None, None)),
        ("Träger Traeger E-Mail(privat) Telefon Grund", (ORGANISATION, None, EMAIL, None, None)),
    ],
)
def test_headers_are_guessed(header: str, fields: tuple[PersonField | None, ...]) -> None:
    assert guess(header.split(), []) == fields


@pytest.mark.parametrize(
    ("cells", "field"), [(["8115003", "08115003"], AGS), (["Musterstadt"], None), (["", "71000"], None), ([], None)]
)
def test_a_column_of_municipalities_counts_where_keys_stand_in_it(cells: list[str], field: PersonField | None) -> None:
    assert guess(["Gemeinde"], [[cell] for cell in cells]) == (field,)


HEADERS = st.one_of(
    TEXT, st.sampled_from(["E-Mail", "Name", "Vorname", "Nachname", "Kreis", "Sprache", "AGS", "Gemeinde", "EA/HA"])
)


@given(st.lists(HEADERS, max_size=8))
@settings(deadline=None)
def test_no_field_is_guessed_twice_and_a_name_stands_in_one_way(header: list[str]) -> None:
    fields = [field for field in guess(header, []) if field is not None]
    assert len(fields) == len(set(fields))
    assert not {NAME, GIVEN} <= set(fields)
    assert not {NAME, FAMILY} <= set(fields)
    # Said by hand as it was guessed, it is taken.
    wanted = {str(index): field for index, field in enumerate(guess(header, []))}
    assert match(len(header), wanted) == guess(header, [])


def spaced(text: str) -> str:
    return f" {text.replace('-', ' - ')} :"


@given(HEADERS, st.sampled_from([str.upper, str.lower, str.title, spaced]))
@settings(deadline=None)
def test_case_spaces_and_punctuation_do_not_matter(header: str, spelt: Callable[[str], str]) -> None:
    if field_of(header) is not None:
        assert field_of(spelt(header)) is field_of(header)


@given(st.lists(HEADERS, min_size=1, max_size=6, unique_by=field_of))
@settings(deadline=None)
def test_the_order_of_columns_does_not_matter(header: list[str]) -> None:
    guessed = dict(zip(header, guess(header, []), strict=True))
    assert dict(zip(header[::-1], guess(header[::-1], []), strict=True)) == guessed


def test_what_is_missing_is_said() -> None:
    assert Matching((EMAIL,)).missing() == (NAME, ORGANISATION, ENGAGEMENT)
    assert Matching((GIVEN, ORGANISATION, ENGAGEMENT)).missing() == (NAME,)
    assert Matching((GIVEN, FAMILY), Defaults(CIRCLE, Engagement.STAFF)).missing() == ()


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"2": EMAIL}, "unknown-column"),
        ({"-1": EMAIL}, "unknown-column"),
        ({"00": None}, "unknown-column"),
        ({"0": EMAIL, "1": EMAIL}, "matched-twice"),
        ({"0": NAME, "1": FAMILY}, "matched-twice"),
    ],
)
def test_what_cannot_be_matched_is_refused(columns: dict[str, PersonField | None], code: str) -> None:
    refused = match(2, columns)
    assert isinstance(refused, Refusal)
    assert refused.code == code


def row(*cells: str, fields: tuple[PersonField | None, ...], defaults: Defaults = Defaults()) -> PersonRow | list[str]:  # noqa: B008
    """A row as a value, or the codes of what is wrong."""
    checked = check_row(values_of(Matching(fields, defaults), cells, "Kreis"), PersonRow)
    return [refusal.code for refusal in checked] if isinstance(checked, tuple) else checked


ALL = (EMAIL, GIVEN, FAMILY, LOCALE, ORGANISATION, ENGAGEMENT, AGS)


def test_a_row_says_it_in_words() -> None:
    said = row("kim@example.org", " Kim ", "Muster", "Einfache Sprache", "Café", "Ehrenamtliche*r", "8 115 003", fields=ALL)
    assert said == PersonRow(
        email="kim@example.org",
        display_name="Kim Muster",
        locale=Locale.DE_SIMPLE,
        organisation="Café",
        engagement=Engagement.VOLUNTEER,
        ags="08115003",
    )


def test_what_a_row_leaves_empty_is_as_by_default() -> None:
    defaults = Defaults(CIRCLE, Engagement.STAFF, "08115003", Locale.EN)
    said = row("", "Kim", fields=ALL, defaults=defaults)
    assert said == PersonRow(
        email=None, display_name="Kim", locale=Locale.EN, organisation="Kreis", engagement=Engagement.STAFF, ags="08115003"
    )
    said = row("Kim Muster", "hauptamtlich", fields=(NAME, ENGAGEMENT), defaults=Defaults(CIRCLE))
    assert isinstance(said, PersonRow)
    assert (said.locale, said.ags, said.engagement) == (None, None, Engagement.STAFF)


def test_all_that_is_wrong_is_said_by_codes() -> None:
    wrong = row("kim@", "", "", "klingonisch", "", "vielleicht", "71000", fields=ALL)
    assert wrong == ["not-an-address", "missing", "unknown-word", "unknown-word", "not-an-ags"]
    long, control, encoded = "x" * 201, "Kim\x07", "=?utf-8?q?x?="
    for name, code in ((long, "too-long"), (control, "control-character"), (encoded, "encoded-word"), (" ", "missing")):
        assert row(name, "Kreis", "ha", fields=(NAME, ORGANISATION, ENGAGEMENT)) == [code]


def test_every_code_has_its_words_in_german() -> None:
    root = Path(__file__).parents[2]
    assert {code.code for code in codes_in(root, ("RowRefusal",))} == set(REASONS)
    assert set(FIELDS) == set(PersonRow.model_fields)
    assert reason([RowRefusal("missing", "", "email"), RowRefusal("not-an-ags", "", "ags")]).startswith("E-Mail: fehlt; AGS: ")


CELLS = st.lists(TEXT | st.sampled_from(("=1+1", "'=1+1", "+49 7071", "@SUM(1)", "\t")), max_size=4)


@given(CELLS.filter(lambda cells: any(cell.strip() for cell in cells)), st.lists(st.tuples(CELLS, TEXT), min_size=1, max_size=5))
@settings(deadline=None)
def test_refused_rows_come_back_as_they_were(header: list[str], refused: list[tuple[list[str], str]]) -> None:
    """Whatever was read from a file stands in the file of refused rows, and is read from it again."""
    width = len(header)
    rows = [(cells[:width], reason) for cells, reason in refused if any(cell.strip() for cell in cells[:width])]
    if not rows:
        return
    first = write_refused(header, rows)
    for row in csv.reader(io.StringIO(first.decode("utf-8-sig"), newline=""), delimiter=";"):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))], "a spreadsheet would compute it"
    sheet = read_csv(first)
    again = write_refused(sheet.header, [(item.cells, reason) for item, (_, reason) in zip(sheet.rows, rows, strict=True)])
    assert read_csv(again) == sheet
    # Empty columns on the right are dropped with the reasons.
    shown = len(sheet.header)
    assert [cell if cell.strip() else "" for cell in sheet.header] == [cell if cell.strip() else "" for cell in header[:shown]]
    assert not any(cell.strip() for cells, _ in [(header, ""), *rows] for cell in cells[shown:])
    for item, (cells, _) in zip(sheet.rows, rows, strict=True):
        padded = [*item.cells, *[""] * width]
        assert [cell if cell.strip() else "" for cell in padded[: len(cells)]] == [cell if cell.strip() else "" for cell in cells]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "windows-1252"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_usual_files_are_read(encoding: str, delimiter: str) -> None:
    lines = ["", "Vorname|Nachname|E-Mail|Straße", "Jörg|Müller|j@example.org|Allee 1", "|||", "Änne|Groß|a@example.org"]
    sheet = read_csv("\r\n".join(lines).replace("|", delimiter).encode(encoding))
    assert sheet.header == ("Vorname", "Nachname", "E-Mail", "Straße")
    assert [(item.number, item.cells[1]) for item in sheet.rows] == [(3, "Müller"), (5, "Groß")]


def test_the_column_of_reasons_is_dropped() -> None:
    sheet = read_csv(write_refused(["Name", "Kreis"], [(["Kim", "Süd"], "Kreis: fehlt")]))
    assert (sheet.header, sheet.rows[0].cells) == (("Name", "Kreis"), ("Kim", "Süd"))
    assert REASON_HEADER not in sheet.header


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "nothing under"),
        (b"Name;E-Mail\n;\n", "nothing under"),
        (b"Name\n\x00\n", "no text"),
        (b"\xff\xfeN", "UTF-16"),
        (b"\x81\n", "Windows-1252"),
        (b"Name\n" + b"x\n" * (ROWS_MAX + 1), "more than 20000 rows"),
        (b"Name" + b";x" * COLUMNS_MAX + b"\nKim\n", "more than 100 columns"),
        (b"Name\n" + b"x" * 200_000 + b"\n", "not CSV"),
    ],
)
def test_what_is_no_list_is_refused_with_its_reason(content: bytes, words: str) -> None:
    with pytest.raises(UnreadableTable, match=words):
        read_csv(content)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_no_bytes_break_the_reader(content: bytes) -> None:
    for head in (b"", b"Name;E-Mail\n", b"\xff\xfe"):
        try:
            sheet = read_csv(head + content)
        except UnreadableTable:
            continue
        assert isinstance(sheet, Sheet)
        assert sheet.rows
        assert all(len(item.cells) <= len(sheet.header) for item in sheet.rows)


def entry(name: str, email: str | None, organisation_id: UUID = CIRCLE, engagement: Engagement = Engagement.VOLUNTEER) -> Entry:
    return Entry(name, email, Locale.DE, (membership(organisation_id, engagement),))


def membership(organisation_id: UUID = CIRCLE, engagement: Engagement = Engagement.VOLUNTEER) -> MembershipRecord:
    return MembershipRecord(organisation_id=organisation_id, ags="08115003", engagement=engagement)


def test_what_entering_comes_to() -> None:
    entries = [
        entry("Kim Muster", "kim@example.org"),
        entry("KIM  Muster", "Kim@example.org"),
        entry("Kim Muster", "kim@example.org", PARISH),
        entry("Robin", "kim@example.org"),
        entry("Erna", None),
        entry("Erna", None, PARISH),
        entry("Erna", None, engagement=Engagement.STAFF),
        entry("Karl", "karl@example.org"),
        entry("Karl", "karl@example.org", PARISH),
    ]
    known: dict[Key, list[MembershipRecord]] = {("karl@example.org", "karl"): [membership(PARISH)]}
    new, changed, unchanged = Outcome
    assert outcomes([(key_of(item), item.memberships) for item in entries], known) == [
        new,
        unchanged,
        changed,
        new,
        new,
        new,
        changed,
        changed,
        unchanged,
    ]
