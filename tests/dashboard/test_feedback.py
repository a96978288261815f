"""Feedback on pages: for whoever answers, for its author, and the way to say something without a name."""

import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from emon_dashboard.feedback.reads import Feedback, course_of, deadline_of, most_urgent_first, today
from emon_operator.demo_client import Browser

from tests.dashboard.conftest import NewWalk
from tests.dashboard.walk import Walk
from tests.end_to_end.conftest import HERE, World

MONDAY = date(2027, 3, 1)
ANN = UUID("00000000-0000-4000-8000-00000000aaaa")


def feedback(**changes: Any) -> Feedback:
    """Feedback as the gateway shows it to somebody who is asked."""
    body: dict[str, Any] = {
        "id": uuid4(),
        "ags": HERE,
        "about": None,
        "kind": "problem",
        "text": "Die Sprechzeiten\n passen nicht.",
        "anonymous": False,
        "author_id": uuid4(),
        "author_name": "Kim",
        "status": "received",
        "submitted_at": datetime(2027, 2, 20, tzinfo=UTC),
        "acknowledge_by": MONDAY,
        "answer_by": MONDAY + timedelta(days=21),
        "due_by": MONDAY,
        "overdue": False,
        "acknowledged_at": None,
        "interim_reply": None,
        "answer": None,
        "messages": [],
        "rating": None,
        "asked": [
            {"person_id": ANN, "display_name": "Ann", "level": "coordinator", "asked_at": datetime(2027, 2, 20, tzinfo=UTC)}
        ],
        "may": [],
    }
    return Feedback.model_validate({**body, **changes})


@pytest.mark.parametrize(
    ("changes", "on", "awaited", "days", "urgency"),
    [
        ({}, MONDAY - timedelta(days=3), "acknowledgement", 3, "info"),
        ({}, MONDAY - timedelta(days=2), "acknowledgement", 2, "warning"),
        ({}, MONDAY, "acknowledgement", 0, "warning"),
        ({"overdue": True}, MONDAY + timedelta(days=1), "acknowledgement", -1, "danger"),
        # Its author waits since Monday, whatever day those have who were asked in the place of others.
        ({"overdue": True, "due_by": MONDAY + timedelta(days=7)}, MONDAY + timedelta(days=2), "acknowledgement", -2, "danger"),
        ({"status": "acknowledged", "due_by": MONDAY + timedelta(days=9)}, MONDAY, "answer", 9, "info"),
        # Where nobody is asked, and for its author, it is what was promised.
        ({"due_by": None}, MONDAY, "acknowledgement", 0, "warning"),
        ({"status": "acknowledged", "asked": None, "due_by": MONDAY}, MONDAY, "answer", 21, "info"),
    ],
)
def test_a_deadline_is_what_the_reader_has_to_keep_to(
    changes: dict[str, Any], on: date, awaited: str, days: int, urgency: str
) -> None:
    deadline = deadline_of(feedback(**changes), on)
    assert deadline is not None
    assert (deadline.awaited, deadline.days, deadline.urgency) == (awaited, days, urgency)


def test_what_is_answered_has_no_deadline() -> None:
    assert deadline_of(feedback(status="answered", due_by=None), MONDAY) is None
    assert deadline_of(feedback(status="rated", due_by=None), MONDAY) is None


def test_the_most_urgent_is_first() -> None:
    later = feedback(due_by=MONDAY + timedelta(days=4))
    sooner = feedback(due_by=MONDAY + timedelta(days=1))
    overdue = feedback(due_by=MONDAY + timedelta(days=5), acknowledge_by=MONDAY - timedelta(days=1), overdue=True)
    older = feedback(due_by=MONDAY + timedelta(days=4), submitted_at=datetime(2027, 1, 1, tzinfo=UTC))
    answered = feedback(status="answered", due_by=None)
    found = most_urgent_first([later, answered, sooner, overdue, older], MONDAY)
    assert [item for item, _ in found] == [overdue, sooner, older, later]


def test_the_course_is_told_in_its_order() -> None:
    def at(day: int) -> datetime:
        return datetime(2027, 2, day, tzinfo=UTC)

    told = course_of(
        feedback(
            status="rated",
            acknowledged_at=at(21),
            interim_reply={"text": "Das dauert.", "answer_by": MONDAY, "at": at(23)},
            messages=[{"text": "Es eilt.", "at": at(22)}, {"text": None, "at": at(26)}],
            answer={"text": "Jetzt aber.", "answered_by": ANN, "at": at(24)},
            rating={"stars": 4, "at": at(25)},
        )
    )
    assert [step.what for step in told] == [
        "submitted", "acknowledged", "message", "interim_reply", "answer", "rating", "message",
    ]  # fmt: skip
    assert (told[4].by, told[5].stars, told[6].text) == ("Ann", 4, None)


def test_a_list_shows_how_a_text_begins() -> None:
    assert feedback().excerpt == "Die Sprechzeiten passen nicht."
    assert feedback(text="Wort " * 100).excerpt == "Wort " * 17 + "Wort …"
    assert feedback(text=None).excerpt is None


async def api_of(world: World, walk: Walk) -> Browser:
    """The API in the name of whoever sits before this window."""
    [token] = [cookie.get("value", "") for cookie in await walk.page.context.cookies() if cookie.get("name") == "__Host-session"]
    return world.visitor.with_token(token)


async def test_from_the_inbox_to_the_answer_and_its_rating(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    _, volunteer = await world.person((circle, "volunteer"))
    _, coordinator = await world.person(grants=[{"role": "coordinator", "ags": HERE}])
    text = f"Niemand geht ans Telefon {secrets.token_hex(4)}."
    said = {"kind": "problem", "text": text, "about": {"organisation_id": circle}}
    author, walk = await new_walk(volunteer), await new_walk(coordinator)
    made = await (await api_of(world, author)).post("/v1/feedback", said)
    page = walk.page
    await walk.open("/feedback")
    await walk.look("feedback-inbox")
    row = page.get_by_role("row").filter(has_text=text)
    assert "noch" in await row.inner_text()
    await row.get_by_role("link").click()
    await walk.look("feedback-received")
    assert await page.get_by_role("button").and_(page.locator(".kern-btn--primary")).count() == 1
    await page.get_by_role("button", name="Gelesen").click()
    await page.get_by_text("weiß jetzt, dass es gelesen ist").wait_for()

    await page.get_by_text("Die Antwort dauert länger?").click()
    await page.get_by_label("Ihr Zwischenbescheid").fill("Wir fragen im Rathaus nach.")
    await page.get_by_label("Antwort kommt bis").fill(str(today() + timedelta(days=200)))
    await page.get_by_role("button", name="Zwischenbescheid abschicken").click()
    await page.get_by_role("link", name="höchstens 92 Tage").wait_for()
    await walk.look("feedback-interim-refused")
    assert await page.get_by_label("Ihr Zwischenbescheid").input_value() == "Wir fragen im Rathaus nach."
    await page.get_by_label("Antwort kommt bis").fill(str(today() + timedelta(days=30)))
    await page.get_by_role("button", name="Zwischenbescheid abschicken").click()
    await page.get_by_text("Der Zwischenbescheid ist unterwegs").wait_for()
    assert "noch 30 Tage" in await page.locator("main").inner_text()
    await page.get_by_label("Ihre Antwort").fill("Ab Montag\nist jemand da.")
    await page.get_by_role("button", name="Antwort abschicken").click()
    await page.get_by_text("Die Antwort ist abgeschickt").wait_for()
    await walk.look("feedback-answered")
    assert await page.get_by_role("main").get_by_role("button").count() == 0, "nothing is left to do"

    page = author.page
    await author.open("/feedback?filter=mine")
    await author.look("feedback-mine")
    await page.get_by_role("row").filter(has_text=text).get_by_role("link").click()
    await author.look("feedback-of-the-author")
    assert made["id"] in page.url
    await page.get_by_role("button", name="Bewerten").click()
    await page.get_by_role("link", name="Bitte wählen Sie 1 bis 5 Sterne").wait_for()
    await page.get_by_label("4 Sterne").check()
    await page.get_by_role("button", name="Bewerten").click()
    await page.get_by_text("Danke für Ihre Bewertung").wait_for()
    await page.get_by_label("Ihre Nachricht").fill("Das hat geholfen.")
    await page.get_by_role("button", name="Senden").click()
    await page.get_by_text("Ihre Nachricht ist abgeschickt").wait_for()
    steps = await page.locator("ol h3").all_inner_texts()
    assert steps[-2:] == ["Bewertet mit 4 von 5 Sternen", "Dazu geschrieben"]


async def test_whoever_answers_second_keeps_what_they_typed(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    _, volunteer = await world.person((circle, "volunteer"))
    coordinators = [(await world.person(grants=[{"role": "coordinator", "ags": HERE}]))[1] for _ in range(2)]
    author, walk, another = [await new_walk(email) for email in (volunteer, *coordinators)]
    said = {"kind": "idea", "text": "Ein Kalender für alle.", "about": {"topic": "Sprachcafés"}}
    made = await (await api_of(world, author)).post("/v1/feedback", said)
    page = walk.page
    await walk.open(f"/feedback/{made['id']}")
    assert await page.get_by_role("heading", level=1).inner_text() == "Sprachcafés"
    await page.get_by_label("Ihre Antwort").fill("Meine lange Antwort.")
    await (await api_of(world, another)).post(f"/v1/feedback/{made['id']}/answer", {"text": "Die erste Antwort."}, expected=200)
    await page.get_by_role("button", name="Antwort abschicken").click()
    await page.get_by_text("inzwischen beantwortet").wait_for()
    shown = await page.locator("main").inner_text()
    for part in ("Die erste Antwort.", "Nicht abgeschickt", "Meine lange Antwort."):
        assert part in shown


async def test_a_volunteer_says_something_by_name_without_script_on_a_phone(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    _, email = await world.person((circle, "volunteer"))
    walk = await new_walk(email, width=320, java_script=False)
    page = walk.page
    await walk.open(f"/feedback/new?organisation={circle}")
    without_name = page.get_by_role("link", name="Zur Seite ohne Namen")
    assert f"/anonymous-feedback?lang=de&ags={HERE}" in str(await without_name.get_attribute("href"))
    await page.get_by_label("Oder ein Thema").fill("Noch etwas anderes")
    await page.get_by_role("button", name="Feedback abschicken").click()
    assert "Bitte nur eines" in await page.locator("main").inner_text()
    await page.get_by_label("Oder ein Thema").fill("")
    await page.get_by_role("button", name="Feedback abschicken").click()
    refused = await page.locator("main").inner_text()
    for part in ("Bitte wählen Sie eines davon", "Bitte füllen Sie dieses Feld aus"):
        assert part in refused
    await page.get_by_label("Lob").check()
    await page.get_by_label("Ihr Feedback").fill("Der Abend war schön.")
    await page.get_by_role("button", name="Feedback abschicken").click()
    done = await page.locator("main").inner_text()
    for part in ("Danke. Ihr Feedback ist angekommen", "Der Abend war schön.", "noch nicht gelesen", "Ihnen"):
        assert part in done
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320


async def test_the_way_to_say_something_without_a_name(world: World, new_walk: NewWalk) -> None:
    circle = await world.organisation()
    _, email = await world.person((circle, "volunteer"))
    walk = await new_walk(email)
    page = walk.page
    await walk.open("/feedback/new")
    await walk.look("feedback-new")
    await page.get_by_role("link", name="Zur Seite ohne Namen").click()
    await page.get_by_role("heading", name="Rückmeldung ohne Namen").wait_for()
    await walk.demand_usable_when_wide_and_narrow()
    assert HERE in await page.get_by_label("Um welche Gemeinde geht es?").input_value()
    await page.get_by_role("button", name="Ohne Namen absenden").click()
    await page.get_by_text("Bitte wählen Sie Lob").wait_for()
    await walk.demand_usable_when_wide_and_narrow()
    await page.get_by_label("Idee").check()
    await page.get_by_label("Ihr Text").fill("Auch abends öffnen.")
    await page.get_by_role("button", name="Ohne Namen absenden").click()
    await page.get_by_text("Bewahren Sie diesen Link jetzt auf").wait_for()
    await walk.demand_usable_when_wide_and_narrow()
    await page.get_by_role("link", name="Seite öffnen").click()
    await page.get_by_text("Auch abends öffnen.").wait_for()
    await walk.demand_usable_when_wide_and_narrow()
