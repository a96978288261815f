"""What pages need to know of a request: whether a form came from a page of ours, and which language the browser prefers."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from fastapi import Request


def came_from_elsewhere(request: Request, public_origin: str) -> bool:
    """Whether a form was sent by a page of somebody else.

    Sec-Fetch-Site says so in every browser of today. Origin is `null` for our own forms too where a page sends no
    referrer (Fetch standard, "append a request Origin header"), so that only another origin speaks against a form.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin", "null")
    own = {urlsplit(public_origin).netloc, request.headers.get("host")}
    return origin != "null" and urlsplit(origin).netloc not in own


def preferred_language(request: Request, languages: Sequence[str]) -> str:
    """The one of these languages that the browser prefers (RFC 9110 section 12.5.4); the first where it wants none of them."""
    best, best_quality = languages[0], 0.0
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, parameters = part.strip().partition(";")
        language = tag.split("-")[0].lower()
        quality = _quality(parameters)
        if language in languages and quality > best_quality:
            best, best_quality = language, quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
