"""Invitations over HTTP."""

from datetime import datetime
from typing import Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound
from emon_meetings.invitations import repository
from emon_meetings.invitations.repository import Invitation
from emon_meetings.meetings.repository import meeting_by_id
from emon_meetings.meetings.routes import MeetingBody
from emon_platform.http.app import problem_answers
from emon_platform.http.cursors import LIMIT_DEFAULT, Cursor, Limit, decode_cursor, encode_cursor
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.responses import Page, etag, json_response

router = APIRouter(tags=["invitations"])


class InvitationBody(BaseModel):
    """Somebody is asked to a meeting. `reply` is null until they answer."""

    id: UUID
    meeting_id: UUID
    person_id: UUID
    display_name: str | None
    reply: str | None
    issued_at: datetime

    @classmethod
    def of(cls, invitation: Invitation) -> Self:
        """The body of an invitation."""
        return cls(
            id=invitation.id,
            meeting_id=invitation.meeting_id,
            person_id=invitation.person_id,
            display_name=invitation.display_name,
            reply=invitation.reply,
            issued_at=invitation.issued_at,
        )


class InvitationWithMeeting(InvitationBody):
    """An invitation together with what it is for, as its link shows it."""

    meeting: MeetingBody


@router.get(
    "/v1/meetings/{meeting_id}/invitations",
    response_model=Page[InvitationBody],
    responses=problem_answers(401, 404, 422),
    summary="List who is invited",
)
async def list_invitations(
    meeting_id: UUID, database: ApiDatabase, actor: Caller, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Response:
    """Needs the permission meeting.read; without a role, this is the caller's own invitation."""
    after = decode_cursor(cursor, UUID)
    async with database.transaction(actor, Permission.MEETING_READ) as tx:
        if await meeting_by_id(tx, meeting_id) is None:
            raise NotFound("meeting", meeting_id)
        found = await repository.invitations_of(tx, meeting_id, after[0] if after else None, limit + 1)
    shown = found[:limit]
    page = Page[InvitationBody](
        items=[InvitationBody.of(invitation) for invitation in shown],
        next_cursor=encode_cursor(str(shown[-1].id)) if len(found) > limit else None,
    )
    return json_response(page)


@router.get(
    "/v1/invitations/{invitation_id}",
    response_model=InvitationWithMeeting,
    responses=problem_answers(401, 404),
    summary="Read an invitation with its meeting",
)
async def read_invitation(invitation_id: UUID, database: ApiDatabase, actor: Caller) -> Response:
    """Needs the permission invitation.read, the invitation itself, or its link."""
    async with database.transaction(actor, Permission.INVITATION_READ) as tx:
        invitation = await repository.invitation_by_id(tx, invitation_id)
        meeting = invitation and await meeting_by_id(tx, invitation.meeting_id)
    if invitation is None or meeting is None:
        raise NotFound("invitation", invitation_id)
    body = InvitationWithMeeting(**InvitationBody.of(invitation).model_dump(), meeting=MeetingBody.of(meeting))
    return json_response(body, headers={"ETag": etag(invitation.id, invitation.version + meeting.version)})
