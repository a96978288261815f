"""Submitting feedback over HTTP, by name."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from uuid_utils.compat import uuid7

from emon_contracts.permissions import Permission
from emon_feedback.feedback.bodies import FeedbackBody, SubmitFeedback
from emon_feedback.feedback.routes import shown
from emon_feedback.parts import Parts
from emon_feedback.submitting.commands import submit_feedback
from emon_feedback.submitting.rules import Submission
from emon_platform.http.app import problem_answers
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.idempotency import OptionalIdempotencyKey

router = APIRouter(tags=["feedback"])


async def _parts(request: Request) -> Parts:
    return request.app.state.parts


FeedbackParts = Annotated[Parts, Depends(_parts)]


@router.post(
    "/v1/feedback",
    status_code=201,
    response_model=FeedbackBody,
    responses=problem_answers(400, 401, 403, 413, 415, 422),
    openapi_extra={"x-permission": Permission.FEEDBACK_SUBMIT},
)
async def submit_feedback_by_name(
    body: SubmitFeedback, database: ApiDatabase, actor: Caller, parts: FeedbackParts, key: OptionalIdempotencyKey
) -> Response:
    """Submit feedback by name.

    Needs the permission feedback.submit in the municipality. Whoever is to answer is asked at once.
    """
    submission = Submission(uuid7(), body.ags, body.subject(), body.kind, body.text, actor.person_id)
    feedback_id = await submit_feedback(database, actor, submission, parts.mediator_email, key)
    return await shown(database, actor, feedback_id, 201, Location=f"/v1/feedback/{feedback_id}")
