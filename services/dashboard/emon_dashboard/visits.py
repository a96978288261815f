"""A visit to a page: who comes, in which language, and the way to the gateway in their name.

The session is the gateway's: its access token stands in a cookie that no script reads and no other site sends, and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field
from starlette.datastructures import FormData

from emon_contracts.actors import Role
from emon_dashboard.gateway import Answer, Gateway, Query, SignInNeeded
from emon_dashboard.rendering import pages
from emon_dashboard.rendering.texts import LANGUAGES, Texts, texts_in
from emon_dashboard.settings import DashboardSettings
from emon_platform.http.browsers import came_from_elsewhere, preferred_language

SESSION_COOKIE = "__Host-session"
LANGUAGE_COOKIE = "__Host-language"
LANGUAGE_KEPT_S = 365 * 24 * 3600
FORM_FIELDS_MAX = 300

_PAID = frozenset({Role.NETWORK_ADMIN, Role.COORDINATOR, Role.STAFF})


class Grant(BaseModel):
    """A role for a scope."""

    role: Role
    ags: str | None = None
    organisation_id: UUID | None = None


class NamedMunicipality(BaseModel):
    """A municipality by its name."""

    ags: str
    name: str


class Visitor(BaseModel):
    """Who is signed in, and what they may act as. `named` are the municipalities of their grants."""

    person_id: UUID
    display_name: str
    email: str | None
    locale: str
    grants: tuple[Grant, ...]
    named: tuple[NamedMunicipality, ...] = Field(validation_alias="municipalities")

    def has(self, *roles: Role) -> bool:
        """Whether they hold one of these roles anywhere."""
        return any(grant.role in roles for grant in self.grants)

    @property
    def works_here(self) -> bool:
        """Whether they are staff, a coordinator or the administration somewhere: they see the pages of daily work."""
        return any(grant.role in _PAID for grant in self.grants)

    @property
    def coordinates(self) -> bool:
        """Whether they may enter people and organisations somewhere."""
        return self.has(Role.COORDINATOR, Role.NETWORK_ADMIN)

    @property
    def administers(self) -> bool:
        """Whether they are the platform's administration: all municipalities are theirs, and they name the one they mean."""
        return self.has(Role.NETWORK_ADMIN)

    @property
    def coordinated(self) -> list[str]:
        """The municipalities that they coordinate, by their keys."""
        return sorted({grant.ags for grant in self.grants if grant.ags and grant.role is Role.COORDINATOR})

    def coordinates_in(self, ags: str | None) -> bool:
        """Whether they may enter people and organisations in this municipality."""
        return self.administers or ags in self.coordinated

    @property
    def municipalities(self) -> list[str]:
        """Where they are staff or coordinate, by their keys."""
        return sorted({grant.ags for grant in self.grants if grant.ags and grant.role in _PAID})


class ForeignForm(Exception):
    """A form was sent by a page of somebody else. Nothing is done."""


@dataclass(frozen=True)
class Visit:
    """A request of a browser, before anybody is known to be behind it."""

    request: Request
    gateway: Gateway
    settings: DashboardSettings

    @property
    def token(self) -> str | None:
        """The access token of the session, if there is one."""
        return self.request.cookies.get(SESSION_COOKIE)

    @cached_property
    def language(self) -> str:
        """What was chosen on a page, else what the visitor's record says, else what the browser prefers."""
        chosen = self.request.cookies.get(LANGUAGE_COOKIE)
        return chosen if chosen in LANGUAGES else preferred_language(self.request, LANGUAGES)

    @property
    def texts(self) -> Texts:
        """All texts in the visitor's language."""
        return texts_in(self.language)

    async def form(self) -> FormData:
        """What the form of a page sent."""
        return await self.request.form(max_files=1, max_fields=FORM_FIELDS_MAX)

    def page(self, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> Response:
        """The page. `values` are what its template needs besides what every template has."""
        return pages.html(self.render(template, **values), status, headers)

    def render(self, template: str, **values: Any) -> str:
        """A template, or a part of a page."""
        return pages.render(template, **self._common(), **values)

    def see_other(self, path: str, done: str | None = None) -> Response:
        """From a form that was taken to a page, so that a reload sends nothing again (RFC 9110 section 15.4.4).

        `done` names the text that says there what was done: `meetings.scheduled` is `scheduled` in the table `done` of meetings.
        """
        mark = "&" if "?" in path else "?"
        return Response(status_code=303, headers={**pages.HEADERS, "Location": f"{path}{mark}done={done}" if done else path})

    @property
    def visitor(self) -> Visitor | None:
        """Nobody is known yet."""
        return None

    def _common(self) -> dict[str, Any]:
        part, _, name = self.request.query_params.get("done", "").partition(".")
        done = f"{part}.done.{name}"
        return {
            "t": self.texts,
            "language": self.language,
            "languages": LANGUAGES,
            "visitor": self.visitor,
            "path": self.request.url.path,
            "address": self.request.url.path + (f"?{self.request.url.query}" if self.request.url.query else ""),
            "gateway_url": self.settings.public_url.rstrip("/"),
            "operator_name": self.settings.operator_name,
            "done": self.texts.text(done) if self.texts.has(done) else None,
        }


@dataclass(frozen=True)
class SignedInVisit(Visit):
    """A request of somebody who is signed in."""

    who: Visitor
    access_token: str

    @property
    def visitor(self) -> Visitor:
        """Who is signed in."""
        return self.who

    @cached_property
    def language(self) -> str:
        """What was chosen on a page, else the language of the visitor's mails."""
        chosen = self.request.cookies.get(LANGUAGE_COOKIE)
        spoken = self.who.locale.partition("-")[0]
        return chosen if chosen in LANGUAGES else spoken if spoken in LANGUAGES else LANGUAGES[0]

    async def get(self, path: str, query: Query | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Reads something in the visitor's name. Raises what `gateway` raises."""
        return await self.gateway.ask("GET", path, token=self.access_token, query=query, headers=headers)

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        once: str | None = None,
        etag: str | None = None,
        file: bytes | None = None,
        media_type: str | None = None,
        query: Query | None = None,
    ) -> Answer:
        """Changes something in the visitor's name. Raises what `gateway` raises.

        `once` is the key of a form (`Form.once`), `etag` the state that the visitor saw.
        """
        headers = {
            name: value for name, value in (("Idempotency-Key", once), ("If-Match", etag), ("Content-Type", media_type)) if value
        }
        return await self.gateway.ask(method, path, token=self.access_token, query=query, body=body, file=file, headers=headers)


async def _visit(request: Request) -> Visit:
    settings: DashboardSettings = request.app.state.settings
    if request.method == "POST" and came_from_elsewhere(request, settings.dashboard_url):
        raise ForeignForm
    return Visit(request, request.app.state.gateway, settings)


AnyVisit = Annotated[Visit, Depends(_visit)]


async def _signed_in(visit: AnyVisit) -> SignedInVisit:
    if visit.token is None:
        raise SignInNeeded
    answer = await visit.gateway.ask("GET", "/v1/me", token=visit.token)
    return SignedInVisit(visit.request, visit.gateway, visit.settings, answer.read(Visitor), visit.token)


PersonalVisit = Annotated[SignedInVisit, Depends(_signed_in)]


def sign_in_address(request: Request) -> str:
    """The page for signing in, which leads back here; it says so where a session has ended."""
    query: dict[str, str] = {}
    if request.method == "GET" and request.url.path != "/":
        query["next"] = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if SESSION_COOKIE in request.cookies:
        query["ended"] = "1"
    return f"/sign-in?{urlencode(query)}" if query else "/sign-in"


def own_path(text: object) -> str:
    """A path of this dashboard that somebody is to be led to; `/` for anything that could lead elsewhere (CWE-601)."""
    if not isinstance(text, str) or not text.startswith("/") or text.startswith("//") or "\\" in text or not text.isprintable():
        return "/"
    return text
