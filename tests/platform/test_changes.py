"""Hints of what changed: in few notifications, after the commit, and never of what was rolled back."""

import asyncio
from uuid import UUID, uuid4

import pytest
from hypothesis import given, strategies as st

from emon_embedded.service_databases import ServiceDatabase
from emon_platform.changes import EVERYBODYS, PAYLOAD_BYTES_MAX, TOLD_APART_MAX, Listening, payloads_of
from emon_platform.database import Database

from tests.polling import eventually


@given(st.sets(st.uuids(), max_size=600))
def test_what_is_said_is_said_whole_and_in_few_notifications(people: set[UUID]) -> None:
    payloads = payloads_of(map(str, people))
    assert {UUID(word) for payload in payloads for word in payload.split(" ")} == people
    assert all(len(payload) <= PAYLOAD_BYTES_MAX for payload in payloads)
    assert len(payloads) <= len(people) // 200 + 1


def test_too_many_to_tell_apart_are_everybody() -> None:
    assert payloads_of(str(uuid4()) for _ in range(TOLD_APART_MAX + 1)) == [EVERYBODYS]
    assert payloads_of(["08115003", EVERYBODYS]) == [EVERYBODYS]


async def test_a_change_is_heard_after_its_commit(api: Database, worker: Database, urls: ServiceDatabase) -> None:
    heard: list[frozenset[str]] = []
    listening = asyncio.create_task(Listening(urls.api_url, "test listening", heard.append).run())
    try:
        await eventually(lambda: _copy(heard), lambda found: found == [frozenset({EVERYBODYS})])
        person = uuid4()
        with pytest.raises(ZeroDivisionError):
            async with worker.unscoped() as tx:
                tx.note_changes("08999001")
                raise ZeroDivisionError
        async with worker.unscoped() as tx:
            tx.note_changes("08115003", person)
            await asyncio.sleep(0.1)
            assert len(heard) == 1, "nothing is said of what is not committed"
        await eventually(lambda: _copy(heard), lambda found: len(found) == 2)
        assert heard[1] == {"08115003", str(person)}
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _copy(heard: list[frozenset[str]]) -> list[frozenset[str]]:
    return [*heard]
