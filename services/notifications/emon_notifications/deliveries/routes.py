"""Deliveries over HTTP: every mail that was owed, and what became of it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from emon_contracts.permissions import Permission
from emon_contracts.refusals import NotFound
from emon_notifications.deliveries import commands, repository
from emon_notifications.deliveries.repository import DeliveryDetails
from emon_notifications.deliveries.rules import Kind, Status
from emon_platform.http.app import problem_answers
from emon_platform.http.cursors import LIMIT_DEFAULT, Cursor, Limit, decode_cursor, encode_cursor
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.responses import Page, json_response

router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])


class Delivery(BaseModel):
    """What is owed to one person for one event. `attempts` counts the tries of its mail."""

    id: UUID
    event_id: UUID
    subject_id: UUID = Field(
        description="The meeting, the feedback, the request for a sign-in link, or the person who is introduced"
    )
    subject_title: str | None = Field(description="The title of the meeting; null for anything else")
    person_id: UUID
    display_name: str | None = Field(description="Null where the person is not in reach or was erased")
    ags: str | None
    kind: Kind = Field(description="What happened; what the mail says is decided when it is sent")
    status: Status
    reason: str | None = Field(examples=["newer-planned", "rcpt-550"])
    settlement: str | None = Field(
        examples=["address-changed", "settled-by-staff"],
        description="Why nobody has to look any more at what did not arrive and stays so; null where somebody has, or never had",
    )
    not_before: datetime | None
    expires_at: datetime
    attempts: int
    created_at: datetime
    updated_at: datetime


class Mail(BaseModel):
    """The message that was sent, or tried. `id` begins its Message-ID."""

    id: UUID
    kind: Kind
    revision: int | None = Field(description="Of the meeting or the feedback that it tells of")
    introduces: bool = Field(description="Whether it says who entered the person, and what is stored (GDPR Art. 14)")


class Attempt(BaseModel):
    """One try. `outcome` is null while it is under way."""

    started_at: datetime
    finished_at: datetime | None
    outcome: str | None = Field(examples=["accepted", "deferred", "bounced", "uncertain", "not_sent"])
    stage: str | None
    code: int | None
    reply: str | None


class DeliveryWithAttempts(Delivery):
    """A delivery, its mail, and each try."""

    mail: Mail | None
    tries: list[Attempt]


def _details(found: DeliveryDetails) -> Response:
    row = found.delivery
    mail = None
    if row["mail_kind"] is not None:
        mail = Mail(id=row["mail_id"], kind=row["mail_kind"], revision=row["mail_revision"], introduces=row["mail_introduces"])
    tries = [Attempt.model_validate(dict(attempt)) for attempt in found.attempts]
    return json_response(DeliveryWithAttempts.model_validate({**dict(row), "mail": mail, "tries": tries}))


@router.get(
    "",
    operation_id="list_deliveries",
    responses={200: {"model": Page[Delivery]}, **problem_answers(401, 403, 422)},
    openapi_extra={"x-permission": Permission.DELIVERY_READ},
)
async def list_deliveries(
    caller: Caller,
    database: ApiDatabase,
    subject_id: Annotated[
        UUID | None,
        Query(description="The meeting, the feedback, the request for a sign-in link, or the person who is introduced"),
    ] = None,
    event_id: UUID | None = None,
    person_id: UUID | None = None,
    status: Annotated[list[Status] | None, Query(description="Only those in this state; repeated, in one of these")] = None,
    settled: Annotated[
        bool | None, Query(description="Only those to which somebody saw that they did not arrive; or only the others")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """Deliveries of the caller's municipalities, newest first."""
    before = decode_cursor(cursor, UUID)
    filters = {"subject_id": subject_id, "event_id": event_id, "person_id": person_id}
    async with database.transaction(caller, Permission.DELIVERY_READ) as tx:
        rows = await repository.page_of_deliveries(tx, filters, status or (), settled, before[0] if before else None, limit + 1)
    items = [Delivery.model_validate(dict(row)) for row in rows[:limit]]
    next_cursor = encode_cursor(str(items[-1].id)) if len(rows) > limit else None
    return json_response(Page[Delivery](items=items, next_cursor=next_cursor))


@router.get(
    "/{delivery_id}",
    operation_id="read_delivery",
    responses={200: {"model": DeliveryWithAttempts}, **problem_answers(401, 403, 404)},
    openapi_extra={"x-permission": Permission.DELIVERY_READ},
)
async def read_delivery(delivery_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """One delivery with each try."""
    async with database.transaction(caller, Permission.DELIVERY_READ) as tx:
        found = await repository.find_delivery(tx, delivery_id)
    if found is None:
        raise NotFound("delivery", delivery_id)
    return _details(found)


@router.post(
    "/{delivery_id}/release",
    operation_id="release_delivery",
    responses={200: {"model": DeliveryWithAttempts}, **problem_answers(401, 403, 404, 409)},
    openapi_extra={"x-permission": Permission.DELIVERY_DECIDE},
)
async def release_delivery(delivery_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """Sends what was held, or once more what is uncertain.

    It may then arrive twice: what is uncertain may have been taken by the mail server, and what is held with the reason
    `from-before-the-restore` may have been sent between the backup and the restore.
    """
    return _details(await commands.release_delivery(database, caller, delivery_id))


@router.post(
    "/{delivery_id}/cancellation",
    operation_id="cancel_delivery",
    responses={200: {"model": DeliveryWithAttempts}, **problem_answers(401, 403, 404, 409)},
    openapi_extra={"x-permission": Permission.DELIVERY_DECIDE},
)
async def cancel_delivery(delivery_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """Sends it not, or not once more."""
    return _details(await commands.cancel_delivery(database, caller, delivery_id))


@router.post(
    "/{delivery_id}/settlement",
    operation_id="settle_delivery",
    responses={200: {"model": DeliveryWithAttempts}, **problem_answers(401, 403, 404, 409)},
    openapi_extra={"x-permission": Permission.DELIVERY_DECIDE},
)
async def settle_delivery(delivery_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """Says that somebody saw to it: the person was phoned, or their address is mended.

    For what bounced, was suppressed, or is to be told by hand; its status stays, and nobody is asked to look at it any more.
    """
    return _details(await commands.settle_delivery(database, caller, delivery_id))


@router.post(
    "/{delivery_id}/retry",
    operation_id="retry_delivery",
    responses={200: {"model": DeliveryWithAttempts}, **problem_answers(401, 403, 404, 409)},
    openapi_extra={"x-permission": Permission.DELIVERY_DECIDE},
)
async def retry_delivery(delivery_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """Sends once more what bounced or was suppressed, after the person's address was mended.

    As long as what it tells is not over: until the meeting starts, however long ago it was refused.
    """
    return _details(await commands.retry_delivery(database, caller, delivery_id))
