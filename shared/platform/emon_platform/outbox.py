"""The outbox: an event is committed with the state it tells of, or not at all.

Append after the aggregate's row was updated: its lock keeps the events of one aggregate in order.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from emon_contracts.envelope import EVENT_BYTES_MAX, NewEvent, Tombstone, encode_headers
from emon_platform.consumer.records import Record
from emon_platform.database import Transaction
from emon_platform.tracing import Kind, messaging, messaging_name, span


class EventTooLarge(ValueError):
    """An event of more than EVENT_BYTES_MAX would not pass every broker; it has to be split by its publisher."""


async def append(tx: Transaction, source: str, events: Iterable[NewEvent | Tombstone], *, replayed: bool = False) -> None:
    """Adds events in the given order. `source` is the service, such as `meetings`.

    `replayed` marks state that is published anew: nobody is mailed for it. Raises EventTooLarge.
    """
    given = list(events)
    if not given:
        return
    to = {_topic(event) for event in given}
    with span(messaging_name("create", to), Kind.PRODUCER, messaging("create", to, len(given))) as step:
        await _insert(tx, source, given, step.traceparent, replayed=replayed)
    tx.outbox_touched = True


async def _insert(
    tx: Transaction, source: str, events: Iterable[NewEvent | Tombstone], traceparent: str, *, replayed: bool
) -> None:
    now = datetime.now(UTC)
    topics: list[str] = []
    keys: list[bytes] = []
    headers: list[str] = []
    values: list[bytes | None] = []
    for event in events:
        type_, key, subject, tenant, value = _parts(event)
        topics.append(_topic(event))
        keys.append(key.encode())
        values.append(value)
        headers.append(
            json.dumps(
                encode_headers(
                    event_id=uuid7(),
                    source=f"/{source}",
                    type_=type_,
                    time=now,
                    subject=subject,
                    sequence=event.sequence,
                    tenant=tenant,
                    traceparent=traceparent,
                    replayed=replayed,
                )
            )
        )
    await tx.execute(
        """
        INSERT INTO outbox (topic, key, headers, value)
        SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bytea[])
        """,
        topics,
        keys,
        headers,
        values,
    )


def _topic(event: NewEvent | Tombstone) -> str:
    return event.topic.name if isinstance(event, Tombstone) else event.payload.TOPIC.name


def _parts(event: NewEvent | Tombstone) -> tuple[str, str, str, str | None, bytes | None]:
    if isinstance(event, Tombstone):
        return event.type, event.key, event.key, None, None
    payload = event.payload
    value = payload.model_dump_json().encode()
    if len(value) > EVENT_BYTES_MAX:
        raise EventTooLarge(f"{payload.TYPE} of {event.subject} has {len(value)} bytes, more than {EVENT_BYTES_MAX}")
    return payload.TYPE, payload.key(), event.subject, event.tenant, value


async def publish_before_all(tx: Transaction, records: Sequence[Record]) -> None:
    """Puts records of the log in front of what waits, as they are and in their order, to be published once more.

    They keep their ids, so that whoever took one takes it no second time.
    """
    first = await tx.fetchval("SELECT coalesce(min(position), 1) FROM outbox")
    await tx.executemany(
        "INSERT INTO outbox (position, topic, key, headers, value) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5)",
        [
            (
                first - len(records) + index,
                record.topic,
                record.key or b"",
                json.dumps([(name, (value or b"").decode()) for name, value in record.headers]),
                record.value,
            )
            for index, record in enumerate(records)
        ],
    )
