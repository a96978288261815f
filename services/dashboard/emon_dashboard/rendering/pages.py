"""How a page is rendered and sent: no inline script or style, nothing from another host, nothing kept by a cache."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from emon_dashboard.rendering import dates
from emon_dashboard.rendering.texts import Texts, counted, fill

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@cache
def manifest() -> Mapping[str, str]:
    """The names of what pages load. Raises FileNotFoundError where it was not bundled: run `make assets`."""
    return json.loads(files("emon_dashboard").joinpath("static", "bundle", "manifest.json").read_text(encoding="utf-8"))


def asset_url(name: str) -> str:
    """Where a browser gets it; another content has another address."""
    return f"/assets/{manifest()[name]}"


def _pairs(items: Iterable[object], value: str, label: str) -> list[tuple[str, str]]:
    return [(str(getattr(item, value)), str(getattr(item, label))) for item in items]


def _options(texts: Texts) -> list[tuple[str, str]]:
    return [(name, text) for name, text in texts.items() if isinstance(text, str)]


# Jinja's own types know no other filters and globals than those it comes with.
_environment: Any = Environment(
    loader=PackageLoader("emon_dashboard"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals["asset_url"] = asset_url
_environment.filters |= {
    "fill": fill,
    "counted": counted,
    "day": dates.day_text,
    "wall_clock": dates.wall_clock_text,
    "moment": dates.moment_text,
    "duration": dates.duration_text,
    "pairs": _pairs,
    "options": _options,
}


def render(template: str, **values: Any) -> str:
    """A template with its values."""
    return _environment.get_template(template).render(**values)


def html(content: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that shows it."""
    return Response(content, status, media_type="text/html", headers={**HEADERS, **(headers or {})})
