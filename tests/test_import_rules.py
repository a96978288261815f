"""Each import rule is kept by the code, and is really checked: broken in a copy, it is seen to fail."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [path.parent for path in ROOT.glob("*/*/emon_*/__init__.py")]

BREACHES = {
    "services": ("emon_meetings/app.py", "import emon_contacts"),
    "shared": ("emon_platform/broker.py", "import emon_gateway"),
    "pure": ("emon_contracts/topics.py", "import socket"),
    "rules": ("emon_meetings/meetings/rules.py", "import emon_platform.outbox"),
    "doctor": ("emon_operator/doctor/rules/clock.py", "import asyncpg"),
}


def lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--config", str(ROOT / "pyproject.toml"), "--contract", contract, "--no-cache",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_is_seen(copy: Path, contract: str) -> None:
    assert lint(copy, contract).returncode == 0
    name, line = BREACHES[contract]
    file = copy / name
    original = file.read_text()
    try:
        file.write_text(f"{original}\n{line}\n")
        outcome = lint(copy, contract)
    finally:
        file.write_text(original)
    assert outcome.returncode == 1
    assert "BROKEN" in outcome.stdout


def test_every_contract_has_its_breach() -> None:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in configured} == set(BREACHES)
