"""What stands against a restore, and what the log can tell. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from emon_contacts.erasures.rules import Erasure
from emon_contracts.topics import EVENT_RETENTION
from emon_operator.backup.manifest import Manifest


@dataclass(frozen=True, slots=True)
class DatabaseFound:
    """A database as it was found: who is connected to it, by the names that programs give themselves, and what it holds."""

    sessions: Sequence[str] = ()
    rows: Mapping[str, int] = field(default_factory=dict[str, int])


def refusals(found: Mapping[str, DatabaseFound], *, replace: bool) -> list[str]:
    """Why nothing may be restored now; empty where it may."""
    against: list[str] = []
    for service, database in found.items():
        if database.sessions:
            names = ", ".join(sorted(set(database.sessions)))
            against.append(f"{service}: somebody is connected ({names}). Stop every service first.")
        if database.rows and not replace:
            counts = ", ".join(f"{count} in {table}" for table, count in sorted(database.rows.items()))
            against.append(f"{service}: there is data ({counts}). It is lost for good with --replace, and kept otherwise.")
    return against


def erasures_unknown(
    manifest: Manifest, now: datetime, *, same_log: bool, has_erasure_log: bool, nobody_was_erased: bool
) -> str | None:
    """Why nobody can tell who was erased since the backup; None where somebody can.

    Kafka tells where it is the same log, for as long as tombstones are kept.
    """
    if has_erasure_log or nobody_was_erased or (same_log and now - manifest.taken_at < EVENT_RETENTION):
        return None
    why = (
        f"the backup is older than {EVENT_RETENTION.days} days, for which Kafka keeps the end of a person"
        if same_log
        else "Kafka is not the one that the backup was taken beside"
    )
    return (
        f"Nobody knows who was erased since {manifest.taken_at:%Y-%m-%d %H:%M} UTC: {why}. "
        "Name the erasure log with --erasures FILE; a newer backup has one in it, too. "
        "Where you know for certain that there was no erasure, say --nobody-was-erased."
    )


def merged(*sources: Iterable[Erasure]) -> list[Erasure]:
    """Everybody once, with the highest version and the earliest moment that is known of them."""
    found: dict[UUID, Erasure] = {}
    for source in sources:
        for item in source:
            known = found.get(item.person_id, item)
            found[item.person_id] = Erasure(
                item.person_id, max(known.version, item.version), min(known.erased_at, item.erased_at)
            )
    return sorted(found.values(), key=lambda item: (item.erased_at, item.person_id))
