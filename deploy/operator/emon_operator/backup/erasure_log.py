"""The erasure log: who was erased, by ids that identify nobody. A file outside of every database, so that no restore forgets it.

One JSON object on each line: `person_id`, `version` (of the tombstone), `erased_at`.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from emon_contacts.erasures.rules import Erasure
from emon_operator.backup.whole_folder import append_whole_lines


class NoErasureLog(Exception):
    """The file is none; the message says where."""


def read_log(file: Path) -> list[Erasure]:
    """All that stands in a log, each person once. A last line that a crash tore off does not count. Raises NoErasureLog."""
    content = file.read_text(encoding="utf-8")
    whole, _, _ = content.rpartition("\n")
    found: dict[UUID, Erasure] = {}
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            said = json.loads(line)
            erasure = Erasure(UUID(said["person_id"]), int(said["version"]), datetime.fromisoformat(said["erased_at"]))
        except (ValueError, KeyError, TypeError) as error:
            raise NoErasureLog(f"{file}, line {number}, is no erasure") from error
        found.setdefault(erasure.person_id, erasure)
    return list(found.values())


def append_to_log(file: Path, erasures: Iterable[Erasure]) -> int:
    """Adds those that are not in it, in the order of time; answers how many. Raises NoErasureLog and OSError."""
    known = {erasure.person_id for erasure in read_log(file)} if file.exists() else set[UUID]()
    new = sorted((item for item in erasures if item.person_id not in known), key=lambda item: (item.erased_at, item.person_id))
    if new or not file.exists():
        append_whole_lines(file, [_line(erasure) for erasure in new])
    return len(new)


async def all_erasures(connection: Any) -> list[Erasure]:
    """Everybody of whom contacts knows that they erased themselves."""
    rows = await connection.fetch("SELECT id, version, erased_at FROM erased_people ORDER BY erased_at, id")
    return [Erasure(row["id"], row["version"], row["erased_at"]) for row in rows]


def _line(erasure: Erasure) -> str:
    return json.dumps(
        {"person_id": str(erasure.person_id), "version": erasure.version, "erased_at": erasure.erased_at.isoformat()}
    )
