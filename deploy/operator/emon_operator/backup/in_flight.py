"""Records that were in the log at the cut and that some consumer had not taken yet: a file with one on each line."""

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from emon_platform.consumer.records import Record


def line_of(record: Record) -> str:
    """A record as JSON."""
    return json.dumps(
        {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "key": _encoded(record.key),
            "headers": [[name, _encoded(value)] for name, value in record.headers],
            "value": _encoded(record.value),
        }
    )


def record_of(line: str) -> Record:
    """The record again."""
    said = json.loads(line)
    return Record(
        said["topic"],
        said["partition"],
        said["offset"],
        _decoded(said["key"]),
        [(name, _decoded(value)) for name, value in said["headers"]],
        _decoded(said["value"]),
    )


def read_records(file: Path) -> Iterator[Record]:
    """All of a file, in the order of each partition. Raises OSError and ValueError where it is damaged."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield record_of(line)


def _encoded(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
