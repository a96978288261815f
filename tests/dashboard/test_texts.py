"""Texts: every one in both languages, with the same gaps, and every one that a template names."""

import re
from pathlib import Path

import pytest

from emon_dashboard.rendering.texts import LANGUAGES, gaps, texts_in

PACKAGE = Path(__file__).parents[2] / "services" / "dashboard" / "emon_dashboard"
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))
MODULES = sorted(PACKAGE.rglob("*.py"))
# `t.meetings.form.title`, but not the beginning of `t.meetings.kinds[meeting.kind]`, whose end is known at run time alone.
NAMED = re.compile(r"\bt((?:\.[a-z_]+)+)(?![.\w\[])")
TEXT_CALL = re.compile(r"texts\.text\(\"([a-z_.]+)\"\)")
# Attributes of Python that a template reads of a group of texts.
NOT_TEXTS = {"items", "get"}


def test_every_language_has_the_same_texts_with_the_same_gaps() -> None:
    first, *others = ({path: gaps(text) for path, text in texts_in(language).paths()} for language in LANGUAGES)
    for other in others:
        assert other == first


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_text_that_a_template_names_is_there(template: Path) -> None:
    texts = texts_in("de")
    for match in NAMED.finditer(template.read_text(encoding="utf-8")):
        path = match[1].lstrip(".")
        found: object = texts
        for name in path.split("."):
            assert not isinstance(found, str), f"{template.name} names t.{path}"
            found = found[name]  # pyright: ignore[reportIndexIssue, reportUnknownVariableType]


def test_every_text_that_the_code_names_is_there() -> None:
    texts = texts_in("de")
    for module in MODULES:
        for match in TEXT_CALL.finditer(module.read_text(encoding="utf-8")):
            assert texts.has(match[1]), f"{module.name} names {match[1]}"


def test_everything_that_is_said_after_an_action_is_there() -> None:
    texts = texts_in("de")
    for module in MODULES:
        for match in re.finditer(r'done="([a-z_]+)\.([a-z_]+)"', module.read_text(encoding="utf-8")):
            assert texts.has(f"{match[1]}.done.{match[2]}"), f"{module.name} says {match[0]}"
