"""Errors as RFC 9457 problems: what is wrong, where, and how to mend it; every malformed field at once.

A `type` leads to its paragraph in the documentation of the API. Nothing of a request's contents is echoed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from emon_contracts.refusals import Forbidden, NotFound, Outdated, Refusal, Refused
from emon_platform.failures import is_transient
from emon_platform.http.problem_types import PROBLEM_TYPES, TYPE_PREFIX

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
_METHODS_WITHOUT_BODY = frozenset({"GET", "DELETE"})


class FieldError(BaseModel):
    """One thing that is wrong. `pointer` is a JSON pointer into the body (RFC 6901), or `parameter` names a part of the URL."""

    code: str = Field(examples=["string_too_short"])
    detail: str
    pointer: str | None = Field(default=None, examples=["/start/local"])
    parameter: str | None = Field(default=None, examples=["limit"])


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(examples=[TYPE_PREFIX + "invalid-request"])
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = None


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.response = problem_response(status, code, detail, errors=errors, headers=headers)


def problem_response(
    status: int, code: str, detail: str, *, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for a problem of the table PROBLEM_TYPES."""
    problem = Problem(
        type=TYPE_PREFIX + code, title=PROBLEM_TYPES[code].title, status=status, detail=detail, errors=list(errors) or None
    )
    return Response(
        to_json(problem, exclude_none=True),
        status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def refusal_response(refusals: Sequence[Refusal], *, has_body: bool = True) -> Response:
    """422 for a request that a rule refuses, 409 where the state of the resource stands against it.

    A request without a body has its fields in the URL.
    """
    errors = [_refusal_error(item, has_body=has_body) for item in refusals]
    detail = " ".join(item.detail for item in refusals)
    if any(item.conflict for item in refusals):
        return problem_response(409, "conflict", detail, errors=errors)
    return problem_response(422, "refused", detail, errors=errors)


def _refusal_error(item: Refusal, *, has_body: bool) -> FieldError:
    if has_body or not item.pointer:
        return FieldError(code=item.code, detail=item.detail, pointer=item.pointer)
    return FieldError(code=item.code, detail=item.detail, parameter=item.pointer.removeprefix("/"))


def json_pointer(location: Sequence[str | int]) -> str:
    """RFC 6901: `~` and `/` inside a name are escaped."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _field_error(error: Mapping[str, Any]) -> FieldError:
    place, *location = error["loc"]
    if place == "body":
        return FieldError(code=error["type"], detail=error["msg"], pointer=json_pointer(location))
    return FieldError(code=error["type"], detail=error["msg"], parameter=str(location[0]) if location else str(place))


def _validation_problem(error: RequestValidationError) -> Response:
    found: Sequence[Any] = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem_response(400, "malformed-body", "The body is not JSON in UTF-8.")
    if any(item["loc"][0] == "path" for item in found):
        return not_found_response()  # an id that is not even an id belongs to nothing
    errors = [_field_error(item) for item in found]
    return problem_response(
        422, "invalid-request", f"{len(errors)} fields need attention." if len(errors) > 1 else errors[0].detail, errors=errors
    )


def not_found_response() -> Response:
    """404, also for what belongs to another municipality: it does not exist for the caller."""
    return problem_response(404, "not-found", "It does not exist, or not for you.")


_HTTP_CODES: Mapping[int, tuple[str, str]] = {
    400: ("malformed-body", "The body is not well-formed."),
    413: ("body-too-large", "The body has more bytes than this resource takes."),
    405: ("method-not-allowed", "See the Allow header for the methods of this resource."),
}


def install(app: FastAPI) -> None:
    """Answers the errors that routes raise on purpose; the request's context answers all others."""

    async def on_exception(request: Request, error: Exception) -> Response:
        return response_for(error, has_body=request.method not in _METHODS_WITHOUT_BODY)

    for kind in (ProblemError, RequestValidationError, Refused, NotFound, Forbidden, Outdated, HTTPException):
        app.add_exception_handler(kind, on_exception)


def response_for(error: Exception, *, has_body: bool = True) -> Response:
    """The problem that an exception means. Anything unknown is an error of ours: logged, and answered without detail."""
    match error:
        case ProblemError():
            return error.response
        case RequestValidationError():
            return _validation_problem(error)
        case Refused():
            return refusal_response(error.refusals, has_body=has_body)
        case NotFound():
            return not_found_response()
        case Forbidden():
            return problem_response(403, "forbidden", f"This needs the permission {error.permission}.")
        case Outdated():
            return problem_response(412, "outdated", "Read it again and repeat your change on the new state.")
        case HTTPException():
            if error.status_code == 404:
                return not_found_response()
            code, detail = _HTTP_CODES.get(error.status_code, ("internal-error", "See the status code."))
            return problem_response(error.status_code, code, detail, headers=error.headers)
        case _ if is_transient(error):
            log.warning("request_interrupted", reason=type(error).__name__)
            return problem_response(
                503,
                "temporarily-unavailable",
                "Something this service needs does not answer. Nothing was half done; try again.",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )
        case _:
            log.error("request_failed", exc_info=error)
            return problem_response(500, "internal-error", "The cause was logged. Nothing was changed.")
