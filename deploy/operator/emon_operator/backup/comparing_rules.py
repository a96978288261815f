"""What must hold between the running databases. Pure: what was seen in, what differs out.

Events are on their way all the time, so that one look proves little: what differs in two looks some seconds apart is stuck.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from emon_platform.consumer.offsets import Partition


@dataclass(frozen=True, slots=True)
class Copy:
    """A row of a copy of the directory. An ended one has no data any more."""

    version: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """One look. The directory by kind (people, organisations, municipalities) and key."""

    waiting: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])
    dead_letters: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])
    positions: Mapping[str, Mapping[Partition, int]] = field(default_factory=dict[str, Mapping[Partition, int]])
    beginnings: Mapping[Partition, int] = field(default_factory=dict[Partition, int])
    ends: Mapping[Partition, int] = field(default_factory=dict[Partition, int])
    directory: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    copies: Mapping[str, Mapping[str, Mapping[str, Copy]]] = field(default_factory=dict[str, Mapping[str, Mapping[str, Copy]]])
    meetings: Mapping[UUID, int] = field(default_factory=dict[UUID, int])
    copies_of_meetings: Mapping[str, Mapping[UUID, int]] = field(default_factory=dict[str, Mapping[UUID, int]])
    invited: frozenset[tuple[UUID, UUID]] = frozenset()
    owed: frozenset[tuple[UUID, UUID]] = frozenset()


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """Something that is not as it should be: which law, in whose database, about what."""

    law: str
    service: str
    about: str


MENDING: Mapping[str, tuple[str, str]] = {
    "event-not-sent": ("events wait in the outbox", "Does the worker run, and reach Kafka? See /health/ready of the service."),
    "event-not-consumed": ("records that are not read", "Does the worker run? See /health/ready of the service."),
    "outside-the-log": ("offsets outside the log", "Kafka was lost or forgot more than was read: `emon offsets repair`."),
    "dead-letter": ("records that could not be handled", "`emon dead-letters list SERVICE`"),
    "copy-missing": ("entries of the directory that the copy does not have", "`emon republish contacts`"),
    "copy-behind": ("entries of the directory that are older in the copy", "`emon republish contacts`"),
    "copy-ahead": ("entries of the directory that are newer in the copy than at contacts", "`emon republish contacts`"),
    "not-ended": ("people or organisations that contacts does not know and the copy still has", "`emon republish contacts`"),
    "meeting-copy": (
        "meetings that differ from the copy",
        "Move or rename the meeting: that publishes its state in a new version.",
    ),
    "never-told": ("invitations of which notifications does not know", "Tell them by hand: nobody wrote to them."),
    "about-nothing": ("deliveries about meetings that do not exist", "Cancel them among the deliveries that are held."),
}
"""What each law is about, and how to mend it."""


def differences(seen: Seen) -> set[Difference]:
    """All that one look found."""
    return {
        *_unsent_and_unread(seen),
        *_directory(seen),
        *_meetings(seen),
    }


def _unsent_and_unread(seen: Seen) -> Iterator[Difference]:
    for service, rows in seen.waiting.items():
        yield from (Difference("event-not-sent", service, str(row)) for row in rows)
    for service, rows in seen.dead_letters.items():
        yield from (Difference("dead-letter", service, str(row)) for row in rows)
    for service, positions in seen.positions.items():
        for partition, offset in positions.items():
            where = f"{partition.topic}/{partition.number}@{offset}"
            if not seen.beginnings.get(partition, 0) <= offset <= seen.ends.get(partition, 0):
                yield Difference("outside-the-log", service, where)
            elif offset < seen.ends.get(partition, 0):
                yield Difference("event-not-consumed", service, where)


def _directory(seen: Seen) -> Iterator[Difference]:
    for service, kinds in seen.copies.items():
        for kind, copy in kinds.items():
            there = seen.directory.get(kind, {})
            for key, version in there.items():
                if (held := copy.get(key)) is None:
                    yield Difference("copy-missing", service, f"{kind} {key}")
                elif held.version != version:
                    yield Difference("copy-behind" if held.version < version else "copy-ahead", service, f"{kind} {key}")
            for key, held in copy.items():
                if key not in there and not held.ended:
                    yield Difference("not-ended", service, f"{kind} {key}")


def _meetings(seen: Seen) -> Iterator[Difference]:
    for service, copy in seen.copies_of_meetings.items():
        for meeting_id, version in copy.items():
            if seen.meetings.get(meeting_id) != version:
                yield Difference("meeting-copy", service, str(meeting_id))
    for meeting_id, person_id in seen.invited - seen.owed:
        yield Difference("never-told", "notifications", f"{meeting_id} {person_id}")
    for meeting_id, person_id in seen.owed:
        if meeting_id not in seen.meetings:
            yield Difference("about-nothing", "notifications", f"{meeting_id} {person_id}")
