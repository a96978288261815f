"""Who is to hear of what, derived from committed events alone. One function for each type of event.

For a new kind: write a function and enter it in INTENTIONS under the type of its event. What a mail of that kind must look like
beyond "once for each event and person" stands with the laws. Introductions follow from the directory; see introduction_laws.py.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from tests.faults.audit.history import (
    FEEDBACK_ACKNOWLEDGED,
    FEEDBACK_ANSWERED,
    FEEDBACK_CONTINUED,
    FEEDBACK_OVERDUE,
    FEEDBACK_PUT_OFF,
    FEEDBACK_SUBMITTED,
    INVITATIONS_ISSUED,
    MEETING_CANCELLED,
    MEETING_RESCHEDULED,
    MEETING_STATES,
    SIGN_IN_REQUESTED,
    History,
)
from tests.faults.audit.records import Intention, SourceEvent

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


def those_asked(event: SourceEvent, _history: History) -> Iterator[Intention]:
    """Everybody who is asked to act, or who should read what the author wrote back."""
    for person in sorted(UUID(person) for person in event.payload["asked"]):
        yield _about_feedback(event, person, kind_of_request(event, person))


def the_author(event: SourceEvent, _history: History) -> Iterator[Intention]:
    """The author hears how far their feedback has come, if they gave a name."""
    if event.payload["author_id"] is not None:
        yield _about_feedback(event, UUID(event.payload["author_id"]), KINDS_OF_NEWS[event.type])


def kind_of_request(event: SourceEvent, person_id: UUID) -> str:
    """The kind of mail for somebody who is asked: who is asked once more is reminded, who comes next is told that others were."""
    if event.type == FEEDBACK_OVERDUE:
        return "feedback_reminder" if str(person_id) in event.payload["asked_in_vain"] else "feedback_escalation"
    return "feedback_asked" if event.type == FEEDBACK_SUBMITTED else "feedback_continued"


KINDS_OF_NEWS: Mapping[str, str] = {
    FEEDBACK_ACKNOWLEDGED: "feedback_acknowledged",
    FEEDBACK_PUT_OFF: "feedback_put_off",
    FEEDBACK_ANSWERED: "feedback_answered",
}
"""What an author is told."""

INTENTIONS: Mapping[str, IntentionsOf] = {
    INVITATIONS_ISSUED: those_invited,
    MEETING_RESCHEDULED: all_guests("change"),
    MEETING_CANCELLED: all_guests("cancellation"),
    SIGN_IN_REQUESTED: those_who_sign_in,
    FEEDBACK_SUBMITTED: those_asked,
    FEEDBACK_OVERDUE: those_asked,
    FEEDBACK_CONTINUED: those_asked,
    **dict.fromkeys(KINDS_OF_NEWS, the_author),
}


def intentions_of(history: History) -> list[Intention]:
    """Everything that somebody is to hear. What was published anew tells nobody anything."""
    return [
        intention
        for event in history.events
        if event.type in INTENTIONS and not event.replayed
        for intention in INTENTIONS[event.type](event, history)
    ]


def _about_feedback(event: SourceEvent, person_id: UUID, kind: str) -> Intention:
    return Intention(event.id, person_id, event.subject, kind, event.offset, event.time, revision=event.sequence)


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
