"""How pages are made and sent: rendered here, without script, nothing from elsewhere, nothing kept by a cache."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from emon_gateway.pages.texts import LANGUAGES, texts_in
from emon_platform.http.browsers import preferred_language

FORM = "application/x-www-form-urlencoded"
PAGES_WITH_FORMS = ("/sign-in", "/links/", "/anonymous-feedback")

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
    return preferred_language(request, LANGUAGES)


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
