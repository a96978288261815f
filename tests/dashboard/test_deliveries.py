"""Deliveries on pages: every code in words, and what staff decide."""

import importlib
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from emon_dashboard.deliveries.reads import ACTIONS, GROUPS, Action, Attempt, Delivery
from emon_dashboard.deliveries.words import cause, meaning, why
from emon_dashboard.rendering.texts import LANGUAGES, Texts, texts_in
from emon_notifications.deliveries.rules import Cause, Kind, Status, sources
from emon_notifications.smtp import Stage
from emon_platform.database import Database

from tests.dashboard.conftest import NewWalk
from tests.end_to_end.conftest import HERE, World, meeting
from tests.polling import eventually

NOTIFICATIONS = Path(str(importlib.import_module("emon_notifications").__file__)).parent
# Codes of other things that stand in the same words: headers, and the types of problems.
NO_REASONS = {"auto-generated", "message-id", "reply-to", "x-permission", "content-id"}


def codes_in_the_source() -> set[str]:
    """Everything in quotation marks that is written like a reason, in Python as in SQL, but for codes of refusals."""
    found: set[str] = set()
    for file in NOTIFICATIONS.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        refusals = set(re.findall(r"Refusal\(\s*\"([a-z-]+)\"", source))
        found |= set(re.findall(r"[\"']([a-z]+(?:-[a-z]+)+)[\"']", source)) - refusals
    return found - NO_REASONS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_of_notifications_has_its_words(language: str) -> None:
    texts = texts_in(language)["deliveries"]
    assert isinstance(texts, Texts)

    def names(table: str) -> set[str]:
        found = texts[table]
        assert isinstance(found, Texts)
        return set(found)

    assert names("status") == names("meanings") == {status.value for status in Status}
    assert names("kinds") >= {kind.value for kind in Kind}
    assert names("refused_at") == {f"{stage.value}_{first}" for stage in Stage for first in "45"}
    assert codes_in_the_source() <= names("reasons") | names("settlements")
    assert {"no-reply", "mailer-ended", "from-before-the-restore", "newer-planned"} <= codes_in_the_source()
    schema = (NOTIFICATIONS / "migrations" / "0001_notifications.sql").read_text(encoding="utf-8")
    [outcomes] = re.findall(r"outcome IN \(([^)]*)\)", schema)
    assert names("outcomes") == {*re.findall(r"'(\w+)'", outcomes), "under_way"}


def test_every_state_is_in_one_group_and_offers_what_the_service_does() -> None:
    grouped = [status for query in GROUPS.values() for status in cast("Sequence[str]", query.get("status", ()))]
    assert sorted(grouped) == sorted(status.value for status in Status)
    offered = {action: {status for status, actions in ACTIONS.items() if action in actions} for action in Action}
    assert offered[Action.RELEASE] == set(sources(Cause.STAFF_RELEASED))
    assert offered[Action.CANCELLATION] == set(sources(Cause.STAFF_CANCELLED))
    assert offered[Action.RETRY] == {"bounced", "suppressed"}
    assert offered[Action.SETTLEMENT] == {"bounced", "suppressed", "by_hand"}


@pytest.mark.parametrize(
    ("stage", "code", "reply", "expected"),
    [
        ("rcpt", 550, "550 5.1.1 User unknown", "unknown_address"),
        ("rcpt", 550, "550 no such user here", "unknown_address"),
        ("rcpt", 550, "550 5.7.1 Blocked by policy", "policy"),
        ("rcpt", 550, "550 5.2.1 Mailbox disabled", "closed_mailbox"),
        ("rcpt", 452, "452 4.2.2 Mailbox full", "full_mailbox"),
        ("rcpt", 451, "451 4.7.1 Greylisted", "policy"),
        ("rcpt", 450, "450 try again", "later"),
        ("data", 421, "421 going down", "their_server"),
        ("content", 550, "550 not like this", "refused"),
        ("content", 552, "552 5.3.4 too big", "too_large"),
        ("content", 554, "554 spam", "policy"),
        ("mail", 550, "550 5.1.1 go away", "sender"),
        ("rcpt", 599, "599 what", "refused"),
        ("rcpt", 450, "450 4.9.9 what", "later"),
    ],
)
def test_a_mail_servers_reply_in_plain_words(stage: str, code: int, reply: str, expected: str) -> None:
    assert cause(stage, code, reply) == expected
    for language in LANGUAGES:
        assert texts_in(language).has(f"deliveries.causes.{expected}")


def delivery(status: str, reason: str | None, **changes: Any) -> Delivery:
    """A delivery as the gateway shows it."""
    body: dict[str, Any] = {
        "id": "00000000-0000-4000-8000-000000000001",
        "subject_id": "00000000-0000-4000-8000-000000000002",
        "person_id": "00000000-0000-4000-8000-000000000003",
        "display_name": "Kim",
        "kind": "invitation",
        "status": status,
        "reason": reason,
        "not_before": None,
        "expires_at": "2027-03-01T10:00:00Z",
        "attempts": 1,
        "created_at": "2027-03-01T10:00:00Z",
        "updated_at": "2027-03-01T10:00:00Z",
    }
    return Delivery.model_validate({**body, **changes})


def test_why_and_what_became_of_a_try() -> None:
    texts = texts_in("de")
    assert why(texts, delivery("bounced", "rcpt-550")) == "Der Mailserver lehnt diese Adresse ab."
    assert why(texts, delivery("deferred", "mail-451")) == texts.text("deliveries.refused_at.mail_4")
    assert why(texts, delivery("held", "from-before-the-restore")) == texts.text("deliveries.reasons.from-before-the-restore")
    assert why(texts, delivery("by_hand", "no-address")) is None, "the state says it"
    assert why(texts, delivery("expired", "something-new")) is None
    assert why(texts, delivery("accepted", None)) is None
    tried = {"started_at": "2027-03-01T10:00:00Z", "finished_at": "2027-03-01T10:00:01Z"}
    refused = Attempt.model_validate({**tried, "outcome": "bounced", "stage": "rcpt", "code": 550, "reply": "550 5.1.1 unknown"})
    assert meaning(texts, refused).startswith("Diese Adresse gibt es dort nicht.")
    assert meaning(texts, refused).endswith("EmON versucht es nicht wieder.")
    doubtful = Attempt.model_validate({**tried, "outcome": "uncertain", "stage": None, "code": None, "reply": "timed out"})
    assert meaning(texts, doubtful) == texts.text("deliveries.outcomes.uncertain")
    running = Attempt.model_validate({**tried, "finished_at": None, "outcome": None, "stage": None, "code": None, "reply": None})
    assert meaning(texts, running) == texts.text("deliveries.outcomes.under_way")


def test_what_was_settled_needs_nobody() -> None:
    assert delivery("bounced", "rcpt-550").needs_somebody
    settled = delivery("bounced", "rcpt-550", settlement="settled-by-staff")
    assert not settled.needs_somebody
    assert settled.actions == [Action.RETRY]


async def invited(world: World) -> tuple[str, dict[str, str], str]:
    """A round table to which two with an address and one without are invited: its id, delivery by person, and a coordinator."""
    circle = await world.organisation()
    people = [(await world.person((circle, "volunteer")))[0] for _ in range(2)]
    without: dict[str, Any] = {
        "display_name": f"Ohne Adresse {secrets.token_hex(4)}",
        "email": None,
        "locale": "de",
        "grants": [],
    }
    membership = {"organisation_id": circle, "engagement": "volunteer"}
    people.append((await world.admin.post("/v1/people", {**without, "memberships": [membership]}))["id"])
    _, coordinator = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    scheduled = (await world.admin.post("/v1/meetings", meeting(circle)))["id"]

    async def look() -> list[Any]:
        return (await world.admin.get(f"/v1/deliveries?subject_id={scheduled}"))["items"]

    found = await eventually(
        look, lambda items: sorted(item["status"] for item in items) == ["accepted", "accepted", "by_hand"], within_s=30
    )
    by_person = {item["person_id"]: item["id"] for item in found}
    return (
        scheduled,
        {name: by_person[person] for name, person in zip(("first", "second", "third"), people, strict=True)},
        coordinator,
    )


async def happen(world: World, delivery_id: str, status: str, reason: str, outcome: str, reply: str) -> None:
    """Writes into the ledger what a mail server did, which here takes everything."""
    database = await Database.connect(world.process.where.services["notifications"].database.worker_url, name="test")
    code = int(reply[:3]) if reply[:3].isdigit() else None
    async with database.unscoped() as tx:
        mail_id = await tx.fetchval(
            "UPDATE deliveries SET status = $2, reason = $3 WHERE id = $1::uuid RETURNING mail_id", delivery_id, status, reason
        )
        await tx.execute(
            "UPDATE attempts SET outcome = $2, stage = $3, code = $4, reply = $5 WHERE mail_id = $1",
            mail_id,
            outcome,
            reason.partition("-")[0] if code else None,
            code,
            reply,
        )
    await database.close()


async def test_what_is_in_doubt_is_sent_once_more_and_what_bounced_after_the_address_was_mended(
    world: World, new_walk: NewWalk
) -> None:
    scheduled, ids, coordinator = await invited(world)
    await happen(world, ids["first"], "uncertain", "no-reply", "uncertain", "the connection was lost")
    await happen(world, ids["second"], "bounced", "rcpt-550", "bounced", "550 5.1.1 [recipient]: no such user")
    walk = await new_walk(coordinator)
    page = walk.page
    await walk.open(f"/deliveries?subject_id={scheduled}")
    await walk.look("deliveries-of-a-meeting")
    assert await page.locator("tbody tr").count() == 3
    await page.get_by_role("link", name="Braucht Sie").click()
    await walk.look("deliveries-that-need-somebody")
    assert await page.locator("tbody tr").count() == 3

    await walk.open(f"/deliveries/{ids['first']}")
    await walk.look("delivery-uncertain")
    shown = await page.locator("main").inner_text()
    for part in ("ungewiss", "kann sie also doppelt ankommen", "Sie kann angekommen sein", "the connection was lost"):
        assert part in shown
    await page.get_by_role("button", name="Noch einmal schicken").click()
    await page.get_by_text("Die E-Mail geht jetzt hinaus").wait_for()

    await walk.open(f"/deliveries/{ids['second']}")
    await walk.look("delivery-bounced")
    shown = await page.locator("main").inner_text()
    for part in ("nicht zustellbar", "Diese Adresse gibt es dort nicht", "no such user"):
        assert part in shown
    mend = page.get_by_role("link", name="Zur Person und ihrer Adresse")
    assert str(await mend.get_attribute("href")).startswith("/people/")
    await page.get_by_role("button", name="Noch einmal schicken").click()
    await page.get_by_text("wird noch einmal verschickt").wait_for()

    await walk.open(f"/deliveries/{ids['third']}")
    await walk.look("delivery-by-hand")
    await page.get_by_role("button", name="Ausgerichtet").click()
    await page.get_by_text("Als erledigt vermerkt").wait_for()
    assert await page.get_by_role("main").get_by_role("button").count() == 0
    await walk.open(f"/deliveries?subject_id={scheduled}&group=needs_you")
    assert ids["third"] not in await page.locator("main").inner_html(), "somebody saw to it"
    await page.get_by_role("link", name="Erledigt").click()
    await page.get_by_text("Jemand hat sich darum gekümmert").wait_for()

    async def statuses() -> list[str]:
        return sorted(item["status"] for item in (await world.admin.get(f"/v1/deliveries?subject_id={scheduled}"))["items"])

    await eventually(statuses, lambda found: found == ["accepted", "accepted", "by_hand"], within_s=30)


async def test_a_decision_that_comes_too_late_says_so(world: World, new_walk: NewWalk) -> None:
    _, ids, coordinator = await invited(world)
    await happen(world, ids["first"], "uncertain", "no-reply", "uncertain", "the connection was lost")
    walk = await new_walk(coordinator)
    await walk.open(f"/deliveries/{ids['first']}")
    await world.admin.post(f"/v1/deliveries/{ids['first']}/cancellation", {}, expected=200)
    await walk.page.get_by_role("button", name="Noch einmal schicken").click()
    await walk.page.get_by_text("Inzwischen hat sich der Stand geändert").wait_for()
    await walk.look("delivery-too-late")
    assert "gestoppt" in await walk.page.locator("main").inner_text()
