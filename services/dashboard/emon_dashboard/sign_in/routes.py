"""The pages for signing in: ask for a link, see whom a link signs in, press the button; and out again.

GET does nothing: mail scanners follow links.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from emon_dashboard.gateway import Refused, SignInNeeded
from emon_dashboard.rendering.forms import Form
from emon_dashboard.rendering.texts import LANGUAGES
from emon_dashboard.visits import LANGUAGE_COOKIE, LANGUAGE_KEPT_S, SESSION_COOKIE, AnyVisit, Visit, own_path

router = APIRouter()

NEXT_COOKIE = "__Host-next"
NEXT_KEPT_S = 30 * 60  # as long as a link signs in
_PRIVATE: Any = {"secure": True, "httponly": True, "samesite": "lax"}

LinkState = Literal["link-valid", "link-used", "link-expired", "link-invalid"]


class LinkShown(BaseModel):
    """What a link is worth, and whom it signs in."""

    state: LinkState
    display_name: str | None


class SessionOpened(BaseModel):
    """The access token is told once."""

    access_token: str
    expires_at: datetime


@router.get("/sign-in")
async def show(visit: AnyVisit) -> Response:
    """The form that sends a link; with a link's token, whom it signs in."""
    token = visit.request.query_params.get("token")
    following = own_path(visit.request.query_params.get("next"))
    if token is None:
        return visit.page(
            "sign_in/form.html", form=Form({"email": ""}), next=following, ended="ended" in visit.request.query_params
        )
    answer = await visit.gateway.ask("POST", "/v1/sign-in-links/preview", body={"token": token})
    link = answer.read(LinkShown)
    if link.state != "link-valid":
        return _link_fails(visit, link.state)
    return visit.page("sign_in/confirm.html", token=token, name=link.display_name)


@router.post("/sign-in")
async def ask_for_link(visit: AnyVisit) -> Response:
    """Sends a link. The answer is the same whether anybody reads this mailbox."""
    sent = await visit.form()
    form = Form({"email": str(sent.get("email", "")).strip()})
    following = own_path(sent.get("next"))
    try:
        await visit.gateway.ask("POST", "/v1/sign-in-links", body={"email": form.values["email"]})
    except Refused as refusal:
        return visit.page("sign_in/form.html", 422, form=form.refused(refusal, visit.texts), next=following, ended=False)
    response = visit.see_other("/sign-in/sent")
    # The link in the mail knows nothing of where the visitor wanted to go; the browser that asked for it does.
    response.set_cookie(NEXT_COOKIE, following, max_age=NEXT_KEPT_S, **_PRIVATE)
    return response


@router.get("/sign-in/sent")
async def link_is_sent(visit: AnyVisit) -> Response:
    """What happens next."""
    return visit.page("sign_in/sent.html")


@router.post("/sign-in/session")
async def open_session(visit: AnyVisit) -> Response:
    """Signs in with a link, once."""
    sent = await visit.form()
    try:
        answer = await visit.gateway.ask("POST", "/v1/sessions", body={"token": str(sent.get("token", ""))})
    except Refused as refusal:
        states = refusal.codes & {"link-used", "link-expired"}
        return _link_fails(visit, next(iter(states), "link-invalid"))
    response = visit.see_other(own_path(visit.request.cookies.get(NEXT_COOKIE)))
    response.set_cookie(SESSION_COOKIE, answer.read(SessionOpened).access_token, **_PRIVATE)
    response.delete_cookie(NEXT_COOKIE, **_PRIVATE)
    return response


@router.post("/sign-out")
async def sign_out(visit: AnyVisit) -> Response:
    """Ends the session, at the gateway and here."""
    if visit.token is not None:
        with suppress(SignInNeeded):  # it had ended already
            await visit.gateway.ask("DELETE", "/v1/sessions/current", token=visit.token)
    response = visit.see_other("/sign-in", done="sign_in.signed_out")
    response.delete_cookie(SESSION_COOKIE, **_PRIVATE)
    return response


@router.post("/language")
async def choose_language(visit: AnyVisit) -> Response:
    """From now on all pages are in this language."""
    sent = await visit.form()
    response = visit.see_other(own_path(sent.get("next")))
    language = sent.get("language")
    if language in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, str(language), max_age=LANGUAGE_KEPT_S, **_PRIVATE)
    return response


def _link_fails(visit: Visit, state: str) -> Response:
    status = 404 if state == "link-invalid" else 410
    return visit.page("sign_in/link_fails.html", status, state=state.replace("-", "_"))
