"""The network over HTTP."""

from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, TypeAdapter

from emon_calendar.working_days import day_of
from emon_contracts.permissions import Permission
from emon_contracts.values import Ags
from emon_gateway.network import repository
from emon_gateway.network.repository import MunicipalityCounts
from emon_gateway.network.rules import OrganisationGroup, feedback_shown, organisations_by_group
from emon_gateway.sign_in.caller import Caller
from emon_gateway.today.reach import act_with
from emon_platform.http.app import problem_answers
from emon_platform.http.cursors import LIMIT_DEFAULT, Cursor, Limit, decode_cursor, encode_cursor
from emon_platform.http.dependencies import ApiDatabase
from emon_platform.http.responses import Page, json_response

router = APIRouter(prefix="/v1/network", tags=["network"])

_AGS: TypeAdapter[str] = TypeAdapter(Ags)


class PeopleNumbers(BaseModel):
    """People with a membership there. Whoever is on both sides counts on both."""

    staff: int
    volunteers: int


class MeetingNumbers(BaseModel):
    """Meetings that were held in the last 90 days, and those that are planned in the next 90."""

    held: int
    planned: int


class FeedbackNumbers(BaseModel):
    """Feedback that is open, of it what is overdue; what was answered in the last 90 days, and of that what was in time."""

    open: int
    overdue: int
    answered: int
    answered_in_time: int


class NetworkMunicipality(BaseModel):
    """A municipality in numbers."""

    ags: str
    name: str
    organisations: Annotated[dict[OrganisationGroup, int], Field(examples=[{"authorities": 1, "helper_circles": 4}])]
    people: PeopleNumbers
    meetings: MeetingNumbers
    feedback: FeedbackNumbers | None = Field(
        description="Null where fewer than 5 people are members: the number would tell who wrote it"
    )
    deliveries_failed: int = Field(description="That somebody has to look at now")

    @classmethod
    def of(cls, counts: MunicipalityCounts) -> Self:
        """The body of these counts."""
        feedback = feedback_shown(counts.feedback, counts.people)
        return cls(
            ags=counts.ags,
            name=counts.name,
            organisations=organisations_by_group(counts.organisations),
            people=PeopleNumbers(staff=counts.staff, volunteers=counts.volunteers),
            meetings=MeetingNumbers(held=counts.meetings_held, planned=counts.meetings_planned),
            feedback=feedback and FeedbackNumbers.model_validate(feedback, from_attributes=True),
            deliveries_failed=counts.deliveries_failed,
        )


@router.get(
    "/municipalities",
    responses={200: {"model": Page[NetworkMunicipality]}, **problem_answers(401, 403, 422, 429)},
    openapi_extra={"x-permission": Permission.NETWORK_READ},
)
async def list_network_municipalities(
    caller: Caller, database: ApiDatabase, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Response:
    """Every municipality that has anything, in numbers, by its key.

    Feedback about people is counted like any other, and none is told of where fewer than 5 people could have written it.
    """
    after = decode_cursor(cursor, _AGS.validate_python)
    now = datetime.now(UTC)
    async with database.transaction(caller.actor, Permission.NETWORK_READ) as tx:
        await act_with(tx, caller.actor)
        found = await repository.municipalities(tx, after[0] if after else None, limit + 1, now, day_of(now))
    shown = [NetworkMunicipality.of(counts) for counts in found[:limit]]
    next_cursor = encode_cursor(shown[-1].ags) if len(found) > limit else None
    return json_response(Page[NetworkMunicipality](items=shown, next_cursor=next_cursor))
