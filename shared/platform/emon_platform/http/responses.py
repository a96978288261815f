"""Answers straight from pydantic-core to bytes, and entity tags."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Response
from pydantic import BaseModel
from pydantic_core import to_json

from emon_contracts.refusals import Outdated
from emon_platform.http.problems import ProblemError

ItemT = TypeVar("ItemT")


class Page(BaseModel, Generic[ItemT]):
    """A part of a list. `next_cursor` is opaque and leads to the next part; null at the end."""

    items: list[ItemT]
    next_cursor: str | None = None


def json_response(shown: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A model, or a dataclass where a list makes many, as JSON: without the second validation of FastAPI's response models."""
    return Response(to_json(shown), status, media_type="application/json", headers=dict(headers or {}))


def etag(identifier: UUID | str, version: int) -> str:
    """A strong entity tag (RFC 9110 section 8.8.3). Opaque: the count of changes is nobody's business."""
    return '"' + hashlib.sha256(f"{identifier}:{version}".encode()).hexdigest()[:20] + '"'


class Precondition:
    """The If-Match of a request."""

    def __init__(self, wanted: str) -> None:
        self._wanted = {part.strip() for part in wanted.split(",")}

    def check(self, current: str) -> None:
        """Raises Outdated unless the current entity tag is among the wanted ones."""
        if "*" not in self._wanted and current not in self._wanted:
            raise Outdated


def _demanded(
    if_match: Annotated[str | None, Header(description="The ETag of the state that is to be changed")] = None,
) -> Precondition:
    if not if_match:
        raise ProblemError(428, "precondition-required", "Send If-Match with the ETag that you got when you read it.")
    return Precondition(if_match)


DemandedPrecondition = Annotated[Precondition, Depends(_demanded)]
