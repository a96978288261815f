"""HTTP of working weeks."""

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from emon_contacts.working_weeks import commands
from emon_contacts.working_weeks.rules import ABSENCES_MAX, Absence, WorkingWeek
from emon_contracts.directory import Weekday
from emon_contracts.permissions import Permission
from emon_contracts.values import YEAR_MAX
from emon_platform.http.app import problem_answers
from emon_platform.http.dependencies import ApiDatabase, Caller
from emon_platform.http.responses import DemandedPrecondition, json_response

router = APIRouter(prefix="/v1/people", tags=["people"])

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class WorkingDay(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"

    def weekday(self) -> Weekday:
        """As the directory numbers it."""
        return Weekday[self.name]

    @classmethod
    def several(cls, days: Iterable[Weekday] | None) -> list[Self] | None:
        """As people say it."""
        return None if days is None else [cls[day.name] for day in days]


def _only_text(value: object) -> object:
    if isinstance(value, date) or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise PydanticCustomError("day", "must be a day such as 2027-03-28")  # pydantic would read a number as seconds since 1970


def _within_reason(value: date) -> date:
    if value.year > YEAR_MAX:
        raise PydanticCustomError("day", "must not lie behind the year {year_max}", {"year_max": YEAR_MAX})
    return value


Day = Annotated[date, BeforeValidator(_only_text), AfterValidator(_within_reason), Field(examples=["2027-03-28"])]


class AbsenceView(BaseModel):
    """Days on which somebody is not there, both ends included."""

    model_config = ConfigDict(extra="forbid")

    first_day: Day
    last_day: Day

    @classmethod
    def of(cls, absence: Absence) -> Self:
        """As it is shown."""
        return cls(first_day=absence.first_day, last_day=absence.last_day)


class WorkingWeekView(BaseModel):
    """When somebody works. `working_days` null: Monday to Friday, as nobody said otherwise."""

    working_days: list[WorkingDay] | None
    absences: list[AbsenceView]


class WorkingWeekChange(BaseModel):
    """The whole of it. Absences that are over are left out."""

    model_config = ConfigDict(extra="forbid")

    working_days: Annotated[list[WorkingDay], Field(min_length=1, max_length=7)] | None
    absences: Annotated[list[AbsenceView], Field(max_length=ABSENCES_MAX)]


def _answer(week: WorkingWeek, entity_tag: str) -> Response:
    view = WorkingWeekView(
        working_days=WorkingDay.several(week.working_days), absences=[AbsenceView.of(absence) for absence in week.absences]
    )
    return json_response(view, headers={"ETag": entity_tag})


@router.get(
    "/{person_id}/working-week",
    responses={200: {"model": WorkingWeekView}, **problem_answers(401, 403, 404)},
    openapi_extra={"x-permission": Permission.WORKING_WEEK_READ},
)
async def read_working_week(person_id: UUID, caller: Caller, database: ApiDatabase) -> Response:
    """When somebody works: for themselves, and for staff and coordinators of their municipalities."""
    return _answer(*await commands.read_working_week(database, caller, person_id))


@router.put(
    "/{person_id}/working-week",
    responses={200: {"model": WorkingWeekView}, **problem_answers(400, 401, 403, 404, 412, 413, 415, 422, 428)},
    openapi_extra={"x-permission": Permission.WORKING_WEEK_WRITE},
)
async def change_working_week(
    person_id: UUID, body: WorkingWeekChange, caller: Caller, database: ApiDatabase, precondition: DemandedPrecondition
) -> Response:
    """Says when somebody works from now on, in place of what was said before: by themselves or their coordinator."""
    week, entity_tag = await commands.change_working_week(
        database,
        caller,
        person_id,
        None if body.working_days is None else [day.weekday() for day in body.working_days],
        [Absence(absence.first_day, absence.last_day) for absence in body.absences],
        precondition,
    )
    return _answer(week, entity_tag)
