"""Which column holds what: guessed from its header, said by hand; and what a row says by it."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from emon_contracts.actors import Engagement
from emon_contracts.refusals import Refusal
from emon_contracts.values import Ags, Locale

# Heads the reasons in a file of refused rows; such a column is dropped when the file is handed in again.
REASON_HEADER = "Grund der Ablehnung"


class PersonField(StrEnum):
    """What a column can hold. A name stands in one column, or in two."""

    EMAIL = "email"
    DISPLAY_NAME = "display_name"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    LOCALE = "locale"
    ORGANISATION = "organisation"
    ENGAGEMENT = "engagement"
    AGS = "ags"


# Without a column or, but for the name, a default for these nobody can be entered.
REQUIRED_FIELDS = (PersonField.DISPLAY_NAME, PersonField.ORGANISATION, PersonField.ENGAGEMENT)
NAME_IN_TWO = (PersonField.GIVEN_NAME, PersonField.FAMILY_NAME)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for rows that leave a cell empty, or where there is no such column."""

    organisation_id: UUID | None = None
    engagement: Engagement | None = None
    ags: Ags | None = None
    locale: Locale | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """What each column holds, None where it does not matter."""

    fields: tuple[PersonField | None, ...]
    defaults: Defaults = Defaults()

    def missing(self) -> tuple[PersonField, ...]:
        """What is still to be matched or given before anybody can be entered."""
        found = {field for field in self.fields if field is not None}
        if found.issuperset(NAME_IN_TWO):
            found.add(PersonField.DISPLAY_NAME)
        if self.defaults.organisation_id is not None:
            found.add(PersonField.ORGANISATION)
        if self.defaults.engagement is not None:
            found.add(PersonField.ENGAGEMENT)
        return tuple(field for field in REQUIRED_FIELDS if field not in found)

    def column_of(self, field: str) -> int | None:
        """The column that a refusal of this field is about; None where the value came from a default, or from nowhere."""
        alike = (*NAME_IN_TWO[::-1], PersonField.DISPLAY_NAME) if field == PersonField.DISPLAY_NAME else (PersonField(field),)
        return next((self.fields.index(one) for one in alike if one in self.fields), None)


@dataclass(frozen=True, slots=True)
class Draft:
    """A list on its way in. `expected` and `taken` count rows by outcome; `left` are still to be taken."""

    id: UUID
    sheet: str | None
    header: tuple[str, ...]
    matching: Matching
    rows: int
    expected: Mapping[str, int] | None  # None until the columns are matched
    position: int  # the number of the last row that was taken
    taken: Mapping[str, int]
    left: int


ALREADY_TAKING = Refusal("already-taking", "Rows of this list were taken already. Hand the rest in as a new list.", conflict=True)
NOT_MATCHED = Refusal("not-matched", "Say first what the columns hold; `missing` names what is needed.", conflict=True)


def match(width: int, wanted: Mapping[str, PersonField | None]) -> tuple[PersonField | None, ...] | Refusal:
    """What each of so many columns holds, as said by hand: by index from 0; what is left out does not matter."""
    indexes = {str(index): index for index in range(width)}
    if not indexes.keys() >= wanted.keys():
        return Refusal("unknown-column", f"The columns of this list are 0 to {width - 1}.", "/columns")
    fields = [field for field in wanted.values() if field is not None]
    if len(fields) > len(set(fields)):
        return Refusal("matched-twice", "Each field stands in one column at most.", "/columns")
    if PersonField.DISPLAY_NAME in fields and not set(NAME_IN_TWO).isdisjoint(fields):
        return Refusal("matched-twice", "A name stands in display_name, or in given_name and family_name.", "/columns")
    return tuple(wanted.get(index) for index in indexes)


def word_key(text: str) -> str:
    """What spellings of one word have in common: case, umlauts (ü, ue, u), spaces and punctuation do not count."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(character for character in decomposed if character.isalnum())
    return re.sub("([aou])e", r"\1", letters)


def _keys(words: Mapping[PersonField, str]) -> dict[str, PersonField]:
    return {word_key(word): field for field, listed in words.items() for word in listed.split(",")}


_HEADERS = _keys(
    {
        PersonField.EMAIL: "email,e-mail,mail,e-mail-adresse,mailadresse,emailaddress,mail address,elektronische post",
        PersonField.DISPLAY_NAME: (
            "display_name,name,full name,vollständiger name,vor- und nachname,vorname nachname,vorname und name,"
            "nachname vorname,name vorname,name und vorname,person,ansprechperson,ansprechpartner,ansprechpartnerin"
        ),
        PersonField.GIVEN_NAME: "given_name,vorname,vornamen,rufname,first name",
        PersonField.FAMILY_NAME: "family_name,nachname,familienname,zuname,last name,surname",
        PersonField.LOCALE: "locale,sprache,korrespondenzsprache,language",
        PersonField.ORGANISATION: (
            "organisation,organization,verein,kreis,helferkreis,helfer*innenkreis,helferinnenkreis,arbeitskreis,asylkreis,"
            "asyl-helferkreis,freundeskreis,initiative,träger,einrichtung,verband,name der organisation,name des vereins,"
            "name des helferkreises,circle,helper circle,association"
        ),
        PersonField.ENGAGEMENT: (
            "engagement,haupt-/ehrenamt,haupt- oder ehrenamt,hauptamt/ehrenamt,hauptamtlich/ehrenamtlich,"
            "haupt- oder ehrenamtlich,haupt-/ehrenamtlich,ehren-/hauptamt,ehrenamt/hauptamt,ehrenamtlich/hauptamtlich,"
            "ha/ea,ea/ha,art des engagements,art der mitarbeit,staff/volunteer"
        ),
        PersonField.AGS: "ags,amtlicher gemeindeschlüssel,gemeindeschlüssel,gemeindekennziffer,gemeindenummer,municipality key",
    }
)
# Such a column often holds a name, by which no municipality is known: it counts where keys stand in it.
_MUNICIPALITY = {word_key(word) for word in ("gemeinde", "kommune", "municipality")}
_AGS_MAYBE_SHORT = re.compile(r"0?[1-9][0-9]{6}|1[0-6][0-9]{6}")


def field_of(header: str) -> PersonField | None:
    """What the header of a column says that it holds. What stands in brackets does not count."""
    return _HEADERS.get(word_key(header)) or _HEADERS.get(word_key(re.sub(r"\(.*?\)|\[.*?\]", "", header)))


def guess(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[PersonField | None, ...]:
    """What each column probably holds, by its header and the first rows. Of two that hold the same the first counts."""
    fields = [field_of(name) or _municipality(name, index, rows) for index, name in enumerate(header)]
    if PersonField.GIVEN_NAME in fields and PersonField.FAMILY_NAME not in fields:
        # `Vorname` beside `Name`: the latter is the family's.
        fields = [PersonField.FAMILY_NAME if field is PersonField.DISPLAY_NAME else field for field in fields]
    in_two = set(NAME_IN_TWO) <= set(fields)
    if in_two or PersonField.DISPLAY_NAME in fields:
        surplus = (PersonField.DISPLAY_NAME,) if in_two else NAME_IN_TWO
        fields = [None if field in surplus else field for field in fields]
    return tuple(None if field in fields[:index] else field for index, field in enumerate(fields))


def _municipality(name: str, index: int, rows: Sequence[Sequence[str]]) -> PersonField | None:
    if word_key(name) not in _MUNICIPALITY:
        return None
    cells = [cell.strip() for row in rows if (cell := cell_at(row, index)).strip()]
    return PersonField.AGS if cells and all(_AGS_MAYBE_SHORT.fullmatch(cell) for cell in cells) else None


def cell_at(cells: Sequence[str], index: int) -> str:
    """The cell of a row in this column; rows end with their last cell."""
    return cells[index] if index < len(cells) else ""


def _spellings(words: Mapping[str, str]) -> dict[str, str]:
    return {word_key(word): value for value, listed in words.items() for word in listed.split(",")}


_ENGAGEMENTS = _spellings(
    {
        Engagement.STAFF: (
            "staff,paid,paid staff,employee,hauptamt,hauptamtlich,hauptamtliche,hauptamtlicher,hauptamtliche*r,hauptberuflich,"
            "angestellt,angestellte,angestellter,ha"
        ),
        Engagement.VOLUNTEER: (
            "volunteer,volunteering,voluntary,ehrenamt,ehrenamtlich,ehrenamtliche,ehrenamtlicher,ehrenamtliche*r,freiwillig,"
            "freiwillige,freiwilliger,ea"
        ),
    }
)
_LOCALES = _spellings(
    {
        Locale.DE: "de,deutsch,german,deu,ger",
        Locale.DE_SIMPLE: (
            "de-simple,einfache sprache,einfaches deutsch,deutsch (einfach),deutsch (einfache sprache),leichte sprache"
        ),
        Locale.EN: "en,englisch,english,eng",
    }
)


def values_of(matching: Matching, cells: Sequence[str], organisation_by_default: str) -> dict[str, str]:
    """What a row says of somebody, by the names of a `PersonRow`; what it leaves empty is as by default."""
    said = {field: cell_at(cells, index) for index, field in enumerate(matching.fields) if field is not None}
    defaults = matching.defaults
    name = said.get(PersonField.DISPLAY_NAME)
    if name is None:
        name = " ".join(part for field in NAME_IN_TWO if (part := said.get(field, "").strip()))
    engagement = said.get(PersonField.ENGAGEMENT, "")
    locale = said.get(PersonField.LOCALE, "")
    return {
        "email": said.get(PersonField.EMAIL, ""),
        "display_name": name,
        "locale": _LOCALES.get(word_key(locale), locale) if locale.strip() else defaults.locale or "",
        "organisation": said[PersonField.ORGANISATION] if names_organisation(matching, cells) else organisation_by_default,
        "engagement": _ENGAGEMENTS.get(word_key(engagement), engagement) if engagement.strip() else defaults.engagement or "",
        "ags": _whole_ags(said.get(PersonField.AGS, "")) or defaults.ags or "",
    }


def names_organisation(matching: Matching, cells: Sequence[str]) -> bool:
    """Whether the row itself says which organisation is meant."""
    return PersonField.ORGANISATION in matching.fields and bool(
        cell_at(cells, matching.fields.index(PersonField.ORGANISATION)).strip()
    )


def _whole_ags(cell: str) -> str:
    """A key without spaces, and with the zero in front that spreadsheets drop."""
    key = "".join(cell.split())
    return f"0{key}" if re.fullmatch(r"[1-9][0-9]{6}", key) else key
