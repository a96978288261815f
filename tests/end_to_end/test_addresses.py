"""Somebody whom no mail reached gets an address, and what they missed arrives after all."""

import re
import secrets

from tests.end_to_end.conftest import CANARY, HERE, World, meeting
from tests.end_to_end.test_erasure import places_of, press
from tests.end_to_end.test_round_table import settled
from tests.polling import eventually


async def confirm(world: World, address: str) -> str:
    """Presses the button behind the link in the newest mail to this address, which asks whether it is the reader's."""
    mail = await world.mailbox.next_to(address, 0)
    found = re.search(r"/links/[A-Za-z0-9_-]+", mail["Text"])
    assert found, mail["Text"]
    _, shown, _ = await world.visitor.ask("GET", found[0])
    assert address in shown
    status, done = await press(world, found[0], confirmation="confirm")
    assert (status, "Ihre Adresse ist bestätigt" in done) == (200, True)
    return found[0]


async def test_an_address_is_proposed_confirmed_and_changed_again_by_its_owner(world: World) -> None:
    coordinator = await world.coordinator()
    first, second = (f"{secrets.token_hex(4)}.{CANARY.lower()}@example.org" for _ in range(2))
    circle = await world.organisation()
    body = {
        "display_name": f"{CANARY} ohne Adresse",
        "memberships": [{"organisation_id": circle, "engagement": "volunteer"}],
    }
    kim = (await coordinator.post("/v1/people", body))["id"]
    made = await coordinator.post("/v1/meetings", meeting(circle))
    [delivery] = await settled(coordinator, made["id"], 1)
    assert delivery["status"] == "by_hand"

    # A coordinator proposes an address for somebody without; it is theirs once they say so.
    proposed = await coordinator.post(f"/v1/people/{kim}/address-change", {"email": first}, expected=202)
    assert proposed["email"] == first
    assert (await coordinator.get(f"/v1/people/{kim}"))["email"] is None
    path = await confirm(world, first)
    assert (await coordinator.get(f"/v1/people/{kim}"))["email"] == first
    assert (await world.visitor.ask("GET", path))[0] == 200, "a second look says that it is done"
    themself = await world.signed_in(first)

    # Now that it takes mail, nobody but the person changes it: what the coordinator proposes is asked of nobody.
    elsewhere = f"{secrets.token_hex(4)}.{CANARY.lower()}@example.org"
    await coordinator.post(f"/v1/people/{kim}/address-change", {"email": elsewhere}, expected=202)

    async def outcomes() -> list[tuple[str, str, str | None]]:
        page = await coordinator.get(f"/v1/deliveries?person_id={kim}")
        return [(item["kind"], item["status"], item["reason"]) for item in page["items"]]

    await eventually(outcomes, lambda found: ("address_confirmation", "skipped", "address-takes-mail") in found)
    assert await world.mailbox.count_to(elsewhere) == 0

    told = await world.mailbox.count_to(first)
    await themself.post(f"/v1/people/{kim}/address-change", {"email": second}, expected=202)
    await confirm(world, second)
    notice = await world.mailbox.next_to(first, told)
    assert notice["Subject"] == "Ihre E-Mail-Adresse bei EmON ist geändert"
    assert second not in notice["Text"]
    assert (await themself.get(f"/v1/people/{kim}/record"))["former_emails"] == [first]
    await world.signed_in(second)
    # Whom mail reaches gets the next invitation there.
    again = await coordinator.post("/v1/meetings", meeting(circle, ags=HERE))
    [delivery] = await settled(coordinator, again["id"], 1)
    assert delivery["status"] == "accepted"
    assert [item["To"][0]["Address"] for item in await world.mailbox.about(again["title"], 1)] == [second]

    async def forgotten() -> list[str]:
        return await places_of(world, elsewhere)

    assert set(await forgotten()) <= {"contacts.address_changes", "contacts.outbox", "notifications.address_changes"}
