"""Addresses that change: proposed over HTTP, confirmed by the link that went there, and told to the directory alone."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest

from emon_contacts.addresses.commands import forget_past_changes
from emon_contracts.actors import Actor, LinkCapability, LinkPurpose, Role
from emon_embedded.service_databases import ServiceDatabase
from emon_embedded.stack import RunningPostgreSQL
from emon_platform.database import Database

from tests.contacts.conftest import ELSEWHERE, Api, Outbox, coordinator_of, holder, member

OLD, NEW = "alt@example.org", "neu@example.org"


Passes = Callable[[timedelta], Awaitable[None]]


@pytest.fixture
def passes(postgresql: RunningPostgreSQL, urls: ServiceDatabase) -> Passes:
    """As if everything had happened so much earlier."""

    async def passes(time: timedelta) -> None:
        superuser = await asyncpg.connect(postgresql.superuser_url, database=urls.name, ssl=False)
        await superuser.execute(
            """
            UPDATE address_changes
            SET proposed_at = proposed_at - $1::interval,
                expires_at = expires_at - $1::interval,
                confirmed_at = confirmed_at - $1::interval
            """,
            time,
        )
        await superuser.close()

    return passes


@pytest.fixture
async def kim(api: Api, coordinator: Actor) -> str:
    circle = await api.organisation(coordinator)
    return (await api.person(coordinator, "Kim Muster", circle, email=OLD)).json()["id"]


async def propose(api: Api, actor: Actor, person_id: str, email: str = NEW) -> httpx.Response:
    return await api.as_(actor).post(f"/v1/people/{person_id}/address-change", json={"email": email})


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def link(person_id: str, revision: int = 1) -> Actor:
    """Whoever reads the mail that went to the proposed address."""
    return Actor(UUID(person_id), link=LinkCapability(LinkPurpose.ADDRESS, UUID(person_id), revision))


async def confirm(api: Api, actor: Actor, person_id: str) -> httpx.Response:
    return await api.as_(actor).post(f"/v1/people/{person_id}/address-change/confirmation")


async def address(api: Api, coordinator: Actor, person_id: str) -> str | None:
    return (await api.as_(coordinator).get(f"/v1/people/{person_id}")).json()["email"]


async def changes_told(outbox: Outbox) -> list[tuple[str, bool, bool]]:
    """What the directory was told last: (address, confirmed, by themself)."""
    record = (await outbox.events("directory.people"))[-1].body
    return [(item["email"], item["confirmed"], item["by_themself"]) for item in record["address_changes"]]


@pytest.mark.parametrize("by", ["session", "correction link"])
async def test_a_person_changes_their_address_by_a_link_to_the_new_one(
    api: Api, coordinator: Actor, kim: str, outbox: Outbox, by: str
) -> None:
    proposed = await propose(api, Actor(UUID(kim)) if by == "session" else holder(kim, LinkPurpose.CORRECTION), kim)
    assert proposed.status_code == 202, proposed.text
    assert proposed.json()["email"] == NEW
    assert await address(api, coordinator, kim) == OLD
    assert await changes_told(outbox) == [(NEW, False, True)]
    record = (await api.as_(Actor(UUID(kim))).get(f"/v1/people/{kim}/record")).json()
    assert (record["email"], record["pending_email"], record["former_emails"]) == (OLD, NEW, [])
    path = f"/v1/people/{kim}/address-change"
    asked = await api.as_(link(kim)).get(path)
    assert asked.json() == {"display_name": "Kim Muster", "email": NEW, "confirmed": False}
    for _ in range(2):  # a second time changes nothing
        confirmed = await confirm(api, link(kim), kim)
        assert confirmed.json() == {"display_name": "Kim Muster", "email": NEW, "confirmed": True}
    assert (await api.as_(link(kim)).get(path)).json()["confirmed"]
    assert await address(api, coordinator, kim) == NEW
    assert await changes_told(outbox) == [(OLD, True, True)]
    assert [event.sequence for event in await outbox.events("directory.people")] == [1, 2, 3]
    record = (await api.as_(Actor(UUID(kim))).get(f"/v1/people/{kim}/record")).json()
    assert (record["email"], record["pending_email"], record["former_emails"]) == (NEW, None, [OLD])


async def test_no_address_stands_in_an_event(api: Api, kim: str, outbox: Outbox) -> None:
    await propose(api, Actor(UUID(kim)), kim)
    await confirm(api, link(kim), kim)
    facts = await outbox.events("contacts.events")
    assert len([event for event in facts if event.type.endswith("person-changed.v1")]) == 2
    assert not any(mail in str(event.body) for event in facts for mail in (OLD, NEW))


async def test_the_link_shows_and_does_nothing_else(api: Api, kim: str, coordinator: Actor) -> None:
    await propose(api, Actor(UUID(kim)), kim)
    client = api.as_(link(kim))
    for path in ("", "/record", "/working-week"):
        assert (await client.get(f"/v1/people/{kim}{path}")).status_code == 403
    assert (await client.post(f"/v1/people/{kim}/address-change", json={"email": NEW})).status_code == 403
    for other in (Actor(UUID(kim)), coordinator, holder(kim, LinkPurpose.CORRECTION)):
        assert (await confirm(api, other, kim)).status_code == 403, "not without the mail"
        assert (await api.as_(other).get(f"/v1/people/{kim}/address-change")).status_code == 403
    assert await address(api, coordinator, kim) == OLD


async def test_the_newest_proposal_counts_and_not_for_ever(api: Api, kim: str, coordinator: Actor, passes: Passes) -> None:
    await propose(api, Actor(UUID(kim)), kim, "erst@example.org")
    await propose(api, Actor(UUID(kim)), kim)
    for outdated in (link(kim), link(kim, 3)):
        assert (await confirm(api, outdated, kim)).status_code == 404
        assert (await api.as_(outdated).get(f"/v1/people/{kim}/address-change")).status_code == 404
    await passes(timedelta(days=3))
    assert (await confirm(api, link(kim, 2), kim)).status_code == 404
    assert await address(api, coordinator, kim) == OLD


async def test_a_coordinator_proposes_for_whom_they_could_enter(
    api: Api, coordinator: Actor, stranger: Actor, administrator: Actor, kim: str, outbox: Outbox
) -> None:
    circle = (await api.as_(coordinator).get("/v1/organisations")).json()["items"][0]
    for actor, status in ((stranger, 404), (member(Role.STAFF, circle["id"]), 404), (member(Role.VOLUNTEER, circle["id"]), 404)):
        assert (await propose(api, actor, kim)).status_code == status
    assert (await propose(api, coordinator, kim)).status_code == 202
    assert await changes_told(outbox) == [(NEW, False, False)]
    assert (await confirm(api, link(kim), kim)).status_code == 200
    assert await address(api, coordinator, kim) == NEW
    # Somebody who is active elsewhere too, or may do more, mends it themselves, or the administration proposes it.
    await api.as_(administrator).post(f"/v1/people/{kim}/grants", json={"role": "network_admin"})
    assert refusal(await propose(api, coordinator, kim, OLD)) == (409, "person-shared")
    assert (await propose(api, administrator, kim, OLD)).status_code == 202


async def test_a_coordinator_of_both_municipalities_only(api: Api, coordinator: Actor, stranger: Actor, kim: str) -> None:
    far = await api.organisation(stranger, "Café Welt", ags=ELSEWHERE)
    await api.person(stranger, "Kim Muster", far, email=OLD)
    assert refusal(await propose(api, coordinator, kim)) == (409, "person-shared")
    assert (await propose(api, coordinator_of("08115003", ELSEWHERE), kim)).status_code == 202


async def test_somebody_without_address_gets_one(api: Api, coordinator: Actor, outbox: Outbox) -> None:
    circle = await api.organisation(coordinator)
    toni = (await api.person(coordinator, "Toni Muster", circle)).json()["id"]
    assert (await propose(api, coordinator, toni)).status_code == 202
    assert (await confirm(api, link(toni), toni)).status_code == 200
    assert await address(api, coordinator, toni) == NEW
    assert await changes_told(outbox) == [], "there is no former address to write to"


async def test_the_persons_own_proposal_stands_above_a_coordinators(
    api: Api, coordinator: Actor, kim: str, passes: Passes
) -> None:
    await propose(api, Actor(UUID(kim)), kim)
    assert refusal(await propose(api, coordinator, kim, "x@example.org")) == (409, "address-pending")
    await passes(timedelta(days=3))
    assert (await propose(api, coordinator, kim, "x@example.org")).status_code == 202
    assert (await propose(api, Actor(UUID(kim)), kim)).status_code == 202


async def test_what_is_refused(api: Api, kim: str, passes: Passes) -> None:
    themself = Actor(UUID(kim))
    assert refusal(await propose(api, themself, kim, OLD.upper())) == (422, "address-unchanged")
    assert (await propose(api, themself, kim, "no address")).status_code == 422
    for number in range(5):
        assert (await propose(api, themself, kim, f"n{number}@example.org")).status_code == 202
    assert refusal(await propose(api, themself, kim)) == (409, "too-many-proposals")
    await passes(timedelta(days=1, minutes=1))
    assert (await propose(api, themself, kim)).status_code == 202


async def test_an_address_that_a_namesake_has_is_not_taken(api: Api, coordinator: Actor, kim: str) -> None:
    """A person is recognised by address and name. Who proposes it is not told that there is one."""
    circle = (await api.as_(coordinator).get("/v1/organisations")).json()["items"][0]
    await api.person(coordinator, "Kim Muster", circle, email=NEW)
    assert (await propose(api, Actor(UUID(kim)), kim)).status_code == 202
    assert refusal(await confirm(api, link(kim), kim)) == (409, "person-exists")
    assert await address(api, coordinator, kim) == OLD


async def test_what_is_over_is_forgotten_everywhere(api: Api, kim: str, worker: Database, outbox: Outbox, passes: Passes) -> None:
    themself = Actor(UUID(kim))

    async def forget() -> None:
        async with worker.unscoped() as tx:
            await forget_past_changes(tx)

    await propose(api, themself, kim)
    await forget()
    assert await changes_told(outbox) == [(NEW, False, True)]
    await confirm(api, link(kim), kim)
    await passes(timedelta(days=6))
    await forget()
    assert await changes_told(outbox) == [(OLD, True, True)]
    await passes(timedelta(days=1))
    await forget()
    assert await changes_told(outbox) == []
    await propose(api, themself, kim, OLD)
    await passes(timedelta(days=3))
    await forget()
    assert await changes_told(outbox) == []
    record = (await api.as_(themself).get(f"/v1/people/{kim}/record")).json()
    assert (record["email"], record["pending_email"], record["former_emails"]) == (NEW, None, [])


async def test_an_erased_person_leaves_no_address(api: Api, kim: str, worker: Database) -> None:
    await propose(api, Actor(UUID(kim)), kim)
    assert (await api.as_(Actor(UUID(kim))).post(f"/v1/people/{kim}/erasure")).status_code == 204
    assert (await confirm(api, link(kim), kim)).status_code == 404
    async with worker.unscoped() as tx:
        assert await tx.fetchval("SELECT count(*) FROM address_changes") == 0
