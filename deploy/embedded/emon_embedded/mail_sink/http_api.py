"""The sink's HTTP API, a part of Mailpit's: list, search, read, delete."""

import asyncio
import json

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from emon_embedded.mail_sink import mailpit
from emon_embedded.mail_sink.reading import Attachment, read_mail
from emon_embedded.mail_sink.search import parse_search
from emon_embedded.mail_sink.store import MailStore, StoredMail

LIMIT_DEFAULT = 50
# Shown by the browser with our own origin if they were handed out as what they are.
_COULD_RUN_SCRIPTS = {"text/html", "text/xml", "application/xhtml+xml", "image/svg+xml", "application/xml", "text/xsl"}


def api_routes(store: MailStore) -> list[Route]:
    """Mailpit's addresses, answered from this store."""

    def list_messages(request: Request) -> Response:
        start, limit = window(request)
        counts = store.counts()
        return _json(mailpit.messages(store.listed(start, limit), start, counts, counts))

    def search_messages(request: Request) -> Response:
        query = request.query_params.get("query", "").strip()
        if not query:
            raise HTTPException(400, "Error: no search query")
        start, limit = window(request)
        condition = parse_search(query)
        return _json(mailpit.messages(store.listed(start, limit, condition), start, store.counts(), store.counts(condition)))

    async def delete_messages(request: Request) -> Response:
        body = await request.body()
        await asyncio.wrap_future(store.delete(_ids(body) or None))
        return PlainTextResponse("ok")

    def read_message(request: Request) -> Response:
        stored = mail_or_404(store, request)
        store.mark_read(stored.id).result()
        return JSONResponse(
            mailpit.details(stored.id, read_mail(stored.content), json.loads(stored.envelope), len(stored.content))
        )

    def read_source(request: Request) -> Response:
        stored = mail_or_404(store, request)
        headers = (
            {"Content-Disposition": f'attachment; filename="{stored.id}.eml"'} if request.query_params.get("dl") == "1" else {}
        )
        return Response(stored.content, media_type="text/plain; charset=utf-8", headers=headers)

    def read_part(request: Request) -> Response:
        part_id = request.path_params["part_id"]
        parts = read_mail(mail_or_404(store, request).content).attachments
        found = next((part for part in parts if part.part_id == part_id), None)
        if found is None:
            raise HTTPException(404, "404 page not found")
        return _as_download(found)

    return [
        Route("/api/v1/messages", list_messages, methods=["GET"]),
        Route("/api/v1/messages", delete_messages, methods=["DELETE"]),
        Route("/api/v1/search", search_messages, methods=["GET"]),
        Route("/api/v1/message/{id}", read_message, methods=["GET"]),
        Route("/api/v1/message/{id}/raw", read_source, methods=["GET"]),
        Route("/api/v1/message/{id}/part/{part_id}", read_part, methods=["GET"]),
    ]


def window(request: Request) -> tuple[int, int | None]:
    """`start` and `limit` as Mailpit reads them: what is no number counts as missing, a limit of 0 means all."""
    start = _number(request.query_params.get("start"), 0)
    limit = _number(request.query_params.get("limit"), LIMIT_DEFAULT)
    return start, limit or None


def mail_or_404(store: MailStore, request: Request) -> StoredMail:
    """The mail that the address names."""
    stored = store.mail(request.path_params["id"])
    if stored is None:
        raise HTTPException(404, "404 page not found")
    return stored


def _ids(body: bytes) -> list[str]:
    """The mails that a request to delete names; nothing readable means none, as in Mailpit."""
    try:
        named = json.loads(body)["IDs"]
    except (ValueError, KeyError, TypeError):
        return []
    return [str(mail_id) for mail_id in named or ()]


def _as_download(part: Attachment) -> Response:
    media_type = "application/octet-stream" if part.content_type in _COULD_RUN_SCRIPTS else part.content_type
    name = part.file_name.encode("ascii", errors="replace").decode().translate(str.maketrans('"\\\r\n', "____"))
    return Response(part.content, headers={"Content-Type": media_type, "Content-Disposition": f'attachment; filename="{name}"'})


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else default


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
