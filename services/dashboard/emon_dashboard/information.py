"""Pages that say something of the dashboard itself, what a browser loads, and where a visit begins."""

from importlib.resources import files

from fastapi import APIRouter, Request, Response

from emon_dashboard.gateway import Missing
from emon_dashboard.rendering.pages import manifest
from emon_dashboard.visits import AnyVisit, PersonalVisit

router = APIRouter()

_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "woff2": "font/woff2"}
_KEPT = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}


@router.get("/")
async def begin(visit: PersonalVisit) -> Response:
    """Who works here begins with what needs them, a volunteer with what is theirs."""
    return visit.see_other("/today" if visit.who.works_here else "/own")


@router.get("/accessibility")
async def accessibility(visit: AnyVisit) -> Response:
    """The statement that § 12b BGG and § 10 L-BGG ask for, with a way to report barriers."""
    return visit.page("information/accessibility.html", email=visit.settings.accessibility_email)


@router.get("/privacy")
async def privacy(visit: AnyVisit) -> Response:
    """What is held, for how long, and where to object."""
    return visit.page("information/privacy.html")


@router.get("/assets/{name}")
async def asset(name: str, request: Request) -> Response:
    """What pages load. A name is that of one content, so that it is kept for ever."""
    if name not in manifest().values():
        raise Missing
    folder = files("emon_dashboard").joinpath("static", "bundle")
    compressed = folder.joinpath(f"{name}.gz")
    headers = dict(_KEPT)
    if "gzip" in request.headers.get("accept-encoding", "") and compressed.is_file():
        headers["Content-Encoding"] = "gzip"
        content = compressed.read_bytes()
    else:
        content = folder.joinpath(name).read_bytes()
    return Response(content, media_type=_MEDIA_TYPES[name.rpartition(".")[2]], headers=headers)
