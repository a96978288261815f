"""Anonymous feedback over HTTP. The gateway passes these requests on without anything that says who sends them.

No Idempotency-Key: nothing that the client chose is kept.
"""

from datetime import UTC, datetime

from fastapi import APIRouter, Response
from uuid_utils.compat import uuid7

from emon_contracts.actors import Actor
from emon_contracts.permissions import Permission
from emon_feedback.anonymous import commands
from emon_feedback.anonymous.secrets import hash_of, new_secret
from emon_feedback.feedback.bodies import PublicFeedbackBody, Rating, SubmitFeedback, WrittenText, tagged_response
from emon_feedback.feedback.routes import ACTION_ANSWERS
from emon_feedback.submitting import commands as submitting
from emon_feedback.submitting.routes import FeedbackParts
from emon_feedback.submitting.rules import Submission
from emon_platform.database import Database
from emon_platform.http.app import problem_answers
from emon_platform.http.dependencies import ApiDatabase, Caller

router = APIRouter(tags=["anonymous feedback"])

# The link is a secret, and so is what it leads to.
NO_STORE = {"Cache-Control": "no-store"}


class AnonymousFeedbackMade(PublicFeedbackBody):
    """`link` is the author's only way back to it, and is shown this once."""

    link: str


@router.post(
    "/v1/anonymous-feedback",
    status_code=201,
    response_model=AnonymousFeedbackMade,
    responses=problem_answers(400, 413, 415, 422),
    openapi_extra={"x-permission": Permission.FEEDBACK_ANONYMOUS},
)
async def submit_anonymously(body: SubmitFeedback, database: ApiDatabase, actor: Caller, parts: FeedbackParts) -> Response:
    """Submit feedback without saying who you are.

    Nothing is kept that leads to its author: no session, address, request id or trace. Keep the link: it is shown once.
    """
    secret = new_secret()
    secret_hash = hash_of(secret)
    assert secret_hash is not None  # it was just made
    submission = Submission(uuid7(), body.ags, body.subject(), body.kind, body.text, None)
    feedback = await submitting.submit_anonymously(database, actor, submission, parts.mediator_email, secret_hash)
    made = PublicFeedbackBody.of_author(feedback, datetime.now(UTC))
    link = f"{parts.public_url}/anonymous-feedback/{secret}"
    return tagged_response(AnonymousFeedbackMade(**made.model_dump(by_alias=False), link=link), 201, NO_STORE)


@router.get(
    "/v1/anonymous-feedback/{secret}",
    response_model=PublicFeedbackBody,
    responses=problem_answers(404),
    openapi_extra={"x-permission": Permission.FEEDBACK_ANONYMOUS},
)
async def read_anonymous_feedback(secret: str, database: ApiDatabase, actor: Caller) -> Response:
    """Read your anonymous feedback and its answer. The secret is the last part of the link."""
    return await _shown(database, actor, secret)


@router.post(
    "/v1/anonymous-feedback/{secret}/messages",
    response_model=PublicFeedbackBody,
    responses=ACTION_ANSWERS,
    openapi_extra={"x-permission": Permission.FEEDBACK_ANONYMOUS},
)
async def write_back_anonymously(secret: str, body: WrittenText, database: ApiDatabase, actor: Caller) -> Response:
    """Write back, as an anonymous author. Before and after the answer. Those who are asked are told."""
    await commands.write_back(database, actor, secret, body.text)
    return await _shown(database, actor, secret)


@router.post(
    "/v1/anonymous-feedback/{secret}/rating",
    response_model=PublicFeedbackBody,
    responses=ACTION_ANSWERS,
    openapi_extra={"x-permission": Permission.FEEDBACK_ANONYMOUS},
)
async def rate_anonymously(secret: str, body: Rating, database: ApiDatabase, actor: Caller) -> Response:
    """Rate the answer, as an anonymous author. Once."""
    await commands.rate(database, actor, secret, body.stars)
    return await _shown(database, actor, secret)


async def _shown(database: Database, actor: Actor, secret: str) -> Response:
    feedback = await commands.read(database, actor, secret)
    return tagged_response(PublicFeedbackBody.of_author(feedback, datetime.now(UTC)), 200, NO_STORE)
