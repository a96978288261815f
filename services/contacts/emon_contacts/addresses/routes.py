"""HTTP of addresses that change."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from emon_contacts.addresses import commands
from emon_contacts.addresses.commands import Confirmation
from emon_contracts.permissions import Permission
from emon_contracts.values import EmailAddress
from emon_platform.http.app import problem_answers
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.responses import json_response

router = APIRouter(prefix="/v1/people", tags=["people"])


class ProposedAddress(BaseModel):
    """The address that is to be the person's."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress


class ProposalView(BaseModel):
    """It becomes the person's address once whoever reads its mail confirms it, until `expires_at`."""

    email: str
    expires_at: datetime


class ConfirmationView(BaseModel):
    """What the reader of the mail is asked: whether this is the address of this person."""

    display_name: str
    email: str
    confirmed: bool


def _view(confirmation: Confirmation) -> Response:
    return json_response(
        ConfirmationView(display_name=confirmation.display_name, email=confirmation.email, confirmed=confirmation.confirmed)
    )


@router.post(
    "/{person_id}/address-change",
    status_code=202,
    responses={202: {"model": ProposalView}, **problem_answers(400, 401, 403, 404, 409, 413, 415, 422)},
    openapi_extra={"x-permission": Permission.ADDRESS_PROPOSE},
)
async def propose_address(person_id: UUID, body: ProposedAddress, caller: Caller, database: ApiDatabase) -> Response:
    """Proposes another address, to which a mail with a link goes; it changes when the link is confirmed.

    By the person themself. By a coordinator the mail goes out only where the person has no address, or one that a mail server
    refused for good; the delivery says so.
    """
    change = await commands.propose_address(database, caller, person_id, body.email)
    return json_response(ProposalView(email=change.email, expires_at=change.expires_at), 202)


@router.get(
    "/{person_id}/address-change",
    responses={200: {"model": ConfirmationView}, **problem_answers(401, 403, 404)},
    openapi_extra={"x-permission": Permission.ADDRESS_CONFIRM},
)
async def read_address_change(person_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """The address that a link asks to confirm. For the holder of that link alone."""
    return _view(await commands.read_confirmation(database, caller, person_id))


@router.post(
    "/{person_id}/address-change/confirmation",
    status_code=200,
    responses={200: {"model": ConfirmationView}, **problem_answers(401, 403, 404, 409)},
    openapi_extra={"x-permission": Permission.ADDRESS_CONFIRM},
)
async def confirm_address(person_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """Confirms the address of the link: from now on it is the person's. A notice goes to the former one."""
    return _view(await commands.confirm_address(database, caller, person_id))
