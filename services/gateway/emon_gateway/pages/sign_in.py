"""The page for signing in: ask for a link, see whom a link signs in, and sign in by pressing the button."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError

from emon_contracts.refusals import Refused
from emon_contracts.values import EmailAddress
from emon_gateway.pages.rendering import language_of, page
from emon_gateway.pages.texts import moment_text
from emon_gateway.parts import Parts
from emon_gateway.sign_in import commands
from emon_gateway.sign_in.caller import GatewayParts
from emon_gateway.sign_in.routes import LINK_TOKEN_LENGTH_MAX
from emon_gateway.sign_in.rules import LinkState
from emon_platform.database import Database
from emon_platform.http.browsers import came_from_elsewhere
from emon_platform.http.dependencies import ApiDatabase
from emon_platform.http.problems import ProblemError

router = APIRouter(prefix="/sign-in", include_in_schema=False)

_EMAIL: TypeAdapter[str] = TypeAdapter(EmailAddress)
_STATUS = {LinkState.USED: 410, LinkState.EXPIRED: 410, LinkState.INVALID: 404}


@router.get("")
async def show(request: Request, parts: GatewayParts, database: ApiDatabase) -> Response:
    """Shows the form for a link, or whom the link of the address signs in. Does nothing: mail scanners follow links."""
    if (limited := await _limited(request, parts)) is not None:
        return limited
    token = request.query_params.get("token")
    if token is None:
        return page(request, "sign_in.html", email="", malformed=False)
    link = await commands.show_link(database, parts.link_key, token[:LINK_TOKEN_LENGTH_MAX], datetime.now(UTC))
    if link.state is not LinkState.VALID:
        return _link_fails(request, link.state)
    return page(request, "confirm.html", name=link.display_name, token=token)


@router.post("")
async def act(request: Request, parts: GatewayParts, database: ApiDatabase) -> Response:
    """Sends a link, or signs in with one."""
    if (limited := await _limited(request, parts)) is not None:
        return limited
    if came_from_elsewhere(request, parts.public_origin):
        return page(request, "notice.html", 403, title="foreign_form", action="sign_in")
    async with request.form(max_files=0, max_fields=5) as form:
        token, email = form.get("token"), form.get("email")
    if isinstance(token, str):
        return await _sign_in(request, parts, database, token)
    return await _send_link(request, parts, database, email if isinstance(email, str) else "")


async def _send_link(request: Request, parts: Parts, database: Database, text: str) -> Response:
    try:
        email = _EMAIL.validate_python(text)
    except ValidationError:
        return page(request, "sign_in.html", 422, email=text[:300], malformed=True)
    try:
        await parts.rates.count_sign_in(request)
    except ProblemError as error:
        return _too_many(request, error)
    if await parts.rates.admits_mail_to(email):
        await commands.ask_for_sign_in_link(database, email, datetime.now(UTC))
    return page(request, "sent.html")


async def _sign_in(request: Request, parts: Parts, database: Database, token: str) -> Response:
    now = datetime.now(UTC)
    try:
        opened = await commands.open_session(database, parts.link_key, token[:LINK_TOKEN_LENGTH_MAX], parts.terms, now)
    except Refused as refused:
        return _link_fails(request, LinkState(refused.refusals[0].code))
    return page(
        request,
        "signed_in.html",
        name=opened.display_name,
        until=moment_text(opened.expires_at, language_of(request)),
        access_token=opened.access_token,
    )


def _link_fails(request: Request, state: LinkState) -> Response:
    return page(request, "notice.html", _STATUS[state], title=state.value, action="new_link")


async def _limited(request: Request, parts: Parts) -> Response | None:
    try:
        await parts.rates.count_stranger(request)
    except ProblemError as error:
        return _too_many(request, error)
    return None


def _too_many(request: Request, error: ProblemError) -> Response:
    headers = {"Retry-After": error.response.headers["Retry-After"]}
    return page(request, "notice.html", 429, headers=headers, title="too_many", action=None)
