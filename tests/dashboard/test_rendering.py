"""Dates as Germans write them, and forms that keep what was typed."""

from datetime import UTC, date, datetime

import pytest

from emon_dashboard.gateway import Mistake, Refused
from emon_dashboard.rendering.dates import day_text, duration_text, moment_text, wall_clock_text
from emon_dashboard.rendering.forms import Form
from emon_dashboard.rendering.texts import counted, texts_in
from emon_dashboard.visits import own_path


def test_days_have_their_weekday() -> None:
    assert day_text(date(2027, 3, 3), "de") == "Mittwoch, 3. März 2027"
    assert day_text(date(2027, 3, 3), "en") == "Wednesday, 3 March 2027"


def test_a_wall_clock_is_shown_as_it_stands_on_the_wall() -> None:
    assert wall_clock_text(datetime(2027, 3, 28, 18, 5), "de") == "Sonntag, 28. März 2027, 18:05 Uhr"


def test_a_moment_is_shown_on_the_clocks_of_baden_wuerttemberg() -> None:
    assert moment_text(datetime(2027, 7, 1, 22, 30, tzinfo=UTC), "de") == "Freitag, 2. Juli 2027, 0:30 Uhr"


def test_durations_name_what_they_have() -> None:
    assert [duration_text(minutes, "de") for minutes in (45, 60, 90)] == ["45 Min.", "1 Std.", "1 Std. 30 Min."]


def test_one_and_many_are_said_differently() -> None:
    texts = texts_in("de")["today"]["count"]  # pyright: ignore[reportArgumentType]
    assert counted(texts, 1) != counted(texts, 2)  # pyright: ignore[reportArgumentType]
    assert "2" in counted(texts, 2)  # pyright: ignore[reportArgumentType]


def test_a_refused_form_keeps_what_was_typed_and_says_what_is_wrong_where() -> None:
    form = Form({"email": "nobody", "title": "Runder Tisch"})
    shown = form.refused(Refused(422, "invalid-request", (Mistake("email", "email"),)), texts_in("de"))
    assert shown.values == form.values
    assert shown.errors == {"email": texts_in("de").text("errors.email")}
    assert shown.once != form.once, "another content under the key of the first would be refused"


def test_a_mistake_without_a_field_is_said_of_the_form() -> None:
    shown = Form({"title": ""}).refused(Refused(409, "conflict", (Mistake("never-heard-of", ""),)), texts_in("de"))
    assert shown.errors == {"": texts_in("de").text("errors.invalid")}


@pytest.mark.parametrize("elsewhere", ["//example.org", "https://example.org", "/\\example.org", "example", None, "/\nx"])
def test_nobody_is_led_elsewhere(elsewhere: str | None) -> None:
    assert own_path(elsewhere) == "/"


def test_a_path_of_ours_is_followed() -> None:
    assert own_path("/meetings?all=1") == "/meetings?all=1"
