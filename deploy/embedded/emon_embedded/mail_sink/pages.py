"""The sink's pages: the list of mails, and one mail. They need no script and load nothing from elsewhere."""

import json
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from emon_embedded.mail_sink.http_api import mail_or_404, window
from emon_embedded.mail_sink.mailpit import details
from emon_embedded.mail_sink.reading import read_mail
from emon_embedded.mail_sink.search import parse_search
from emon_embedded.mail_sink.store import MailStore

PAGE_LENGTH = 50
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The mail's own HTML: no script, nothing from elsewhere, an origin of its own; its links open outside of the frame.
MAIL_HTML_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
_templates = Environment(
    loader=PackageLoader("emon_embedded.mail_sink"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page_routes(store: MailStore) -> list[Route]:
    """What a person sees."""

    def list_page(request: Request) -> Response:
        query = request.query_params.get("query", "").strip()
        condition = parse_search(query) if query else None
        start, _ = window(request)
        rows = store.listed(start, PAGE_LENGTH, condition)
        return _page(
            "list.html",
            mails=[json.loads(row.summary) | {"Read": row.is_read} for row in rows],
            query=query,
            start=start,
            page_length=PAGE_LENGTH,
            count=store.counts(condition).total,
        )

    def mail_page(request: Request) -> Response:
        stored = mail_or_404(store, request)
        store.mark_read(stored.id).result()
        mail = details(stored.id, read_mail(stored.content), json.loads(stored.envelope), len(stored.content))
        return _page("mail.html", mail=mail)

    def mail_html(request: Request) -> Response:
        html = read_mail(mail_or_404(store, request).content).html
        return HTMLResponse(f'<base target="_blank">{html}', headers={"Content-Security-Policy": MAIL_HTML_POLICY})

    def stylesheet(_request: Request) -> Response:
        return FileResponse(Path(__file__).with_name("mail_sink.css"), media_type="text/css")

    def ready(_request: Request) -> Response:
        store.counts()
        return PlainTextResponse("ok")

    return [
        Route("/", list_page),
        Route("/mails/{id}", mail_page),
        Route("/mails/{id}/html", mail_html),
        Route("/mail_sink.css", stylesheet),
        Route("/readyz", ready),
        Route("/livez", ready),
    ]


async def not_found(_request: Request, error: Exception) -> Response:
    """Mailpit answers errors in plain text."""
    if not isinstance(error, HTTPException):
        raise error
    return PlainTextResponse(error.detail, status_code=error.status_code)


def _page(template: str, **values: object) -> Response:
    return HTMLResponse(
        _templates.get_template(template).render(values), headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    )
