"""Value types that mean the same in every service: municipality keys, addresses, names, wall-clock times.

A value that passed its type is safe to store, to log by id, to put in a mail header and to show: no NUL, no control
characters, no surrogates, bounded length.
"""

import re
import unicodedata
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_serializer,
    field_validator,
)
from pydantic_core import PydanticCustomError

# Official municipality key (Amtlicher Gemeindeschlüssel): 8 digits, of which the first two are the state 01–16.
AGS_PATTERN = r"^(0[1-9]|1[0-6])[0-9]{6}$"
Ags = Annotated[str, Field(pattern=AGS_PATTERN, description="Official municipality key: 8 digits", examples=["08115003"])]

EMAIL_LENGTH_MAX = 254  # RFC 5321 section 4.5.3.1.3: a path of 256 octets less its angle brackets
EMAIL_LOCAL_PART_LENGTH_MAX = 64  # RFC 5321 section 4.5.3.1.1
NAME_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 10_000

# The "valid e-mail address" production of the HTML standard (WHATWG HTML section 4.10.5.1.5): what browsers accept too.
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")

# Unicode's bidirectional overrides and isolates can make a name show as another; line and paragraph separators break lines.
_FORBIDDEN_CHARACTERS = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


class Locale(StrEnum):
    """The language a person is written to: German, German in plain words (Einfache Sprache), English."""

    DE = "de"
    DE_SIMPLE = "de-simple"
    EN = "en"


def _is_forbidden(character: str, *, multiline: bool) -> bool:
    if multiline and character in "\n\t":
        return False
    return unicodedata.category(character) in ("Cc", "Cs") or character in _FORBIDDEN_CHARACTERS


def _clean_line(text: str) -> str:
    for position, character in enumerate(text):
        if _is_forbidden(character, multiline=False):
            raise PydanticCustomError(
                "control_character",
                "must not contain control characters (found U+{codepoint} at position {position})",
                {"codepoint": f"{ord(character):04X}", "position": position},
            )
    text = unicodedata.normalize("NFC", text).strip()
    if not text:
        raise PydanticCustomError("blank", "must not be blank")
    if "=?" in text:
        # RFC 2047: in a mail header this would read as an encoded word and show as something else.
        raise PydanticCustomError("encoded_word", 'must not contain "=?"')
    return text


def _clean_text(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for position, character in enumerate(text):
        if _is_forbidden(character, multiline=True):
            raise PydanticCustomError(
                "control_character",
                "must not contain control characters (found U+{codepoint} at position {position})",
                {"codepoint": f"{ord(character):04X}", "position": position},
            )
    return unicodedata.normalize("NFC", text).strip()


def _clean_email(text: str) -> str:
    text = text.strip()
    local_part, _, domain = text.rpartition("@")
    if len(text) > EMAIL_LENGTH_MAX or len(local_part) > EMAIL_LOCAL_PART_LENGTH_MAX or not _EMAIL.fullmatch(text):
        raise PydanticCustomError("email", "must be an e-mail address such as name@example.org")
    if local_part.startswith(".") or local_part.endswith(".") or ".." in local_part:
        # The HTML standard allows these, RFC 5321 section 4.1.2 (dot-string) does not: mail servers refuse them.
        raise PydanticCustomError("email", "must be an e-mail address such as name@example.org")
    return f"{local_part}@{domain.lower()}"


Line = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH_MAX), AfterValidator(_clean_line)]
"""One line of text that people wrote, such as a name, a title or a place."""

DisplayName = Line
Title = Line
Place = Line

FreeText = Annotated[str, Field(max_length=TEXT_LENGTH_MAX), AfterValidator(_clean_text)]
"""Text of several lines. It never travels in events or mails."""

EmailAddress = Annotated[str, Field(max_length=EMAIL_LENGTH_MAX + 2), AfterValidator(_clean_email)]
"""An ASCII mail address; the domain in lower case, the local part as written."""


def email_key(address: str) -> str:
    """What two spellings of one mailbox have in common: compared without regard to case, as every mail provider does."""
    return address.lower()


def name_key(name: str) -> str:
    """What two spellings of one name have in common: compatibility forms, case and runs of white space do not count."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _time_zone(name: object) -> object:
    if isinstance(name, str) and name not in available_timezones():
        raise PydanticCustomError("time_zone", "must be a time zone of the IANA database such as Europe/Berlin")
    return name


TimeZoneName = Annotated[str, BeforeValidator(_time_zone), Field(examples=["Europe/Berlin"])]

# Not the `date-time` of JSON Schema, which has seconds and an offset (RFC 3339).
_LOCAL_TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$", "examples": ["2027-03-28T18:00"]}

YEAR_MAX = 2199  # far from datetime's own limit, so that adding durations and offsets cannot overflow


class ZonedDateTime(BaseModel):
    """A wall-clock time as a person meant it. The wall clock is the truth; UTC is derived from it.

    `local` has no offset and whole minutes; `time_zone` is a name of the IANA time zone database.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The zone comes first: validators of `local` in request schemas need it.
    time_zone: TimeZoneName
    local: Annotated[datetime, WithJsonSchema(_LOCAL_TIME)]

    @field_validator("local", mode="before")
    @classmethod
    def _only_text(cls, value: object) -> object:
        if not isinstance(value, str | datetime):  # pydantic would read a number as seconds since 1970
            raise PydanticCustomError("local_time", "must be a local time such as 2027-03-28T18:00")
        return value

    @field_validator("local")
    @classmethod
    def _local_to_the_minute(cls, value: datetime) -> datetime:
        if value.tzinfo is not None:
            raise PydanticCustomError("local_time", "must be a local time without offset, such as 2027-03-28T18:00")
        if value.second or value.microsecond:
            raise PydanticCustomError("local_time", "must be a whole minute, such as 2027-03-28T18:00")
        if not 1970 <= value.year <= YEAR_MAX:
            raise PydanticCustomError("local_time", "must lie between the years 1970 and {year_max}", {"year_max": YEAR_MAX})
        return value

    @field_serializer("local")
    def _local_as_text(self, value: datetime) -> str:
        return value.strftime("%Y-%m-%dT%H:%M")

    def instant(self) -> datetime:
        """The moment in UTC. Of a doubled local time the first; a skipped one is read with the offset before the gap."""
        return self.local.replace(tzinfo=ZoneInfo(self.time_zone)).astimezone(UTC)

    def date(self) -> date:
        """The day on the wall calendar."""
        return self.local.date()
