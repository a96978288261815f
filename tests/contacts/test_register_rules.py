"""Reading the register, and what a newer one changes; without any I/O."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings, strategies as st

from emon_contacts.municipalities.register_file import RegisterFile, read_register, read_successors
from emon_contacts.municipalities.rules import Municipality, RegisterUpdate, compare
from emon_contacts.names import identity_key, search_key, search_term
from emon_contracts.refusals import Refusal

from tests.contacts.register import encoded, municipality, sample, state

INDEX_ROW_BYTES_MAX = 2700  # of a B-tree of PostgreSQL
JANUARY, MARCH = date(2026, 1, 31), date(2026, 3, 31)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1"])
def test_both_encodings_read_the_same(encoding: str) -> None:
    file = read_register(encoded(sample(), encoding))
    assert file.malformed == ()
    assert file.as_of == JANUARY
    assert file.complete_states == {"08"}
    assert len(file.municipalities) == 21
    first = file.municipalities[0]
    assert (first.ags, first.name, first.type_code) == ("08115001", "Mühlhausen an der Würm", "64")
    assert (first.population, first.area_hectares, first.post_code) == (3000, 4200, "71000")
    assert file.municipalities[-1].post_code is None


def test_malformed_lines_are_reported_and_the_others_read() -> None:
    lines = sample()
    lines[6] = lines[6][:8] + "  " + lines[6][10:120]  # breaks off before the type code
    lines[7] = municipality("08115003", "Großöhringen", population=3000).replace("00000003000", "0000000x000", 1)
    lines[8] = municipality("17115004", "Nirgendwo")
    lines.insert(3, "this is no record")
    lines.append(municipality("08115005", "Zweimal"))
    lines.append(municipality("08115099", "Kein Datum", "20260231"))
    lines.append(municipality("08115098", "Steuer\tzeichen"))
    file = read_register(encoded(lines))
    assert {item.line for item in file.malformed} == {4, 8, 9, 10, len(lines) - 2, len(lines) - 1, len(lines)}
    assert len(file.municipalities) == 18
    assert file.complete_states == frozenset()
    assert {"08115002", "08115003", "08115005", "08115098"} <= file.unclear


@given(st.binary(max_size=600))
@settings(deadline=None)
def test_no_bytes_break_the_reader(content: bytes) -> None:
    read_register(content)
    read_successors(content)


def told(file: RegisterFile) -> list[Municipality]:
    assert file.as_of is not None
    return [
        Municipality(item.ags, item.name, item.type_code, item.population, item.area_hectares, item.post_code, file.as_of)
        for item in file.municipalities
    ]


def update(
    known: dict[str, Municipality], lines: list[str], successors: dict[str, str] | None = None, *, accept: bool = False
) -> RegisterUpdate | Refusal:
    file = read_register(encoded(lines))
    assert file.as_of is not None
    return compare(known, told(file), file.complete_states, file.unclear, file.as_of, successors or {}, accept_closures=accept)


KNOWN = {item.ags: item for item in told(read_register(encoded(sample())))}
LATER = "20260331"


def changed(result: RegisterUpdate | Refusal) -> RegisterUpdate:
    assert isinstance(result, RegisterUpdate)
    return result


def test_the_same_file_changes_nothing() -> None:
    assert update(KNOWN, sample()) == RegisterUpdate()
    assert update(KNOWN, sample(LATER)) == RegisterUpdate(confirmed=tuple(KNOWN))


REGISTERS = st.dictionaries(
    st.integers(1, 40).map(lambda number: f"08115{number:03}"), st.sampled_from(["Aach", "Öpfingen", "Zell"])
)


@given(REGISTERS, REGISTERS)
@settings(deadline=None)
def test_whatever_a_register_says_it_changes_nothing_twice(first: dict[str, str], second: dict[str, str]) -> None:
    known: dict[str, Municipality] = {}
    for as_of, names in ((JANUARY, first), (MARCH, second)):
        entries = [Municipality(ags, name, "64", 1, 1, None, as_of) for ags, name in names.items()]
        once = changed(compare(known, entries, {"08"}, (), as_of, {}, accept_closures=True))
        confirmed = {ags: replace(known[ags], as_of=as_of) for ags in once.confirmed}
        known = {**known, **confirmed, **{item.ags: item for item in (*once.new, *once.changed)}}
        assert {ags: item.name for ags, item in known.items() if item.is_open} == names
        assert compare(known, entries, {"08"}, (), as_of, {}, accept_closures=False) == RegisterUpdate()


def test_names_are_updated_and_missing_ones_closed() -> None:
    lines = sample(LATER)
    lines[5] = municipality("08115001", "Mühlhausen", LATER)
    del lines[6]
    result = changed(update(KNOWN, lines, {"08115002": "08115001"}))
    assert result.closed == ("08115002",)
    by_ags = {item.ags: item for item in result.changed}
    assert (by_ags["08115001"].name, by_ags["08115001"].version) == ("Mühlhausen", 2)
    closed = by_ags["08115002"]
    assert (closed.closed_on, closed.successor, closed.version) == (MARCH, "08115001", 2)
    # It is back in a file that is newer still.
    after = {**KNOWN, **by_ags}
    again = changed(update(after, sample("20260430")))
    [back] = [item for item in again.changed if item.ags == "08115002"]
    assert (back.closed_on, back.successor, back.version) == (None, None, 3)


def test_a_file_that_lacks_too_much_is_refused() -> None:
    lines = [line for line in sample(LATER) if "Neudorf 0" not in line]
    refusal = update(KNOWN, lines)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.conflict) == ("too-many-closures", True)
    assert len(changed(update(KNOWN, lines, accept=True)).closed) == 9


def test_only_a_newer_and_complete_file_closes() -> None:
    assert changed(update(KNOWN, sample()[:-1])).closed == ()
    without_state = [line for line in sample(LATER)[:-1] if not line.startswith("10")]
    assert changed(update(KNOWN, without_state)).closed == ()
    unclear = [*sample(LATER)[:-1], municipality("08115900", "\x07", LATER)]
    assert changed(update(KNOWN, unclear)).closed == ()
    illegible = [*sample(LATER)[:-1], "?"]
    assert changed(update(KNOWN, illegible)).closed == ()


def test_an_older_file_changes_nothing() -> None:
    later = {ags: replace(item, as_of=MARCH) for ags, item in KNOWN.items()}
    lines = [*sample(), state("Bayern", "09"), municipality("09115001", "Neu")]
    lines[5] = municipality("08115001", "Alter Name")
    result = changed(update(later, lines))
    assert result.outdated_states == ("08",)
    assert [item.ags for item in result.new] == ["09115001"]
    assert (result.changed, result.closed) == ((), ())


@pytest.mark.parametrize(
    ("successors", "code"),
    [
        ({"08115002": "08115001"}, "not-closed"),
        ({"08115900": "08115900"}, "unknown-successor"),
        ({"08115900": "08999999"}, "unknown-successor"),
    ],
)
def test_only_a_closed_municipality_has_a_successor(successors: dict[str, str], code: str) -> None:
    refusal = update(KNOWN, sample(LATER)[:-1], successors)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


def test_successors_are_read_by_line() -> None:
    successors, malformed = read_successors(b"ags,successor\r\n08115002,08115001\r\n08115003\r\nx,08115001\r\n")
    assert successors == {"08115002": "08115001"}
    assert [item.line for item in malformed] == [3, 4]


@pytest.mark.parametrize("typed", ["Mühl", "MUEHL", "muhl", "würm", "Wuerm"])
def test_names_are_found_with_and_without_umlauts(typed: str) -> None:
    assert search_term(typed) in search_key("Mühlhausen an der Würm")


@given(st.text(max_size=50), st.text(max_size=50))
@settings(deadline=None)
def test_what_was_typed_is_found_in_a_name_that_has_it(before: str, after: str) -> None:
    assert search_term("Öhringen") in search_key(f"{before} Öhringen {after}")


@given(st.text(min_size=1, max_size=200))
@settings(deadline=None)
def test_keys_fit_into_an_index(name: str) -> None:
    assert len(search_key(name).encode()) + len(identity_key(name).encode()) < INDEX_ROW_BYTES_MAX
