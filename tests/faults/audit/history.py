"""What happened, by the event topics alone: the types of events, and each event once, in the order of its subject."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tests.faults.audit.records import SourceEvent

MEETING_CANCELLED = "de.emon.meetings.meeting-cancelled.v1"
MEETING_RESCHEDULED = "de.emon.meetings.meeting-rescheduled.v1"
MEETING_RETITLED = "de.emon.meetings.meeting-retitled.v1"
MEETING_SCHEDULED = "de.emon.meetings.meeting-scheduled.v1"
MEETING_STATES = (MEETING_SCHEDULED, MEETING_RETITLED, MEETING_RESCHEDULED, MEETING_CANCELLED)
INVITATIONS_ISSUED = "de.emon.meetings.invitations-issued.v1"
INVITATION_REPLIED = "de.emon.meetings.invitation-replied.v1"
SIGN_IN_REQUESTED = "de.emon.gateway.sign-in-requested.v1"

FEEDBACK_SUBMITTED = "de.emon.feedback.feedback-submitted.v1"
FEEDBACK_ACKNOWLEDGED = "de.emon.feedback.feedback-acknowledged.v1"
FEEDBACK_PUT_OFF = "de.emon.feedback.feedback-put-off.v1"
FEEDBACK_ANSWERED = "de.emon.feedback.feedback-answered.v1"
FEEDBACK_CONTINUED = "de.emon.feedback.feedback-continued.v1"
FEEDBACK_OVERDUE = "de.emon.feedback.feedback-overdue.v1"
FEEDBACK_ASKS = (FEEDBACK_SUBMITTED, FEEDBACK_OVERDUE)
FEEDBACK_NEWS = (FEEDBACK_ACKNOWLEDGED, FEEDBACK_PUT_OFF, FEEDBACK_ANSWERED)
FEEDBACK_STATES = (*FEEDBACK_ASKS, *FEEDBACK_NEWS, FEEDBACK_CONTINUED)


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
