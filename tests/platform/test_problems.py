"""Every problem has its paragraph in the documentation."""

from pathlib import Path

from emon_platform.http.problem_types import PROBLEM_TYPES

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_documentation_has_each_problem_as_it_is() -> None:
    for code, problem in PROBLEM_TYPES.items():
        assert f"\n### {code}\n\n{problem.title}. {problem.meaning}\n" in DOCUMENT


def test_the_documentation_has_no_other() -> None:
    assert DOCUMENT.count("\n### ") == len(PROBLEM_TYPES)
