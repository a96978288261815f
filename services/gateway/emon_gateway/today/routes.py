"""What needs somebody, over HTTP: read once, or as a stream of server-sent events (WHATWG HTML section 9.2)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import StreamingResponse

from emon_gateway.sign_in import commands as sign_in
from emon_gateway.sign_in.caller import AccessToken, Caller, GatewayParts
from emon_gateway.today.bodies import Today
from emon_gateway.today.reach import words_of
from emon_gateway.today.reading import look
from emon_gateway.today.streams import Sight, Watchers, events
from emon_platform.http.app import NO_PERMISSION, problem_answers
from emon_platform.http.dependencies import ApiDatabase

router = APIRouter(prefix="/v1/today", tags=["today"])

TAG_LENGTH_MAX = 100


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


async def _watchers(request: Request) -> Watchers:
    return request.app.state.watchers


OpenStreams = Annotated[Watchers, Depends(_watchers)]

_STREAM = {
    200: {
        "description": "An event `changed` with the counts whenever something changed for the caller, first of all unless "
        "`Last-Event-ID` is what would be said; a comment every 15 seconds. It ends with the session",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'retry: 3000\n\nid: 5d41402abc4b2a76b971\nevent: changed\ndata: {"feedback":1,"meeting":0,'
                '"invitation":2,"delivery":0,"by_hand":0}\n\n:\n\n',
            }
        },
    }
}


@router.get("", responses={200: {"model": Today}, **problem_answers(401, 429)}, openapi_extra={"x-permission": NO_PERMISSION})
async def read_today(caller: Caller, database: ApiDatabase) -> Response:
    """What needs the caller, the most urgent first.

    Feedback to acknowledge or to answer; meetings of the next 14 days to which replies are missing; the caller's own invitations
    without a reply; deliveries that did not arrive, or may not have; people who can be told something by hand alone. Each as its
    own service shows it, by the caller's roles there. The ETag is the id of the event that would tell of it.
    """
    seen = await look(database, caller.actor, datetime.now(UTC))
    return Response(seen.content, media_type="application/json", headers={"ETag": f'"{seen.tag}"'})


@router.get(
    "/events",
    response_class=EventStream,
    responses={**_STREAM, **problem_answers(401, 429)},
    openapi_extra={"x-permission": NO_PERMISSION},
)
async def stream_today(
    caller: Caller,
    token: AccessToken,
    parts: GatewayParts,
    watchers: OpenStreams,
    database: ApiDatabase,
    last_event_id: Annotated[
        str | None, Header(max_length=TAG_LENGTH_MAX, description="The id of the last event, or the ETag of /v1/today, unquoted")
    ] = None,
) -> Response:
    """Says when something changed in what needs the caller, as server-sent events. An open stream is no use of the session."""
    session = caller.session.token_hash
    watchers.admit(session)

    async def look_again() -> Sight | None:
        now = datetime.now(UTC)
        # Anew each time: grants may have changed, and the session may have ended.
        caller = await sign_in.who_calls(database, token, parts.terms, now, is_use=False)
        return caller and Sight(await look(database, caller.actor, now), words_of(caller.actor))

    return EventStream(
        events(watchers, session, look_again, last_event_id), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
