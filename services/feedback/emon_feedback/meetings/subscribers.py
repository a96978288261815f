"""What feedback notes of meetings."""

from collections.abc import Sequence
from typing import Any

from emon_contracts.envelope import Event
from emon_contracts.events.meetings import MeetingCancelled, MeetingRescheduled, MeetingRetitled, MeetingScheduled
from emon_contracts.topics import MEETINGS_EVENTS
from emon_feedback.meetings.repository import save_meetings
from emon_platform.consumer.subscriptions import Facts
from emon_platform.database import Transaction

AnyMeetingEvent = MeetingScheduled | MeetingRescheduled | MeetingRetitled | MeetingCancelled


async def note_meetings(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Every event tells the whole public state of its meeting."""
    await save_meetings(tx, [_row(event) for event in events])


def subscription() -> Facts:
    """Everything that changes a meeting."""
    kinds = (MeetingScheduled, MeetingRescheduled, MeetingRetitled, MeetingCancelled)
    return Facts(MEETINGS_EVENTS, dict.fromkeys(kinds, note_meetings))


def _row(event: Event[AnyMeetingEvent]) -> tuple[Any, ...]:
    meeting = event.payload
    return meeting.meeting_id, meeting.ags, meeting.title, isinstance(meeting, MeetingCancelled), event.sequence
