"""Value types refuse what must not be stored, shown, or put into a mail header."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st
from pydantic import TypeAdapter, ValidationError

from emon_contracts.values import Ags, EmailAddress, FreeText, Line, ZonedDateTime, email_key, name_key

LINE, TEXT, EMAIL, AGS = (TypeAdapter[str](kind) for kind in (Line, FreeText, EmailAddress, Ags))


@given(st.text())
def test_a_line_that_passes_has_no_control_character_and_passes_again(text: str) -> None:
    try:
        line = LINE.validate_python(text)
    except ValidationError:
        return
    assert line.isprintable() or " " in line or any(ord(character) > 127 for character in line)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line)
    assert LINE.validate_python(line) == line


@pytest.mark.parametrize(
    "text",
    ["", "   ", "a\x00b", "a\r\nBcc: x@example.org", "a\nb", "=?utf-8?q?hi?=", "x" * 201, "a\u202eb", "a\u2028b", "\ud800"],
)
def test_what_is_no_line(text: str) -> None:
    with pytest.raises(ValidationError):
        LINE.validate_python(text)


def test_names_and_titles_of_people_pass() -> None:
    for text in ("Zoë O’Brien-Müller", "Runder Tisch: Was gelingt? (2)", "李 小龍", "Café ☕", 'Haus "Am Bach" <Saal 2>'):
        assert LINE.validate_python(text) == text


def test_free_text_keeps_its_lines() -> None:
    assert TEXT.validate_python("eins\r\nzwei\rdrei\n") == "eins\nzwei\ndrei"
    with pytest.raises(ValidationError):
        TEXT.validate_python("a\x0bb")


@pytest.mark.parametrize("address", ["a@example.org", "a.b+c@sub.example.org", "o'brien@example.org", "x@localhost"])
def test_what_is_an_address(address: str) -> None:
    assert EMAIL.validate_python(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "a",
        "@example.org",
        "a@",
        "a b@example.org",
        "a@exa mple.org",
        "a@example..org",
        "a@-example.org",
        "ä@example.org",
        "a..b@example.org",
        ".a@example.org",
        "a@example.org\r\nBcc: b@example.org",
        "<a@example.org>",
        f"{'a' * 65}@example.org",
        "a@b@example.org",
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValidationError):
        EMAIL.validate_python(address)


def test_spellings_that_are_the_same() -> None:
    assert email_key(EMAIL.validate_python("A.Muster@Example.ORG")) == "a.muster@example.org"
    assert name_key("  Anna  STRAßE ") == name_key("anna strasse")


@pytest.mark.parametrize("ags", ["8115003", "081150030", "17115003", "00115003", "0811500x", "０8115003"])
def test_what_is_no_municipality_key(ags: str) -> None:
    with pytest.raises(ValidationError):
        AGS.validate_python(ags)


def test_the_wall_clock_is_the_truth() -> None:
    winter = ZonedDateTime(local=datetime(2027, 3, 27, 18), time_zone="Europe/Berlin")
    summer = ZonedDateTime(local=datetime(2027, 3, 28, 18), time_zone="Europe/Berlin")
    assert winter.instant() == datetime(2027, 3, 27, 17, tzinfo=UTC)
    assert summer.instant() == datetime(2027, 3, 28, 16, tzinfo=UTC)
    assert winter.model_dump_json() == '{"time_zone":"Europe/Berlin","local":"2027-03-27T18:00"}'
    assert ZonedDateTime.model_validate_json(winter.model_dump_json()) == winter


@pytest.mark.parametrize(
    "local", ["2027-03-27T18:00:01", "2027-03-27T18:00Z", "9999-12-31T23:59", "0001-01-01T00:00", 1_700_000_000, "morgen"]
)
def test_what_is_no_local_time(local: object) -> None:
    with pytest.raises(ValidationError):
        ZonedDateTime.model_validate({"local": local, "time_zone": "Europe/Berlin"})
