"""Anonymous feedback at the service itself; what the gateway strips is tested with the gateway."""

import hashlib
from typing import Any
from uuid import uuid4

import pytest

from emon_contracts.actors import ANONYMOUS, Actor, Grant, Role
from emon_platform.database import Database

from tests.feedback.conftest import HERE, TOWN_HALL, Town, events, last_event
from tests.service_api import ServiceApi as Api

BODY: dict[str, Any] = {"kind": "problem", "text": "Niemand hört zu.", "about": {"organisation_id": str(TOWN_HALL)}}


async def submit(api: Api, **changes: Any) -> tuple[dict[str, Any], str]:
    """Body and path of new anonymous feedback."""
    answer = await api.as_(ANONYMOUS).post("/v1/anonymous-feedback", json={**BODY, **changes})
    assert answer.status_code == 201, answer.text
    secret = answer.json()["link"].rpartition("/")[2]
    return answer.json(), f"/v1/anonymous-feedback/{secret}"


async def test_an_anonymous_author_reads_the_answer_writes_back_and_rates(api: Api, town: Town, worker: Database) -> None:
    clerk = await town.staff()
    made, path = await submit(api)
    assert made["link"].startswith("http://127.0.0.1:8080/anonymous-feedback/")
    own = f"/v1/feedback/{made['id']}"
    seen = (await api.as_(clerk).get(own)).json()
    assert (seen["anonymous"], seen["author_id"], seen["author_name"], seen["ags"]) == (True, None, None, HERE)
    await api.as_(clerk).post(f"{own}/answer", json={"text": "Doch."})
    read = (await api.as_(ANONYMOUS).get(path)).json()
    assert (read["answer"]["text"], read["may"]) == ("Doch.", ["rate", "write"])
    assert "link" not in read
    assert "asked" not in read
    written = await api.as_(ANONYMOUS).post(f"{path}/messages", json={"text": "Na gut."})
    assert written.json()["messages"][0]["text"] == "Na gut."
    rated = await api.as_(ANONYMOUS).post(f"{path}/rating", json={"stars": 3})
    assert (rated.json()["status"], rated.json()["rating"]["stars"]) == ("rated", 3)
    assert [(kind, event.get("author_id")) for kind, event in await events(worker)] == [
        ("feedback-submitted", None),
        ("feedback-answered", None),
        ("feedback-continued", None),
    ]
    assert (await last_event(worker))[1]["asked"] == [str(clerk.person_id)]


async def test_of_the_secret_only_a_hash_is_stored(api: Api, town: Town, worker: Database) -> None:
    _, path = await submit(api)
    secret = path.rpartition("/")[2]
    assert len(secret) == 32
    async with worker.unscoped() as tx:
        row = await tx.fetchrow("SELECT feedback::text AS row, secret_hash FROM feedback")
    assert row["secret_hash"] == hashlib.sha256(secret.encode()).digest()
    assert secret not in row["row"]


async def test_a_secret_opens_its_own_feedback_alone(api: Api, town: Town) -> None:
    await submit(api)
    made, path = await submit(api, text="Ein anderes.")
    assert (await api.as_(ANONYMOUS).get(path)).json()["id"] == made["id"]
    for wrong in ("x", "A" * 32, path.rpartition("/")[2][:-1], path.rpartition("/")[2] + "a", "%00" * 32):
        for answer in (
            await api.as_(ANONYMOUS).get(f"/v1/anonymous-feedback/{wrong}"),
            await api.as_(ANONYMOUS).post(f"/v1/anonymous-feedback/{wrong}/messages", json={"text": "x"}),
            await api.as_(ANONYMOUS).post(f"/v1/anonymous-feedback/{wrong}/rating", json={"stars": 1}),
        ):
            assert answer.status_code == 404, wrong


async def test_whoever_is_known_cannot_use_the_anonymous_route_and_nobody_the_others(api: Api, town: Town) -> None:
    _, path = await submit(api)
    for known in (await town.volunteer(), Actor(uuid4(), (Grant(role=Role.NETWORK_ADMIN),))):
        assert (await api.as_(known).post("/v1/anonymous-feedback", json=BODY)).status_code == 403
        assert (await api.as_(known).get(path)).status_code == 403
    for route in ("/v1/feedback", f"/v1/feedback/{uuid4()}"):
        assert (await api.as_(ANONYMOUS).get(route)).status_code in (403, 404)
    assert (await api.as_(ANONYMOUS).post("/v1/feedback", json=BODY)).status_code == 403


async def test_the_municipality_is_needed_where_nothing_gives_it(api: Api, town: Town) -> None:
    for about in (None, {"topic": "Sprachkurse"}):
        answer = await api.as_(ANONYMOUS).post("/v1/anonymous-feedback", json={**BODY, "about": about})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "which-municipality")
        made, _ = await submit(api, about=about, ags=HERE)
        assert made["ags"] == HERE


async def test_an_idempotency_key_of_an_anonymous_author_is_not_kept(api: Api, town: Town, worker: Database) -> None:
    headers = {"Idempotency-Key": "Kanarienvogel"}
    ids = {(await api.as_(ANONYMOUS).post("/v1/anonymous-feedback", json=BODY, headers=headers)).json()["id"] for _ in range(2)}
    assert len(ids) == 2
    async with worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(*) FROM idempotency_keys") == 0


@pytest.mark.parametrize("role", [Role.COORDINATOR, None])
async def test_anonymous_feedback_about_a_person_does_not_reach_them_either(api: Api, town: Town, role: Role | None) -> None:
    about = await (town.coordinator() if role else town.volunteer())
    made, _ = await submit(api, about={"person_id": str(about.person_id)})
    assert (await api.as_(about).get(f"/v1/feedback/{made['id']}")).status_code == 404
    assert (await api.as_(about).get("/v1/feedback")).json()["items"] == []
