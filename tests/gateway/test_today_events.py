"""The stream of what needs somebody: over a real connection, woken by PostgreSQL, and over when the session is."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import aiohttp
import pytest

from emon_contracts.actors import Engagement, Grant, Role
from emon_contracts.directory import MembershipRecord
from emon_contracts.events.notifications import FailedAs
from emon_gateway.sign_in.commands import token_hash
from emon_gateway.today import streams
from emon_gateway.today.bodies import Seen
from emon_platform.database import Database

from tests.gateway.conftest import Platform, Running, person
from tests.gateway.elsewhere import ELSEWHERE, HERE, Elsewhere
from tests.polling import eventually

STAFF = person(memberships=(MembershipRecord(organisation_id=uuid4(), ags=HERE, engagement=Engagement.STAFF),))
STRANGER = person("Fremd", grants=(Grant(role=Role.COORDINATOR, ags=ELSEWHERE),))
PATIENCE_S = 20.0


@dataclass
class Stream:
    """What a client reads of it."""

    answer: aiohttp.ClientResponse

    async def block(self) -> list[str]:
        """The next lines up to an empty one; empty at the end."""
        lines: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self.answer.content.readline()).decode():
                if line == "\n":
                    return lines
                lines.append(line.removesuffix("\n"))
        return lines

    async def event(self) -> tuple[str, dict[str, int]]:
        """Id and data of the next event; what stands before it is passed over."""
        while lines := await self.block():
            if "event: changed" in lines:
                said = dict(line.split(": ", 1) for line in lines)
                return said["id"], json.loads(said["data"])
        raise EOFError

    async def ends(self) -> bool:
        while await self.block():
            pass
        return True


@asynccontextmanager
async def opened(platform: Platform, token: str, **headers: str) -> AsyncGenerator[Stream]:
    answer = await platform.get("/v1/today/events", token, headers=headers)
    try:
        assert answer.status == 200, await answer.text()
        yield Stream(answer)
    finally:
        answer.close()


@pytest.fixture
async def elsewhere(platform: Platform) -> Elsewhere:
    await platform.know(STAFF, STRANGER)
    return Elsewhere(platform.worker)


def quickly(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    for name, value in seconds.items():
        monkeypatch.setattr(streams, name, value)


async def test_it_begins_with_what_there_is_and_goes_on_with_what_changes(platform: Platform, elsewhere: Elsewhere) -> None:
    token = await platform.sign_in(STAFF)
    async with opened(platform, token) as stream:
        assert stream.answer.content_type == "text/event-stream"
        assert stream.answer.headers["Cache-Control"] == "no-store"
        assert await stream.block() == ["retry: 3000"]
        first, counts = await stream.event()
        assert counts == {"feedback": 0, "meeting": 0, "invitation": 0, "delivery": 0, "by_hand": 0}
        await elsewhere.delivery(FailedAs.HELD, uuid4())
        second, counts = await stream.event()
        assert counts["delivery"] == 1
        assert second != first
        today = await platform.get("/v1/today", token)
        assert today.headers["ETag"] == f'"{second}"'


async def test_who_has_seen_it_already_is_told_of_the_next_change_alone(platform: Platform, elsewhere: Elsewhere) -> None:
    token = await platform.sign_in(STAFF)
    tag = (await platform.get("/v1/today", token)).headers["ETag"].strip('"')
    async with opened(platform, token, **{"Last-Event-ID": tag}) as stream:
        await elsewhere.feedback_for(STAFF.person_id)
        _, counts = await stream.event()
        assert counts["feedback"] == 1


async def test_a_revoked_grant_changes_what_is_seen(platform: Platform, elsewhere: Elsewhere) -> None:
    await elsewhere.delivery(FailedAs.HELD, uuid4())
    async with opened(platform, await platform.sign_in(STAFF)) as stream:
        assert (await stream.event())[1]["delivery"] == 1
        await platform.know(STAFF.model_copy(update={"memberships": ()}), version=2)
        assert (await stream.event())[1]["delivery"] == 0


async def test_what_changes_elsewhere_wakes_nobody_here(
    platform: Platform, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One notification wakes all whom it may concern at once, and nobody else: their streams ask the database nothing."""
    quickly(monkeypatch, LOOK_AT_MOST_EVERY_S=0.01)
    token = await platform.sign_in(STRANGER)
    async with opened(platform, token) as stream, opened(platform, await platform.sign_in(STAFF)) as other:
        await stream.event()
        await other.event()
        [watcher] = [item for item in watchers_of(platform).open if item.session == token_hash(token)]
        await elsewhere.delivery(FailedAs.HELD, uuid4())
        assert (await other.event())[1]["delivery"] == 1
        assert not watcher.woken.is_set()
        await elsewhere.delivery(FailedAs.HELD, uuid4(), ags=ELSEWHERE)
        assert (await stream.event())[1]["delivery"] == 1


async def test_what_changes_while_somebody_looks_for_the_first_time_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    quickly(monkeypatch, LOOK_AT_MOST_EVERY_S=0.01)
    watchers, tags = streams.Watchers(1, 1), iter(["before", "after"])

    async def look() -> streams.Sight:
        tag = next(tags)
        if tag == "before":  # the look has read its snapshot; now somebody else commits
            watchers.hear(frozenset({"theirs"}))
        return streams.Sight(Seen(b"{}", b"{}", tag), frozenset({"theirs"}))

    stream = streams.events(watchers, b"session", look, known=None)
    async with asyncio.timeout(PATIENCE_S):
        said = [await anext(stream) for _ in range(3)]
    assert [block.split()[1] for block in said[1:]] == [b"before", b"after"]
    await stream.aclose()


async def test_a_comment_comes_where_nothing_happens(
    platform: Platform, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    quickly(monkeypatch, COMMENT_EVERY_S=0.05, LOOK_AT_MOST_EVERY_S=0.01)
    async with opened(platform, await platform.sign_in(STRANGER)) as stream:
        await stream.event()
        assert [await stream.block() for _ in range(3)] == [[":"]] * 3


def watchers_of(platform: Platform) -> streams.Watchers:
    return platform.app.state.watchers


async def test_it_ends_with_the_session(platform: Platform, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    quickly(monkeypatch, CHECK_EVERY_S=0.5, LOOK_AT_MOST_EVERY_S=0.01)
    token = await platform.sign_in(STAFF)
    async with opened(platform, token) as stream:
        await stream.event()
        await platform.http.delete(platform.url + "/v1/sessions/current", headers={"Authorization": f"Bearer {token}"})
        assert await stream.ends()
    assert (await platform.get("/v1/today/events", token)).status == 401


async def test_it_ends_at_once_with_whoever_is_erased(platform: Platform, elsewhere: Elsewhere) -> None:
    async with opened(platform, await platform.sign_in(STAFF)) as stream:
        await stream.event()
        await platform.forget(STAFF.person_id)
        assert await stream.ends()


async def test_a_connection_that_broke_is_made_anew_and_misses_nothing(
    platform: Platform, elsewhere: Elsewhere, api: Database
) -> None:
    async with opened(platform, await platform.sign_in(STAFF)) as stream:
        await stream.event()
        async with platform.worker.unscoped() as tx:
            # Nobody is told, as if it happened without a listener.
            await tx.execute(
                "INSERT INTO deliveries VALUES (gen_random_uuid(), 1, $1, $1, $2, 'change', 'meetings', 'held', NULL, now())",
                uuid4(),
                HERE,
            )
        ended = await api.pool.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'gateway changes' AND datname = current_database()"
        )
        assert len(ended) == 1
        assert (await stream.event())[1]["delivery"] == 1


async def test_one_session_has_only_so_many(run_platform: Running) -> None:
    platform = await run_platform(streams_per_session=2)
    await platform.know(STAFF, STRANGER)
    token = await platform.sign_in(STAFF)
    async with opened(platform, token) as first, opened(platform, token):
        await first.event()
        refused = await platform.get("/v1/today/events", token)
        assert refused.status == 429
        assert refused.headers["Retry-After"]
        async with opened(platform, await platform.sign_in(STRANGER)):
            pass
    await eventually(lambda: _status(platform, token), lambda status: status == 200)


async def test_one_process_has_only_so_many(run_platform: Running) -> None:
    platform = await run_platform(streams_per_process=1)
    await platform.know(STAFF, STRANGER)
    async with opened(platform, await platform.sign_in(STAFF)) as first:
        await first.event()
        assert (await platform.get("/v1/today/events", await platform.sign_in(STRANGER))).status == 503


async def _status(platform: Platform, token: str) -> int:
    answer = await platform.get("/v1/today/events", token)
    answer.close()
    return answer.status


async def test_nobody_listens_without_a_session(platform: Platform) -> None:
    assert (await platform.get("/v1/today/events")).status == 401


async def test_the_end_of_the_process_ends_every_stream(platform: Platform, elsewhere: Elsewhere) -> None:
    token = await platform.sign_in(STAFF)
    async with opened(platform, token) as stream:
        await stream.event()
        platform.app.state.is_stopping = lambda: True
        assert await stream.ends()
    assert (await platform.get("/v1/today/events", token)).status == 503
