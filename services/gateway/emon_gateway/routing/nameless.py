"""Routes on which nobody says who they are, whatever they send.

What a client sends besides its wish is taken off the request before anything of the gateway sees it: there is no session to
look up, no key, no id and no trace of the client's own to note, and the request gets new ones like one that never had any.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from emon_gateway.routing.table import is_nameless

PAGE_PREFIX = "/anonymous-feedback"
# How the body is to be read. `x-forwarded-for` is for the limit by network address, which is counted in memory alone, and goes no
# further.
KEPT_HEADERS = frozenset({b"host", b"content-type", b"content-length", b"transfer-encoding", b"x-forwarded-for"})
# Which language a page is in, and whose form it was; said to no service.
KEPT_FOR_PAGES = KEPT_HEADERS | {b"accept-language", b"sec-fetch-site", b"origin"}


class Nameless:
    """Plain ASGI middleware. It has to be the outermost one: the next reads the request's id and trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_nameless_page(scope["path"]):
            scope = {**scope, "headers": _only(KEPT_FOR_PAGES, scope)}
        elif scope["type"] == "http" and is_nameless(scope["path"]):
            scope = {**scope, "headers": _only(KEPT_HEADERS, scope), "query_string": b""}
        await self._app(scope, receive, send)


def is_nameless_page(path: str) -> bool:
    """Whether this is a page of an anonymous author."""
    return path == PAGE_PREFIX or path.startswith(f"{PAGE_PREFIX}/")


def _only(kept: frozenset[bytes], scope: Scope) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in scope["headers"] if name in kept]
