"""Meetings over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl, field_validator, model_validator
from pydantic_core import PydanticCustomError
from uuid_utils.compat import uuid7

from emon_calendar.zones import local_time_refusal
from emon_contracts.actors import Actor
from emon_contracts.events.meetings import MeetingKind
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound
from emon_contracts.values import Ags, FreeText, Place, Title, ZonedDateTime
from emon_meetings.invitations.repository import ReplyCounts, count_replies
from emon_meetings.meetings import commands, repository
from emon_meetings.meetings.repository import Participant, WantedMeetings
from emon_meetings.meetings.rules import (
    DURATION_MINUTES_MAX,
    DURATION_MINUTES_MIN,
    Changes,
    Meeting,
    MeetingStatus,
)
from emon_platform.database import Database
from emon_platform.http.app import problem_answers
from emon_platform.http.cursors import LIMIT_DEFAULT, Cursor, Limit, decode_cursor, encode_cursor
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.idempotency import OptionalIdempotencyKey
from emon_platform.http.responses import DemandedPrecondition, Page, etag, json_response

router = APIRouter(tags=["meetings"])

PARTICIPANTS_MAX = 500
LINK_LENGTH_MAX = 500

Order = Literal["earliest-first", "latest-first"]

DurationMinutes = Annotated[int, Field(strict=True, ge=DURATION_MINUTES_MIN, le=DURATION_MINUTES_MAX)]


class StartTime(ZonedDateTime):
    """A wall-clock time that happens once: neither skipped nor doubled by daylight saving time."""

    @field_validator("local")
    @classmethod
    def _happens_once(cls, value: datetime, info: Any) -> datetime:
        zone = info.data.get("time_zone")
        refusal = zone and local_time_refusal(ZonedDateTime.model_construct(local=value, time_zone=zone))
        if refusal:
            raise PydanticCustomError(refusal.code, "{detail}", {"detail": refusal.detail})  # pyright: ignore[reportArgumentType]
        return value


class ParticipantBody(BaseModel):
    """A person, or every member of an organisation until the meeting starts."""

    model_config = ConfigDict(extra="forbid")

    person_id: UUID | None = None
    organisation_id: UUID | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.person_id is None) == (self.organisation_id is None):
            raise PydanticCustomError("participant", "must have either person_id or organisation_id")
        return self


def _checked_link(link: str | None) -> str | None:
    if link is not None:
        HttpUrl(link)  # raises ValueError with what is wrong
        if not link.isascii() or any(character.isspace() for character in link):
            raise PydanticCustomError("link", "must be an address without spaces, in ASCII")
    return link


class ScheduleMeeting(BaseModel):
    """A meeting at a wall-clock time, at a place, by a link, or both."""

    model_config = ConfigDict(extra="forbid")

    kind: MeetingKind
    title: Title
    ags: Ags
    start: StartTime
    duration_minutes: DurationMinutes
    place: Place | None = None
    link: Annotated[str | None, Field(max_length=LINK_LENGTH_MAX, description="Where to take part by video, https")] = None
    participants: Annotated[list[ParticipantBody], Field(min_length=1, max_length=PARTICIPANTS_MAX)]

    _link = field_validator("link")(_checked_link)

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.place is None and self.link is None:
            raise PydanticCustomError("place", "must have a place, a link, or both")
        return self


class AskAudience(BaseModel):
    """Whom a meeting in this municipality would be for."""

    model_config = ConfigDict(extra="forbid")

    ags: Ags
    participants: Annotated[list[ParticipantBody], Field(max_length=PARTICIPANTS_MAX)]


class AudienceBody(BaseModel):
    """How many people would be invited, how many of them have no address, and who of the participants is not known."""

    people: int
    without_address: int
    unknown: list[ParticipantBody]


class ChangeMeeting(BaseModel):
    """What is to be different; what is left out or null stays as it is."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    start: StartTime | None = None
    duration_minutes: DurationMinutes | None = None
    place: Place | None = None
    link: Annotated[str | None, Field(max_length=LINK_LENGTH_MAX)] = None

    _link = field_validator("link")(_checked_link)


class CancelMeeting(BaseModel):
    """The reason is shown to those who open the meeting; mails do not contain it. No names of refugees."""

    model_config = ConfigDict(extra="forbid")

    reason: FreeText | None = None


class RepliesBody(BaseModel):
    """How many guests said what to the present time and place; `none` is how many said nothing to it yet."""

    accepted: int
    declined: int
    tentative: int
    none: int


class MeetingBody(BaseModel):
    """A meeting as it is now.

    `participants` and `replies` are null in lists, and for those who see the meeting without seeing its municipality.
    """

    id: UUID
    kind: MeetingKind
    title: str
    ags: str
    start: ZonedDateTime
    starts_at: datetime
    duration_minutes: int
    place: str | None
    link: str | None
    status: MeetingStatus
    cancellation_reason: str | None
    revision: int
    participants: list[ParticipantBody] | None = None
    replies: RepliesBody | None = None

    @classmethod
    def of(cls, meeting: Meeting, participants: list[Participant] | None = None, replies: ReplyCounts | None = None) -> Self:
        """The body of a meeting, with participants and replies where they were read."""
        listed = [ParticipantBody(person_id=item.person_id, organisation_id=item.organisation_id) for item in participants or ()]
        return cls(
            id=meeting.id,
            kind=meeting.kind,
            title=meeting.title,
            ags=meeting.ags,
            start=meeting.start,
            starts_at=meeting.starts_at,
            duration_minutes=meeting.duration_minutes,
            place=meeting.place,
            link=meeting.link,
            status=meeting.status,
            cancellation_reason=meeting.cancellation_reason,
            revision=meeting.revision,
            participants=listed or None,
            replies=replies and RepliesBody(**asdict(replies)),
        )


async def _shown(database: Database, actor: Actor, meeting_id: UUID, status: int = 200, **headers: str) -> Response:
    """The meeting as the caller sees it."""
    async with database.transaction(actor, Permission.MEETING_READ) as tx:
        meeting = await repository.meeting_by_id(tx, meeting_id)
        if meeting is None:
            raise NotFound("meeting", meeting_id)
        participants = await repository.participants_of(tx, meeting_id)
        shows_replies = tx.scope.covers(meeting.ags)
        replies = await count_replies(tx, meeting_id, meeting.asked_revision) if shows_replies else None
    entity_tag = etag(meeting.id, meeting.version)
    return json_response(MeetingBody.of(meeting, participants, replies), status, {"ETag": entity_tag, **headers})


@router.post(
    "/v1/meetings",
    status_code=201,
    response_model=MeetingBody,
    responses=problem_answers(400, 401, 403, 413, 415, 422),
    openapi_extra={"x-permission": Permission.MEETING_WRITE},
)
async def schedule_meeting(body: ScheduleMeeting, database: ApiDatabase, actor: Caller, key: OptionalIdempotencyKey) -> Response:
    """Schedules a meeting and invites everybody it is for."""
    wanted = Meeting(
        id=uuid7(),
        ags=body.ags,
        kind=body.kind,
        title=body.title,
        start=ZonedDateTime.model_construct(local=body.start.local, time_zone=body.start.time_zone),
        duration_minutes=body.duration_minutes,
        place=body.place,
        link=body.link,
        scheduled_by=actor.person_id,
    )
    participants = [Participant(item.person_id, item.organisation_id) for item in body.participants]
    meeting = await commands.schedule_meeting(database, actor, wanted, participants, key)
    return await _shown(database, actor, meeting.id, 201, Location=f"/v1/meetings/{meeting.id}")


@router.get(
    "/v1/meetings",
    response_model=Page[MeetingBody],
    responses=problem_answers(401, 422),
    openapi_extra={"x-permission": Permission.MEETING_READ},
)
async def list_meetings(
    database: ApiDatabase,
    actor: Caller,
    ags: Annotated[Ags | None, Query()] = None,
    kind: Annotated[MeetingKind | None, Query()] = None,
    organisation_id: Annotated[
        UUID | None, Query(description="Only meetings that it takes part in, or members of it are invited to")
    ] = None,
    starting_from: Annotated[AwareDatetime | None, Query(description="Only meetings that start then or later")] = None,
    starting_before: Annotated[AwareDatetime | None, Query(description="Only meetings that start earlier than then")] = None,
    order: Annotated[Order, Query(description="A cursor belongs to the order that it came with")] = "earliest-first",
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """The meetings in reach. Without a role, these are the meetings the caller is invited to."""
    after = decode_cursor(cursor, datetime.fromisoformat, UUID)
    wanted = WantedMeetings(ags, kind, organisation_id, starting_from, starting_before, order == "latest-first")
    async with database.transaction(actor, Permission.MEETING_READ) as tx:
        found = await repository.meetings_by_start(
            tx, wanted=wanted, after=(after[0], after[1]) if after else None, limit=limit + 1
        )
    shown = found[:limit]
    more = len(found) > limit
    page = Page[MeetingBody](
        items=[MeetingBody.of(meeting) for meeting in shown],
        next_cursor=encode_cursor(shown[-1].starts_at.isoformat(), str(shown[-1].id)) if more else None,
    )
    return json_response(page)


@router.post(
    "/v1/meetings/audience",
    response_model=AudienceBody,
    responses=problem_answers(400, 401, 403, 413, 415, 422),
    openapi_extra={"x-permission": Permission.MEETING_WRITE},
)
async def count_audience(body: AskAudience, database: ApiDatabase, actor: Caller) -> Response:
    """How many people scheduling a meeting with these participants would invite now. Nothing is changed."""
    participants = [Participant(item.person_id, item.organisation_id) for item in body.participants]
    audience, unknown = await commands.count_audience(database, actor, body.ags, participants)
    return json_response(
        AudienceBody(
            people=audience.people,
            without_address=audience.without_address,
            unknown=[ParticipantBody(person_id=item.person_id, organisation_id=item.organisation_id) for item in unknown],
        )
    )


@router.get(
    "/v1/meetings/{meeting_id}",
    response_model=MeetingBody,
    responses=problem_answers(401, 404),
    openapi_extra={"x-permission": Permission.MEETING_READ},
)
async def read_meeting(meeting_id: UUID, database: ApiDatabase, actor: Caller) -> Response:
    """One meeting. Whoever is invited to it needs no role."""
    return await _shown(database, actor, meeting_id)


@router.patch(
    "/v1/meetings/{meeting_id}",
    response_model=MeetingBody,
    responses=problem_answers(400, 401, 403, 404, 409, 412, 413, 415, 422, 428),
    openapi_extra={"x-permission": Permission.MEETING_WRITE},
)
async def change_meeting(
    meeting_id: UUID, body: ChangeMeeting, database: ApiDatabase, actor: Caller, precondition: DemandedPrecondition
) -> Response:
    """Changes title, time or place. A new time or place is told to everybody invited."""
    changes = Changes(
        title=body.title,
        start=body.start and ZonedDateTime.model_construct(local=body.start.local, time_zone=body.start.time_zone),
        duration_minutes=body.duration_minutes,
        place=body.place,
        link=body.link,
    )
    await commands.change_meeting(database, actor, meeting_id, changes, precondition)
    return await _shown(database, actor, meeting_id)


@router.post(
    "/v1/meetings/{meeting_id}/cancellation",
    response_model=MeetingBody,
    responses=problem_answers(400, 401, 403, 404, 409, 413, 415, 422),
    openapi_extra={"x-permission": Permission.MEETING_WRITE},
)
async def cancel_meeting(meeting_id: UUID, database: ApiDatabase, actor: Caller, body: CancelMeeting | None = None) -> Response:
    """Cancels a meeting. Everybody who was told of the meeting is told that it does not take place."""
    await commands.cancel_meeting(database, actor, meeting_id, body.reason if body else None)
    return await _shown(database, actor, meeting_id)
