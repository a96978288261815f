"""The copy of meetings, fed by what meetings publishes."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from emon_contracts.envelope import Event
from emon_contracts.events.meetings import MeetingCancelled, MeetingKind, MeetingRetitled, MeetingScheduled
from emon_contracts.values import ZonedDateTime
from emon_feedback.meetings.subscribers import note_meetings, subscription
from emon_platform.database import Database

from tests.feedback.conftest import HERE, Town, submit
from tests.service_api import ServiceApi as Api


async def test_feedback_can_be_about_every_meeting_that_was_published(api: Api, town: Town, worker: Database) -> None:
    meeting_id = uuid4()

    def told(kind: type[Any], sequence: int, title: str) -> Event[Any]:
        payload = kind(
            meeting_id=meeting_id,
            ags=HERE,
            kind=MeetingKind.ROUND_TABLE,
            title=title,
            start=ZonedDateTime(time_zone="Europe/Berlin", local=datetime(2027, 3, 27, 18)),
            starts_at=datetime(2027, 3, 27, 17, tzinfo=UTC),
            duration_minutes=90,
            place="Rathaus",
            link=None,
            revision=0,
        )
        return Event(uuid4(), kind.TYPE, str(meeting_id), sequence, HERE, datetime.now(UTC), payload)

    assert {MeetingScheduled, MeetingRetitled, MeetingCancelled} <= set(subscription().handlers)
    async with worker.unscoped() as tx:
        await note_meetings(tx, [told(MeetingScheduled, 1, "Runder Tisch"), told(MeetingRetitled, 2, "Großer Tisch")])
    made = await submit(api, await town.volunteer(), about={"meeting_id": str(meeting_id)})
    assert made.body["ags"] == HERE
    async with worker.unscoped() as tx:
        await note_meetings(tx, [told(MeetingCancelled, 3, "Großer Tisch"), told(MeetingScheduled, 1, "Runder Tisch")])
        row = await tx.fetchrow("SELECT title, cancelled, version FROM meetings")
    assert tuple(row) == ("Großer Tisch", True, 3)
