"""Every type of problem that a service answers with: what it means and how to mend it. `docs/api.md` says the same."""

from collections.abc import Mapping
from dataclasses import dataclass

# Below the gateway's own address, where a page lists these paragraphs.
TYPE_PREFIX = "/docs/problems#"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """`title` is the same for every problem of the type (RFC 9457 section 3.1.2)."""

    title: str
    meaning: str


PROBLEM_TYPES: Mapping[str, ProblemType] = {
    "malformed-body": ProblemType(
        "The body is not well-formed",
        "400. The body is not JSON in UTF-8 (or, for an import, not a table). Nothing was read from it. Send well-formed JSON.",
    ),
    "invalid-request": ProblemType(
        "Some fields are not valid",
        "422. `errors` names every field at once: `pointer` is a JSON pointer into the body, `parameter` a part of the URL. Mend "
        "them and send the request again.",
    ),
    "refused": ProblemType(
        "A rule stands against it",
        "422. The request is well-formed, and a rule of the domain refuses it. `errors` gives a stable `code` for each "
        "rule, what to do about it, and the field. What belongs to another municipality is refused like what does not exist.",
    ),
    "conflict": ProblemType(
        "It does not go with the present state",
        "409. The resource is in a state in which this cannot be done: a cancelled meeting, a meeting whose time or place "
        "changed since the caller saw it, a name that is taken, a delivery that is already decided. Read it again.",
    ),
    "sign-in-required": ProblemType(
        "Sign in first",
        "401. There is no access token, or it has ended. Ask for a link with POST /v1/sign-in-links and open a session with "
        "POST /v1/sessions.",
    ),
    "forbidden": ProblemType(
        "Your roles do not allow this",
        "403. None of the caller's roles carries the permission, whatever the resource. "
        "A resource out of reach is a 404 instead.",
    ),
    "not-found": ProblemType(
        "There is no such thing",
        "404. It does not exist, or not for the caller: what belongs to another municipality does not exist.",
    ),
    "method-not-allowed": ProblemType(
        "Not a method of this resource", "405. The `Allow` header names the methods of this resource."
    ),
    "outdated": ProblemType(
        "It was changed since you read it",
        "412. If-Match names an older state, so that somebody else's change would be lost. Read it again and repeat the change.",
    ),
    "body-too-large": ProblemType(
        "The body is too large", "413. At most 1 MiB of JSON, and 8 MiB for an import. Split a longer list."
    ),
    "unsupported-media-type": ProblemType(
        "Not a media type of this resource",
        "415. Send `application/json`, or `text/csv` for an import. An import draft may be an Excel workbook (.xlsx) as well.",
    ),
    "precondition-required": ProblemType(
        "Say which version you mean to change", "428. Send If-Match with the ETag that came with the resource."
    ),
    "too-many-requests": ProblemType("Too many requests", "429. Wait as long as Retry-After says, in seconds."),
    "temporarily-unavailable": ProblemType(
        "Not available at the moment",
        "503. A part of the platform does not answer. Nothing was half done: nothing was changed, or, where the very last answer "
        "got lost on its way here, all of it. Try again after Retry-After, in seconds; with the same Idempotency-Key a POST is "
        "done once, however often it is sent.",
    ),
    "internal-error": ProblemType(
        "An error of ours", "500. Nothing was changed. The cause is in the log under the id that X-Request-Id gives."
    ),
}
