"""What may be done with a meeting. Pure: state and wish in, new state or a refusal out."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from emon_contracts.events.meetings import (
    MeetingCancelled,
    MeetingKind,
    MeetingRescheduled,
    MeetingRetitled,
    MeetingScheduled,
)
from emon_contracts.refusals import Refusal
from emon_contracts.values import Ags, ZonedDateTime

DURATION_MINUTES_MIN = 5
DURATION_MINUTES_MAX = 14 * 24 * 60
AHEAD_MAX = timedelta(days=10 * 366)  # further away it is a slip of the pen


class MeetingStatus(StrEnum):
    """Scheduled until it is cancelled; held and minuted come with the minutes."""

    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Meeting:
    """The state of a meeting. `revision` rises with time, place and cancellation, `version` with every change."""

    id: UUID
    ags: Ags
    kind: MeetingKind
    title: str
    start: ZonedDateTime
    duration_minutes: int
    place: str | None
    link: str | None
    scheduled_by: UUID
    status: MeetingStatus = MeetingStatus.SCHEDULED
    cancellation_reason: str | None = None
    revision: int = 0
    version: int = 1

    @property
    def starts_at(self) -> datetime:
        """The start in UTC, derived from the wall clock."""
        return self.start.instant()

    @property
    def asked_revision(self) -> int:
        """The revision of the time and place that guests are asked about: a cancellation is the last, and asks nothing anew."""
        return self.revision - (self.status is MeetingStatus.CANCELLED)


MeetingEvent = type[MeetingScheduled] | type[MeetingRescheduled] | type[MeetingRetitled] | type[MeetingCancelled]


@dataclass(frozen=True, slots=True)
class Changed:
    """A new state, and what tells of it; `event` is None where nothing changed."""

    meeting: Meeting
    event: MeetingEvent | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a caller wants to be different; a field that is None stays as it is."""

    title: str | None = None
    start: ZonedDateTime | None = None
    duration_minutes: int | None = None
    place: str | None = None
    link: str | None = None


def schedule(meeting: Meeting, now: datetime) -> Changed | Refusal:
    """A meeting lies ahead, and not so far that it must be a slip."""
    return _start_refusal(meeting, now) or Changed(meeting, MeetingScheduled)


def change(meeting: Meeting, changes: Changes, now: datetime) -> Changed | Refusal:
    """Time and place may change until the meeting starts. A new title alone is no new revision."""
    refusal = _closed_refusal(meeting, now)
    if refusal:
        return refusal
    wanted = replace(
        meeting,
        title=changes.title or meeting.title,
        start=changes.start or meeting.start,
        duration_minutes=changes.duration_minutes or meeting.duration_minutes,
        place=changes.place or meeting.place,
        link=changes.link or meeting.link,
    )
    if wanted == meeting:
        return Changed(meeting, None)
    if wanted == replace(meeting, title=wanted.title):
        return Changed(replace(wanted, version=meeting.version + 1), MeetingRetitled)
    refusal = _start_refusal(wanted, now)
    if refusal:
        return refusal
    return Changed(replace(wanted, revision=meeting.revision + 1, version=meeting.version + 1), MeetingRescheduled)


def cancel(meeting: Meeting, reason: str | None, now: datetime) -> Changed | Refusal:
    """A meeting can be cancelled until it starts, once."""
    refusal = _closed_refusal(meeting, now)
    if refusal:
        return refusal
    cancelled = replace(
        meeting,
        status=MeetingStatus.CANCELLED,
        cancellation_reason=reason,
        revision=meeting.revision + 1,
        version=meeting.version + 1,
    )
    return Changed(cancelled, MeetingCancelled)


def event_of(changed: Changed) -> MeetingScheduled | MeetingRescheduled | MeetingRetitled | MeetingCancelled:
    """The whole public state, as the event tells it. The reason of a cancellation is free text and stays here."""
    if changed.event is None:
        raise ValueError("nothing changed, so there is nothing to tell")
    meeting = changed.meeting
    return changed.event(
        meeting_id=meeting.id,
        ags=meeting.ags,
        kind=meeting.kind,
        title=meeting.title,
        start=meeting.start,
        starts_at=meeting.starts_at,
        duration_minutes=meeting.duration_minutes,
        place=meeting.place,
        link=meeting.link,
        revision=meeting.revision,
    )


def _start_refusal(meeting: Meeting, now: datetime) -> Refusal | None:
    if meeting.starts_at <= now:
        return Refusal("start-in-the-past", "Choose a start that lies ahead.", "/start/local")
    if meeting.starts_at > now + AHEAD_MAX:
        return Refusal("start-too-far-ahead", "Choose a start within the next ten years.", "/start/local")
    return None


def _closed_refusal(meeting: Meeting, now: datetime) -> Refusal | None:
    if meeting.status is MeetingStatus.CANCELLED:
        return Refusal("meeting-cancelled", "This meeting was cancelled. Schedule a new one.", conflict=True)
    if meeting.starts_at <= now:
        return Refusal("meeting-started", "This meeting has started and can no longer be changed.", conflict=True)
    return None
