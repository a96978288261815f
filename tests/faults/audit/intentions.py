"""Who is to hear of what, derived from committed events alone. One function for each type of event.

For a new kind: write a function and enter it in INTENTIONS under the type of its event. What a mail of that kind must look like
beyond "once for each event and person" stands in laws.py.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tests.faults.audit.records import Intention, SourceEvent

MEETING_CANCELLED = "de.emon.meetings.meeting-cancelled.v1"
MEETING_RESCHEDULED = "de.emon.meetings.meeting-rescheduled.v1"
MEETING_RETITLED = "de.emon.meetings.meeting-retitled.v1"
MEETING_SCHEDULED = "de.emon.meetings.meeting-scheduled.v1"
MEETING_STATES = (MEETING_SCHEDULED, MEETING_RETITLED, MEETING_RESCHEDULED, MEETING_CANCELLED)
INVITATIONS_ISSUED = "de.emon.meetings.invitations-issued.v1"
SIGN_IN_REQUESTED = "de.emon.gateway.sign-in-requested.v1"


@dataclass
class History:
    """All events, each once, those of one subject in their order."""

    events: Sequence[SourceEvent]
    of_type: dict[tuple[UUID, str], list[SourceEvent]] = field(default_factory=dict[tuple[UUID, str], list[SourceEvent]])

    def __post_init__(self) -> None:
        first: dict[UUID, SourceEvent] = {}
        for event in sorted(self.events, key=lambda event: event.offset):
            first.setdefault(event.id, event)  # the relay may send twice; the first counts
        self.events = list(first.values())
        for event in self.events:
            self.of_type.setdefault((event.subject, event.type), []).append(event)

    def about(self, subject: UUID, *types: str) -> list[SourceEvent]:
        """The events of these types about a subject, in their order."""
        found = [event for type_ in types for event in self.of_type.get((subject, type_), [])]
        return sorted(found, key=lambda event: event.offset)


IntentionsOf = Callable[[SourceEvent, History], Iterable[Intention]]


def those_invited(event: SourceEvent, history: History) -> Iterator[Intention]:
    """Whoever an invitation was issued for hears of the meeting as it is by then."""
    for invitation in event.payload["invitations"]:
        yield _about_meeting(event, UUID(invitation["person_id"]), "invitation", history)


def all_guests(kind: str) -> IntentionsOf:
    """Everybody who was invited before this event hears of it."""

    def intentions(event: SourceEvent, history: History) -> Iterator[Intention]:
        guests = {
            UUID(invitation["person_id"])
            for issued in history.about(event.subject, INVITATIONS_ISSUED)
            if issued.offset < event.offset
            for invitation in issued.payload["invitations"]
        }
        for guest in sorted(guests):
            yield _about_meeting(event, guest, kind, history)

    return intentions


def those_who_sign_in(event: SourceEvent, _history: History) -> Iterator[Intention]:
    """Everybody who reads the mailbox gets a link; several links can come in one mail."""
    deadline = datetime.fromisoformat(event.payload["expires_at"])
    for person in event.payload["person_ids"]:
        yield Intention(event.id, UUID(person), event.subject, "sign_in", event.offset, event.time, deadline=deadline)


INTENTIONS: Mapping[str, IntentionsOf] = {
    INVITATIONS_ISSUED: those_invited,
    MEETING_RESCHEDULED: all_guests("change"),
    MEETING_CANCELLED: all_guests("cancellation"),
    SIGN_IN_REQUESTED: those_who_sign_in,
}


def intentions_of(history: History) -> list[Intention]:
    """Everything that somebody is to hear. What was published anew tells nobody anything."""
    return [
        intention
        for event in history.events
        if event.type in INTENTIONS and not event.replayed
        for intention in INTENTIONS[event.type](event, history)
    ]


def _about_meeting(event: SourceEvent, person_id: UUID, kind: str, history: History) -> Intention:
    states = history.about(event.subject, *MEETING_STATES)
    by_then = [state for state in states if state.offset <= event.offset]
    starts = [datetime.fromisoformat(state.payload["starts_at"]) for state in states]
    return Intention(
        event.id,
        person_id,
        event.subject,
        kind,
        event.offset,
        event.time,
        revision=by_then[-1].payload["revision"] if by_then else 0,
        deadline=min(starts, default=None),
    )
