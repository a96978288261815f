"""Reading the register of municipalities: GV100AD of the Federal Statistical Office, fixed width, one record a line.

The office ships UTF-8 and ISO-8859-1. Columns are characters, whatever the encoding; they are given here as Python slices
(the office counts from 1).
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pydantic import TypeAdapter, ValidationError

from emon_contracts.values import AGS_PATTERN, Ags, Line

RECORD_TYPE = slice(0, 2)
AS_OF = slice(2, 10)
STATE = slice(10, 12)
AGS = slice(10, 18)
NAME = slice(22, 72)
TYPE_CODE = slice(122, 124)
AREA_HECTARES = slice(128, 139)
POPULATION = slice(139, 150)
POST_CODE = slice(165, 170)

TYPE_STATE = "10"
TYPE_MUNICIPALITY = "60"
KNOWN_TYPES = frozenset({TYPE_STATE, "20", "30", "40", "50", TYPE_MUNICIPALITY})

INTEGER_MAX = 2**31 - 1  # PostgreSQL's integer

_AGS: TypeAdapter[str] = TypeAdapter(Ags)
_NAME: TypeAdapter[str] = TypeAdapter(Line)


@dataclass(frozen=True, slots=True)
class MunicipalityEntry:
    """A municipality as a file tells of it."""

    ags: Ags
    name: str
    type_code: str
    population: int
    area_hectares: int
    post_code: str | None


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that was not understood. Lines count from 1."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class RegisterFile:
    """What a file says.

    `complete_states` are those of which nothing is missing: their own record (type 10) is there, and no line is malformed
    beyond its key. `unclear` are municipalities that the file names in a line that is malformed otherwise.
    """

    as_of: date | None
    complete_states: frozenset[str]
    municipalities: tuple[MunicipalityEntry, ...]
    unclear: frozenset[Ags]
    malformed: tuple[Malformed, ...]


def decode(content: bytes) -> str:
    """UTF-8 where it is that, ISO-8859-1 otherwise; a file of the latter with any umlaut is not valid UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("iso-8859-1")


def read_register(content: bytes) -> RegisterFile:
    """Reads a whole file; what is malformed is reported by line, and the rest is read all the same."""
    dates: set[date] = set()
    states: set[str] = set()
    entries: dict[str, MunicipalityEntry] = {}
    malformed: list[Malformed] = []
    unclear: set[Ags] = set()
    anything_missing = False
    # Not splitlines(): it would also split at U+0085, which a byte of ISO-8859-1 can be.
    for number, text in enumerate(decode(content).split("\n"), start=1):
        line = text.rstrip("\r")
        if not line.strip():
            continue
        try:
            if line[RECORD_TYPE] not in KNOWN_TYPES:
                raise ValueError(f"{line[RECORD_TYPE]!r} is no record type")
            as_of = _date(line[AS_OF])
            if line[RECORD_TYPE] == TYPE_STATE:
                states.add(line[STATE])
            elif line[RECORD_TYPE] == TYPE_MUNICIPALITY:
                entry = _entry(line)
                if entry.ags in entries:
                    raise ValueError(f"{entry.ags} stands in an earlier line already")
                entries[entry.ags] = entry
            dates.add(as_of)
        except ValueError as error:
            malformed.append(Malformed(number, str(error)))
            if re.fullmatch(AGS_PATTERN, line[AGS]):
                unclear.add(line[AGS])
            else:
                anything_missing = True
    return RegisterFile(
        # A file has one date. Should it ever have several, it says how things were on the first of them at least.
        as_of=min(dates, default=None),
        complete_states=frozenset() if anything_missing else frozenset(states),
        municipalities=tuple(entries.values()),
        unclear=frozenset(unclear),
        malformed=tuple(malformed),
    )


def _entry(line: str) -> MunicipalityEntry:
    post_code = line[POST_CODE].strip()
    if post_code and not (len(post_code) == 5 and post_code.isascii() and post_code.isdigit()):
        raise ValueError(f"{post_code!r} is no post code")
    type_code = line[TYPE_CODE]
    if not (len(type_code) == 2 and type_code.isascii() and type_code.isdigit()):
        raise ValueError(f"{type_code!r} is no type code")
    return MunicipalityEntry(
        ags=_checked(_AGS, line[AGS], "official key"),
        name=_checked(_NAME, line[NAME], "name"),
        type_code=type_code,
        population=_number(line[POPULATION], "population"),
        area_hectares=_number(line[AREA_HECTARES], "area"),
        post_code=post_code or None,
    )


def _checked(adapter: TypeAdapter[str], text: str, what: str) -> str:
    try:
        return adapter.validate_python(text)
    except ValidationError as error:
        raise ValueError(f"{what}: {error.errors()[0]['msg']}") from error


def _date(text: str) -> date:
    if not (len(text) == 8 and text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no date (YYYYMMDD)")
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError as error:
        raise ValueError(f"{text!r} is no date (YYYYMMDD)") from error


def _number(text: str, what: str) -> int:
    if not text.strip():
        return 0
    if not (text.isascii() and text.isdigit()) or int(text) > INTEGER_MAX:
        raise ValueError(f"{what}: {text!r} is no number")
    return int(text)


def read_successors(content: bytes) -> tuple[dict[Ags, Ags], tuple[Malformed, ...]]:
    """A list `ags,successor` (CSV with that header): into which municipality another was merged."""
    rows = csv.reader(io.StringIO(decode(content), newline=""))
    return _successors(rows)


def _successors(rows: Iterable[list[str]]) -> tuple[dict[Ags, Ags], tuple[Malformed, ...]]:
    successors: dict[Ags, Ags] = {}
    malformed: list[Malformed] = []
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if number == 1 and cells == ["ags", "successor"]:
            continue
        if not any(cells):
            continue
        try:
            if len(cells) != 2:
                raise ValueError("needs two columns: ags,successor")
            successors[_checked(_AGS, cells[0], "ags")] = _checked(_AGS, cells[1], "successor")
        except ValueError as error:
            malformed.append(Malformed(number, str(error)))
    return successors, tuple(malformed)
