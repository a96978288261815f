"""Opaque cursors: where a list goes on. They hold the sort key of the last item, and no secret."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query

from emon_platform.http.problems import FieldError, ProblemError

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
CURSOR_LENGTH_MAX = 4000  # the sort key of a name of 200 characters outside the Latin alphabet has some 2,700

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Items on a page")]
Cursor = Annotated[str | None, Query(max_length=CURSOR_LENGTH_MAX, description="The `next_cursor` of the page before")]


def encode_cursor(*key: str | int) -> str:
    """The cursor behind the item with this sort key."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":"), ensure_ascii=False).encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, *types: Callable[[Any], Any]) -> tuple[Any, ...] | None:
    """The sort key of a cursor, each part converted by its type; None for the first page. Raises ProblemError (422)."""
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(parts, list) or len(parts) != len(types):  # pyright: ignore[reportUnknownArgumentType]
            raise ValueError("another list's cursor")
        key = tuple(type_(part) for type_, part in zip(types, parts, strict=True))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        # A lone surrogate has no encoding (UnicodeEncodeError is a ValueError), and PostgreSQL takes no NUL.
        if any(isinstance(part, str) and b"\x00" in part.encode() for part in key):
            raise ValueError("no text of ours")
        return key
    except (binascii.Error, ValueError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(
            422,
            "invalid-request",
            "The cursor is not one of this list.",
            errors=[FieldError(code="cursor", detail="Leave it out to start from the beginning.", parameter="cursor")],
        ) from error
