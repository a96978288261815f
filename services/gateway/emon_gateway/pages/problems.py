"""The page to which the type of every problem leads. For developers, so in English alone."""

from fastapi import APIRouter, Request, Response

from emon_gateway.pages.rendering import page
from emon_platform.http.problem_types import PROBLEM_TYPES

router = APIRouter(include_in_schema=False)


@router.get("/docs/problems")
async def problems(request: Request) -> Response:
    """Every type of problem."""
    return page(request, "problems.html", problems=PROBLEM_TYPES)
