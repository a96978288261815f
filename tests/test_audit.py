"""The audit of what is pinned: what a run of pip-audit means, and a real one that reaches nobody."""

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[1] / "requirements" / "audit.py"
PINNED = "colorama==0.4.6 --hash=sha256:4f1d9991f5acc0ca119f9d443620b77f9d6b33703e51011c16baf57afb285fc6\n"


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    specification = importlib.util.spec_from_file_location("audit", FILE)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def output(*dependencies: dict[str, object]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


FINE: dict[str, object] = {"name": "rich", "version": "15.0", "vulns": []}
UNKNOWN: dict[str, object] = {
    "name": "typer",
    "skip_reason": "Dependency not found on PyPI and could not be audited: typer (0.29)",
}
VULNERABLE: dict[str, object] = {"name": "jinja2", "version": "3.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1"]}]}


def test_what_is_vulnerable_fails_and_is_named_with_what_mends_it(audit: ModuleType) -> None:
    verdict = audit.judge(1, output(FINE, VULNERABLE, UNKNOWN), "")
    assert verdict.code == 1
    assert "jinja2 3.0: PYSEC-1, mended in 3.1" in verdict.says


def test_a_service_that_knows_nothing_is_no_all_clear(audit: ModuleType) -> None:
    assert audit.judge(0, output(FINE), "").says == "1 of 1 packages were audited: no vulnerability is known."
    some = audit.judge(0, output(FINE, UNKNOWN), "")
    assert some.says == "1 of 2 packages were audited; the service knows nothing of typer: no vulnerability is known."
    none = audit.judge(0, output(UNKNOWN), "")
    assert (none.code, none.says.partition(":")[0]) == (0, "Nothing was audited")


def test_a_file_that_cannot_be_audited_fails(audit: ModuleType) -> None:
    assert audit.judge(1, "", "ERROR:pip_audit._cli:requirement colorama does not contain a hash").code == 1


def test_where_nobody_can_be_asked_that_is_said_and_fails_nothing(audit: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(PINNED)
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": ""}
    nowhere |= {name.lower(): value for name, value in nowhere.items()}
    # Nor what is kept of earlier answers.
    verdict = audit.audit(file, {**os.environ, **nowhere, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)})
    assert (verdict.code, verdict.says) == (0, "Nothing was audited: the vulnerability service cannot be reached from here.")


def test_a_requirement_without_a_hash_fails_before_anybody_is_asked(audit: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("colorama==0.4.6\n")
    verdict = audit.audit(file, os.environ)
    assert verdict.code == 1
    assert "hash" in verdict.says
