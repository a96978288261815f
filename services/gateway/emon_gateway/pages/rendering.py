"""How pages are made and sent: rendered here, without script, nothing from elsewhere, nothing kept by a cache."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from emon_gateway.pages.texts import LANGUAGES, texts_in

FORM = "application/x-www-form-urlencoded"
PAGES_WITH_FORMS = ("/sign-in", "/links/", "/anonymous-feedback/")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}

_environment = Environment(
    loader=PackageLoader("emon_gateway.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

assets = APIRouter(include_in_schema=False)


@assets.get("/assets/pages.css")
async def stylesheet() -> Response:
    """The one stylesheet."""
    return Response(_STYLESHEET, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


_STYLESHEET = files("emon_gateway.pages").joinpath("assets/pages.css").read_bytes()


def form_media_types(path: str) -> tuple[str, ...]:
    """Where forms are sent to."""
    return (FORM,) if path.startswith(PAGES_WITH_FORMS) else ()


def language_of(request: Request) -> str:
    """The language that was chosen on the page, else the one that the browser prefers, else German."""
    chosen = request.query_params.get("lang")
    if chosen in LANGUAGES:
        return chosen
    best, best_quality = LANGUAGES[0], 0.0
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, parameters = part.strip().partition(";")
        language = tag.split("-")[0].lower()
        quality = _quality(parameters)
        if language in LANGUAGES and quality > best_quality:
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


def page(
    request: Request, template: str, status: int = 200, *, headers: Mapping[str, str] | None = None, **values: Any
) -> Response:
    """A page in the visitor's language."""
    language = language_of(request)
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    html = _environment.get_template(template).render(
        text=texts_in(language),
        language=language,
        other_language=other,
        other_language_url="?" + request.url.include_query_params(lang=other).query if request.method == "GET" else None,
        **values,
    )
    return Response(html, status, media_type="text/html", headers={**HEADERS, **(headers or {})})


def see_other(request: Request) -> Response:
    """From a form that was taken to the page it was on (RFC 9110 section 15.4.4), so that a reload sends nothing again."""
    return Response(status_code=303, headers={**HEADERS, "Location": f"{request.url.path}?lang={language_of(request)}"})


def came_from_elsewhere(request: Request, public_origin: str) -> bool:
    """Whether a form was sent by a page of somebody else.

    Sec-Fetch-Site says so in every browser of today. Origin is `null` for our own forms too, since our pages send no
    referrer (Fetch standard, "append a request Origin header"), so that only another origin speaks against a form.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin", "null")
    own = {urlsplit(public_origin).netloc, request.headers.get("host")}
    return origin != "null" and urlsplit(origin).netloc not in own
