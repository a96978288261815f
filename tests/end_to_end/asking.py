# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false, reportAttributeAccessIssue=false
# pyright: reportArgumentType=false
"""One caller asks every route of an OpenAPI document what Schemathesis makes of it. The one file that knows that library.

EMON_API_EXAMPLES sets how many requests of either kind each route gets from each caller; EMON_API_SEED which ones.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any, cast

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = int(os.environ.get("EMON_API_EXAMPLES", "3"))
SEED = int(os.environ.get("EMON_API_SEED", "1"))
# How often a value of ours stands in for a generated one, so that requests get past "there is no such thing".
OURS = 0.8
# One would end the session with which the others are asked, the other goes on for as long as it does.
LEFT_OUT = {"DELETE /v1/sessions/current", "GET /v1/today/events"}

# Values that mean something to the platform, by the name of the field or parameter, or the media type, that takes them.
Values = Mapping[str, Sequence[Any]]


def errors_lead_to_their_place(_context: Any, response: Any, case: Case) -> None:
    """Each error names a part of the body by a JSON pointer (RFC 6901), or a parameter; what is missing, by its place."""
    problem = json.loads(response.content) if response.status_code in (409, 422) else {}
    for error in problem.get("errors", ()):
        assert ("pointer" in error) != ("parameter" in error), error
        place: Any = case.body
        *parents, _ = error.get("pointer", "/").split("/")[1:] or ("",)
        for part in parents:
            assert isinstance(place, dict | list), f"{error['pointer']} leads out of the body"
            name = part.replace("~1", "/").replace("~0", "~")
            place = place[int(part)] if isinstance(place, list) else place.get(name, {})
        assert not error.get("pointer") or isinstance(place, dict | list), f"{error['pointer']} leads out of the body"


CHECKS = [
    errors_lead_to_their_place,
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def with_ours(part: Any, ours: Values, random: Random) -> Any:
    """The generated part of a request, with values of ours at most of the places that take them."""
    match part:
        case dict():
            named = cast("dict[str, Any]", part)
            return {
                name: random.choice(ours[name]) if name in ours and random.random() < OURS else with_ours(value, ours, random)
                for name, value in named.items()
            }
        case list():
            return [with_ours(item, ours, random) for item in cast("list[Any]", part)]
        case _:
            return part


class Asking:
    """One caller who asks every route; what was wrong is kept, so that one run tells all of it."""

    def __init__(self, document: dict[str, Any], url: str, token: str | None, ours: Values) -> None:
        self._schema = schemathesis.openapi.from_dict(document)
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._ours = ours
        self._session = requests.Session()
        self.asked = 0
        self.wrong: dict[str, str] = {}

    def every_route(self) -> None:
        """Asks every route but those that are left out."""
        self.routes(label for label in (found.ok().label for found in self._schema.get_all_operations()) if label not in LEFT_OUT)

    def routes(self, labels: Iterable[str]) -> None:
        """Asks these routes, with requests that keep to the document and with others that break it."""
        wanted = set(labels)
        for found in self._schema.get_all_operations():
            operation = found.ok()
            if operation.label in wanted:
                self._route(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
                # Where any text will do, as for a secret in a path, there is nothing that breaks the document.
                with suppress(Unsatisfiable):
                    self._route(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))

    def _route(self, cases: strategies.SearchStrategy[Case]) -> None:
        @seed(SEED)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases, random=strategies.randoms(use_true_random=False))
        def ask(case: Case, random: Random) -> None:
            self._ask(case, random)

        ask()

    def _ask(self, case: Case, random: Random) -> None:
        case.path_parameters = with_ours(case.path_parameters, self._ours, random)
        case.query = with_ours(case.query, self._ours, random)
        case.body = with_ours({case.media_type: case.body}, self._ours, random)[case.media_type]
        headers = {**self._headers, **({"If-Match": "*"} if random.random() < OURS else {})}
        self.asked += 1
        answer = case.call(base_url=self._url, session=self._session, headers=headers)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                self.wrong.setdefault(f"{case.operation.label}: {failure.args[0] if failure.args else failure}", str(failures))
