"""Feedback over HTTP."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound
from emon_contracts.values import Ags
from emon_feedback.feedback import commands, repository
from emon_feedback.feedback.bodies import FeedbackBody, InterimReply, Rating, WrittenText, people_in, tagged_response
from emon_feedback.feedback.repository import WantedFeedback
from emon_feedback.feedback.rules import About, FeedbackStatus
from emon_platform.database import Database
from emon_platform.http.app import problem_answers
from emon_platform.http.cursors import LIMIT_DEFAULT, Cursor, Limit, decode_cursor, encode_cursor
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.idempotency import OptionalIdempotencyKey
from emon_platform.http.responses import Page, json_response

router = APIRouter(tags=["feedback"])

ACTION_ANSWERS = problem_answers(400, 401, 403, 404, 409, 413, 415, 422)


@router.get(
    "/v1/feedback",
    response_model=Page[FeedbackBody],
    responses=problem_answers(401, 403, 422),
    openapi_extra={"x-permission": Permission.FEEDBACK_READ},
)
async def list_feedback(
    database: ApiDatabase,
    actor: Caller,
    *,
    status: Annotated[FeedbackStatus | None, Query()] = None,
    is_open: Annotated[bool | None, Query(alias="open", description="Whether the answer is still to come")] = None,
    ags: Annotated[Ags | None, Query()] = None,
    mine: Annotated[bool, Query(description="Only what the caller wrote, by name")] = False,
    person_id: Annotated[UUID | None, Query(description="Only what is about this person")] = None,
    organisation_id: Annotated[UUID | None, Query(description="Only what is about this organisation")] = None,
    meeting_id: Annotated[UUID | None, Query(description="Only what is about this meeting")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """List the feedback in reach, the newest first.

    Needs the permission feedback.read; without a role, this is what the caller wrote and was asked to answer.
    """
    after = decode_cursor(cursor, datetime.fromisoformat, UUID)
    async with database.transaction(actor, Permission.FEEDBACK_READ) as tx:
        wanted = WantedFeedback(
            status=status,
            is_open=is_open,
            ags=ags,
            author_id=actor.person_id if mine else None,
            about=About(person_id, organisation_id, meeting_id),
        )
        found = await repository.newest_feedback(tx, wanted, (after[0], after[1]) if after else None, limit + 1)
        shown = found[:limit]
        names = await repository.names_of(tx, {person for feedback in shown for person in people_in(feedback)})
    now = datetime.now(UTC)
    page = Page[FeedbackBody](
        items=[FeedbackBody.of(feedback, actor.person_id, names, now) for feedback in shown],
        next_cursor=encode_cursor(shown[-1].submitted_at.isoformat(), str(shown[-1].id)) if len(found) > limit else None,
    )
    return json_response(page)


@router.get(
    "/v1/feedback/{feedback_id}",
    response_model=FeedbackBody,
    responses=problem_answers(401, 403, 404),
    openapi_extra={"x-permission": Permission.FEEDBACK_READ},
)
async def read_feedback(feedback_id: UUID, database: ApiDatabase, actor: Caller) -> Response:
    """Read feedback.

    For its author, for whoever is or was asked, also by their link, and for coordinators. Never for the person it is about.
    """
    return await shown(database, actor, feedback_id)


@router.post(
    "/v1/feedback/{feedback_id}/acknowledgement",
    response_model=FeedbackBody,
    responses=ACTION_ANSWERS,
    openapi_extra={"x-permission": Permission.FEEDBACK_ANSWER},
)
async def acknowledge_feedback(feedback_id: UUID, database: ApiDatabase, actor: Caller) -> Response:
    """Say that you have read it.

    For whoever is or was asked, and coordinators. Once is enough; another time changes nothing.
    """
    await commands.acknowledge(database, actor, feedback_id)
    return await shown(database, actor, feedback_id)


@router.post(
    "/v1/feedback/{feedback_id}/interim-reply",
    response_model=FeedbackBody,
    responses=ACTION_ANSWERS,
    openapi_extra={"x-permission": Permission.FEEDBACK_ANSWER},
)
async def put_off_feedback(
    feedback_id: UUID, body: InterimReply, database: ApiDatabase, actor: Caller, key: OptionalIdempotencyKey
) -> Response:
    """Give an interim reply and a new date, once.

    For whoever is or was asked, and coordinators. The new date takes the place of the deadline.
    """
    await commands.put_off(database, actor, feedback_id, body.text, body.answer_by, key)
    return await shown(database, actor, feedback_id)


@router.post(
    "/v1/feedback/{feedback_id}/answer",
    response_model=FeedbackBody,
    responses=ACTION_ANSWERS,
    openapi_extra={"x-permission": Permission.FEEDBACK_ANSWER},
)
async def answer_feedback(
    feedback_id: UUID, body: WrittenText, database: ApiDatabase, actor: Caller, key: OptionalIdempotencyKey
) -> Response:
    """Answer it, once. For whoever is or was asked, and coordinators. Also acknowledges it."""
    await commands.answer(database, actor, feedback_id, body.text, key)
    return await shown(database, actor, feedback_id)


@router.post(
    "/v1/feedback/{feedback_id}/rating",
    response_model=FeedbackBody,
    responses=ACTION_ANSWERS,
    openapi_extra={"x-permission": Permission.FEEDBACK_RESPOND},
)
async def rate_feedback(feedback_id: UUID, body: Rating, database: ApiDatabase, actor: Caller) -> Response:
    """Rate the answer, once. For its author."""
    await commands.rate(database, actor, feedback_id, body.stars)
    return await shown(database, actor, feedback_id)


@router.post(
    "/v1/feedback/{feedback_id}/messages",
    response_model=FeedbackBody,
    responses=ACTION_ANSWERS,
    openapi_extra={"x-permission": Permission.FEEDBACK_RESPOND},
)
async def write_back(
    feedback_id: UUID, body: WrittenText, database: ApiDatabase, actor: Caller, key: OptionalIdempotencyKey
) -> Response:
    """Write back. For its author, before and after the answer. Those who are asked are told."""
    await commands.write_back(database, actor, feedback_id, body.text, key)
    return await shown(database, actor, feedback_id)


async def shown(database: Database, actor: Actor, feedback_id: UUID, status: int = 200, **headers: str) -> Response:
    """The feedback as this reader sees it. Raises NotFound."""
    async with database.transaction(actor, Permission.FEEDBACK_READ) as tx:
        feedback = await repository.feedback_by_id(tx, feedback_id)
        if feedback is None:
            raise NotFound("feedback", feedback_id)
        names = await repository.names_of(tx, people_in(feedback))
    return tagged_response(FeedbackBody.of(feedback, actor.person_id, names, datetime.now(UTC)), status, headers)
