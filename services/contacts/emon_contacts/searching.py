"""What a search takes, and which words of it are looked for."""

from typing import Annotated

from fastapi import Query

from emon_contracts.values import Line
from emon_platform.http.problems import FieldError, ProblemError

SEARCH_LIMIT_MAX = 50

SearchText = Annotated[
    Line | None,
    Query(
        description="Words to find, best match first: slips, word order and how umlauts are spelt do not matter. "
        f"At most {SEARCH_LIMIT_MAX}, without `cursor` and `name`"
    ),
]


def check_search(name: str | None, cursor: str | None, limit: int) -> None:
    """A search has one answer, and no next page: who is not among the best is found by more words. Raises ProblemError (422)."""
    errors = [
        FieldError(code="search", detail="Leave it out together with q.", parameter=parameter)
        for parameter, value in (("name", name), ("cursor", cursor))
        if value is not None
    ]
    if limit > SEARCH_LIMIT_MAX:
        errors.append(FieldError(code="search", detail=f"At most {SEARCH_LIMIT_MAX} together with q.", parameter="limit"))
    if errors:
        raise ProblemError(422, "invalid-request", "A search is not paged.", errors=errors)


def words_of(text: str) -> list[str]:
    """The words that somebody typed, but for those without a letter or digit, which nothing could be like."""
    return [word for word in text.split() if any(character.isalnum() for character in word)]
