"""What a visitor sees when something cannot be had: in their language, and with the way on."""

from collections.abc import Mapping

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from emon_dashboard.gateway import Missing, NotAllowed, Outdated, Refused, SignInNeeded, TooMany, Unavailable
from emon_dashboard.rendering import pages
from emon_dashboard.visits import SESSION_COOKIE, ForeignForm, Visit, sign_in_address

FAILURES: Mapping[type[Exception], tuple[int, str]] = {
    Missing: (404, "missing"),
    NotAllowed: (403, "not_allowed"),
    ForeignForm: (403, "foreign_form"),
    Outdated: (412, "outdated"),
    TooMany: (429, "too_many"),
    Refused: (409, "refused"),
    Unavailable: (503, "unavailable"),
    SignInNeeded: (303, "sign_in"),
}


async def failure_page(request: Request, error: Exception) -> Response:
    """The page for an exception that no route knew what to do with."""
    if isinstance(error, SignInNeeded):
        response = Response(status_code=303, headers={**pages.HEADERS, "Location": sign_in_address(request)})
        if SESSION_COOKIE in request.cookies:
            response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="lax")
        return response
    visit = Visit(request, request.app.state.gateway, request.app.state.settings)
    if isinstance(error, HTTPException | RequestValidationError):
        status = error.status_code if isinstance(error, HTTPException) else 404
        return visit.page("notice.html", status, notice="missing" if status in (404, 405) else "refused")
    status, notice = FAILURES[type(error)]
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooMany) else None
    return visit.page("notice.html", status, headers, notice=notice)
