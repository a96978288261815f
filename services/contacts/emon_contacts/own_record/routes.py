"""HTTP of a person's own record."""

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from emon_contacts.own_record import commands
from emon_contacts.own_record.commands import OwnRecord
from emon_contacts.people.routes import PersonChange, PersonView, answer_with
from emon_contacts.working_weeks.routes import AbsenceView, WorkingDay
from emon_contracts.actors import Engagement, Role
from emon_contracts.permissions import Permission
from emon_contracts.values import Ags, Locale
from emon_platform.http.app import problem_answers
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.responses import json_response

router = APIRouter(prefix="/v1/people", tags=["people"])


class NamedMembership(BaseModel):
    """A membership in words."""

    organisation: str
    municipality: str
    engagement: Engagement


class NamedGrant(BaseModel):
    """A role in words; network_admin is for no municipality."""

    role: Role
    municipality: str | None
    organisation: str | None


class RecordView(BaseModel):
    """Everything that is held about a person here. `entered_by` is null where it was nobody who is still here."""

    id: UUID
    display_name: str
    email: str | None
    pending_email: str | None = Field(description="Proposed as the new address, and not confirmed yet")
    former_emails: list[str] = Field(description="Kept for some days after a change, for the notice that goes there")
    locale: Locale
    memberships: list[NamedMembership]
    grants: list[NamedGrant]
    entered_by: str | None
    working_days: list[WorkingDay] | None
    absences: list[AbsenceView]


@router.get(
    "/{person_id}/record",
    responses={200: {"model": RecordView}, **problem_answers(401, 403, 404)},
    openapi_extra={"x-permission": Permission.PERSON_READ},
)
async def read_own_record(person_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """Everything that is held about the caller, with names instead of ids. For the person alone, and holders of their links."""
    return json_response(_view(await commands.read_own_record(database, caller, person_id)))


@router.post(
    "/{person_id}/correction",
    status_code=200,
    responses={200: {"model": PersonView}, **problem_answers(400, 401, 403, 404, 409, 413, 415, 422)},
    openapi_extra={"x-permission": Permission.PERSON_CORRECT},
)
async def correct_person(person_id: UUID, body: PersonChange, caller: Caller, database: ApiDatabase) -> Response:
    """Gives oneself another name or language, everywhere. No If-Match: the last word is the person's."""
    return answer_with(await commands.correct_person(database, caller, person_id, body.display_name, body.locale))


def _view(record: OwnRecord) -> RecordView:
    def organisation(identifier: UUID) -> str:
        return record.organisations.get(identifier, str(identifier))

    def municipality(ags: Ags) -> str:
        return record.municipalities.get(ags, ags)

    person, week = record.person, record.working_week
    return RecordView(
        id=person.id,
        display_name=person.display_name,
        email=person.email,
        pending_email=record.pending_email,
        former_emails=record.former_emails,
        locale=person.locale,
        memberships=[
            NamedMembership(
                organisation=organisation(item.organisation_id), municipality=municipality(item.ags), engagement=item.engagement
            )
            for item in person.memberships
        ],
        grants=[
            NamedGrant(
                role=item.role,
                municipality=None if item.ags is None else municipality(item.ags),
                organisation=None if item.organisation_id is None else organisation(item.organisation_id),
            )
            for item in person.grants
        ],
        entered_by=record.entered_by,
        working_days=WorkingDay.several(week.working_days),
        absences=[AbsenceView.of(absence) for absence in week.absences],
    )
