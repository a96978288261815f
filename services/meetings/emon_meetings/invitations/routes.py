"""Invitations over HTTP."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from emon_contracts.events.meetings import Reply
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound
from emon_meetings.invitations import commands, repository
from emon_meetings.invitations.repository import Invitation, RepliedWith
from emon_meetings.invitations.rules import earlier_reply_to, reply_to
from emon_meetings.meetings.repository import meeting_by_id, meetings_by_id
from emon_meetings.meetings.routes import MeetingBody
from emon_meetings.meetings.rules import Meeting
from emon_platform.http.app import problem_answers
from emon_platform.http.cursors import LIMIT_DEFAULT, Cursor, Limit, decode_cursor, encode_cursor
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.responses import Page, etag, json_response

router = APIRouter(tags=["invitations"])


ReplyFilter = Literal["accepted", "declined", "tentative", "none"]


class ReplyToInvitation(BaseModel):
    """`revision` is that of the meeting as the caller saw it. A link says so by itself."""

    model_config = ConfigDict(extra="forbid")

    reply: Reply
    revision: Annotated[int | None, Field(strict=True, ge=0)] = None


class InvitationBody(BaseModel):
    """Somebody is asked to a meeting. `reply` is null until they reply to its present time and place.

    `earlier_reply` is what they said to an earlier time or place, until then; `replied_at` is when they said either.
    """

    id: UUID
    meeting_id: UUID
    person_id: UUID
    display_name: str | None
    reply: Reply | None
    earlier_reply: Reply | None
    replied_at: datetime | None
    issued_at: datetime

    @classmethod
    def of(cls, invitation: Invitation, meeting: Meeting) -> Self:
        """The body of an invitation to this meeting."""
        return cls(
            id=invitation.id,
            meeting_id=invitation.meeting_id,
            person_id=invitation.person_id,
            display_name=invitation.display_name,
            reply=reply_to(meeting, invitation.given),
            earlier_reply=earlier_reply_to(meeting, invitation.given),
            replied_at=invitation.replied_at,
            issued_at=invitation.issued_at,
        )


class InvitationWithMeeting(InvitationBody):
    """An invitation together with what it is for, as its link shows it."""

    meeting: MeetingBody


def _with_meeting(invitation: Invitation, meeting: Meeting) -> InvitationWithMeeting:
    return InvitationWithMeeting(**InvitationBody.of(invitation, meeting).model_dump(), meeting=MeetingBody.of(meeting))


@router.get(
    "/v1/meetings/{meeting_id}/invitations",
    response_model=Page[InvitationBody],
    responses=problem_answers(401, 404, 422),
    openapi_extra={"x-permission": Permission.MEETING_READ},
)
async def list_invitations(
    meeting_id: UUID,
    database: ApiDatabase,
    actor: Caller,
    reply: Annotated[ReplyFilter | None, Query(description="Only those who replied so to the present time and place")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """Who is invited to a meeting. Without a role, this is the caller's own invitation."""
    after = decode_cursor(cursor, UUID)
    async with database.transaction(actor, Permission.MEETING_READ) as tx:
        meeting = await meeting_by_id(tx, meeting_id)
        if meeting is None:
            raise NotFound("meeting", meeting_id)
        replied_with = reply and RepliedWith(None if reply == "none" else Reply(reply), meeting.asked_revision)
        found = await repository.invitations_of(tx, meeting_id, replied_with, after[0] if after else None, limit + 1)
    shown = found[:limit]
    page = Page[InvitationBody](
        items=[InvitationBody.of(invitation, meeting) for invitation in shown],
        next_cursor=encode_cursor(str(shown[-1].id)) if len(found) > limit else None,
    )
    return json_response(page)


@router.get(
    "/v1/invitations",
    response_model=Page[InvitationWithMeeting],
    responses=problem_answers(401, 422),
    openapi_extra={"x-permission": Permission.INVITATION_READ},
)
async def list_own_invitations(
    database: ApiDatabase,
    actor: Caller,
    status: Annotated[
        Literal["open", "all"], Query(description="open: what the caller can still reply to and has not, as it is now")
    ] = "all",
    starting_from: Annotated[AwareDatetime | None, Query(description="Only to meetings that start then or later")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """The caller's own invitations with their meetings, the earliest first, whatever else they see by a role."""
    after = decode_cursor(cursor, datetime.fromisoformat, UUID)
    async with database.transaction(actor, Permission.INVITATION_READ) as tx:
        found = await repository.invitations_of_person(
            tx,
            actor.person_id,
            open_only=status == "open",
            starting_from=starting_from,
            after=(after[0], after[1]) if after else None,
            limit=limit + 1,
        )
        meetings = await meetings_by_id(tx, [invitation.meeting_id for invitation in found])
    items = [_with_meeting(invitation, meetings[invitation.meeting_id]) for invitation in found[:limit]]
    next_cursor = encode_cursor(items[-1].meeting.starts_at.isoformat(), str(items[-1].id)) if len(found) > limit else None
    return json_response(Page[InvitationWithMeeting](items=items, next_cursor=next_cursor))


@router.get(
    "/v1/invitations/{invitation_id}",
    response_model=InvitationWithMeeting,
    responses=problem_answers(401, 404),
    openapi_extra={"x-permission": Permission.INVITATION_READ},
)
async def read_invitation(invitation_id: UUID, database: ApiDatabase, actor: Caller) -> Response:
    """One invitation with its meeting. Its person and whoever holds its link need no role."""
    async with database.transaction(actor, Permission.INVITATION_READ) as tx:
        invitation = await repository.invitation_by_id(tx, invitation_id)
        meeting = invitation and await meeting_by_id(tx, invitation.meeting_id)
    if invitation is None or meeting is None:
        raise NotFound("invitation", invitation_id)
    entity_tag = etag(invitation.id, invitation.version + meeting.version)
    return json_response(_with_meeting(invitation, meeting), headers={"ETag": entity_tag})


@router.put(
    "/v1/meetings/{meeting_id}/invitations/{person_id}/reply",
    response_model=InvitationBody,
    responses=problem_answers(400, 401, 404, 409, 413, 415, 422),
    openapi_extra={"x-permission": Permission.INVITATION_REPLY},
)
async def reply_to_invitation(
    meeting_id: UUID, person_id: UUID, body: ReplyToInvitation, database: ApiDatabase, actor: Caller
) -> Response:
    """Says whether somebody comes: for themselves, by their link, or noted for them by staff of the municipality.

    The reply belongs to the meeting as it is now; a new time or place asks again.
    """
    meeting, invitation = await commands.reply_to_invitation(database, actor, meeting_id, person_id, body.reply, body.revision)
    return json_response(InvitationBody.of(invitation, meeting))
