"""Events on the wire: CloudEvents 1.0 in Kafka's binary mode (CloudEvents Kafka protocol binding 1.0.2, section 3.2).

Attributes travel as `ce_…` headers, the value is the payload as JSON. A header that is not understood is left alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from emon_contracts.topics import Topic

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
EVENT_BYTES_MAX = 128 * 1024


class Payload(BaseModel):
    """What an event says. `extra="ignore"`: fields that a newer producer added to v1 are not an error."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    TOPIC: ClassVar[Topic]
    KEY: ClassVar[str]
    """The field whose value is the Kafka key: keeps together what needs order."""

    def key(self) -> str:
        """The Kafka key of this payload."""
        return str(getattr(self, self.KEY))


PayloadT_co = TypeVar("PayloadT_co", bound=Payload, covariant=True)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event as a service publishes it; the outbox adds id, time and trace.

    `subject` is the aggregate's id, `sequence` its version, `tenant` an AGS (None where no municipality owns it).
    """

    payload: Payload
    subject: str
    sequence: int
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The end of a record of state on a compacted topic: key and version remain, and no data."""

    topic: Topic
    type: str
    key: str
    sequence: int


class Event(NamedTuple, Generic[PayloadT_co]):
    """An event as a consumer reads it."""

    id: UUID
    type: str
    subject: str
    sequence: int
    tenant: str | None
    time: datetime
    payload: PayloadT_co
    replayed: bool = False
    traceparent: str | None = None


class Undecodable(ValueError):
    """A record that is no event of ours: a header is missing or not what it must be."""


def encode_headers(
    *,
    event_id: UUID,
    source: str,
    type_: str,
    time: datetime,
    subject: str,
    sequence: int,
    tenant: str | None,
    traceparent: str | None,
    replayed: bool = False,
) -> list[tuple[str, str]]:
    """The headers of one record, as text; every value is ASCII by construction."""
    headers = [
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", str(event_id)),
        ("ce_source", source),
        ("ce_type", type_),
        ("ce_time", time.isoformat().replace("+00:00", "Z")),
        ("ce_subject", subject),
        ("ce_sequence", str(sequence)),
        ("content-type", CONTENT_TYPE),
    ]
    if tenant is not None:
        headers.append(("ce_tenant", tenant))
    if traceparent is not None:
        headers.append(("traceparent", traceparent))
    if replayed:
        headers.append(("ce_replayed", "true"))
    return headers


def header_texts(headers: Iterable[tuple[str, bytes | None]]) -> Mapping[str, str]:
    """Headers by name. Raises Undecodable for a value that is missing or is not UTF-8."""
    texts: dict[str, str] = {}
    for name, value in headers:
        if value is None:
            raise Undecodable(f"the header {name} has no value")
        try:
            texts[name] = value.decode()
        except UnicodeDecodeError as error:
            raise Undecodable(f"the header {name} is not UTF-8") from error
    return texts


def event_of(texts: Mapping[str, str], payload: PayloadT_co) -> Event[PayloadT_co]:
    """The event with these headers. Raises Undecodable where one is missing or malformed."""
    try:
        return Event(
            id=UUID(texts["ce_id"]),
            type=texts["ce_type"],
            subject=texts["ce_subject"],
            sequence=int(texts["ce_sequence"]),
            tenant=texts.get("ce_tenant"),
            time=datetime.fromisoformat(texts["ce_time"]),
            payload=payload,
            replayed=texts.get("ce_replayed") == "true",
            traceparent=texts.get("traceparent"),
        )
    except KeyError as error:
        raise Undecodable(f"the header {error.args[0]} is missing") from error
    except ValueError as error:
        raise Undecodable(f"a header is malformed: {error}") from error
