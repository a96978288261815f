"""HTTP of erasures."""

from uuid import UUID

from fastapi import APIRouter, Response

from emon_contacts.erasures import commands
from emon_contracts.permissions import Permission
from emon_platform.http.app import problem_answers
from emon_platform.http.dependencies import ApiDatabase, Caller

router = APIRouter(prefix="/v1/people", tags=["people"])


@router.post(
    "/{person_id}/erasure",
    status_code=204,
    responses=problem_answers(401, 403, 404, 409),
    openapi_extra={"x-permission": Permission.PERSON_ERASE},
)
async def erase_person(person_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """Erases the caller for good, everywhere. Done by nobody else: a coordinator ends memberships."""
    await commands.erase_person(database, caller, person_id)
    return Response(status_code=204)
