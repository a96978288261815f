"""From bytes to events. What cannot be read is poison; what is not ours is passed over; what is newer than we are stops us."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import ValidationError

from emon_contracts.envelope import Event, Payload, Undecodable, event_of, header_texts
from emon_contracts.registry import MESSAGES, is_newer_version_of_known


class Record(NamedTuple):
    """One record as the broker gave it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None
    timestamp_ms: int | None = None  # when it was sent; not kept of dead letters


class Unreadable(Exception):
    """This record will never be read: it is poison."""


class NewerThanKnown(Exception):
    """A version of one of our types that this release does not know. To skip it would lose it: update this service first."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A type that is none of ours. It is counted and skipped."""

    type: str


@dataclass(frozen=True, slots=True)
class Tombstoned:
    """The end of a key on a topic of states."""

    key: str
    version: int


def read(record: Record) -> Event[Payload] | Tombstoned | Unknown:
    """Decodes one record. Raises Unreadable or NewerThanKnown."""
    type_: str | None = None
    try:
        texts = header_texts(record.headers)
        type_ = texts.get("ce_type")
        if type_ is None:
            raise Undecodable("the header ce_type is missing")
        model = MESSAGES.get(type_)
        if model is None:
            if is_newer_version_of_known(type_):
                raise NewerThanKnown(type_)
            return Unknown(type_)
        if record.value is None:
            if record.key is None:
                raise Undecodable("a tombstone without a key")
            return Tombstoned(record.key.decode(), int(texts["ce_sequence"]))
        return event_of(texts, model.model_validate_json(record.value))
    except ValidationError as error:
        # Places and kinds of the errors, never the values: reasons are shown to operators.
        places = ", ".join(f"{'/'.join(map(str, item['loc']))}: {item['type']}" for item in error.errors()[:5])
        raise Unreadable(f"the value is not a valid {type_}: {places}") from error
    except (Undecodable, UnicodeDecodeError, KeyError, ValueError) as error:
        raise Unreadable(str(error)) from error
