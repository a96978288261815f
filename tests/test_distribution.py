"""What tests share is started by one process."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WHO_RUNS_IT = """
import os, pathlib, pytest

@pytest.mark.parametrize("number", range(6))
def test(number):
    ran = pathlib.Path(__file__).with_suffix("")
    ran.mkdir(exist_ok=True)
    (ran / str(os.getpid())).touch()
"""


def test_a_file_is_run_by_one_process_and_so_is_all_that_asks_the_platform(tmp_path: Path) -> None:
    folders = [tmp_path / "tests" / name for name in ("end_to_end", "faults", "meetings")]
    for folder in folders:
        folder.mkdir(parents=True)
        for name in ("test_first.py", "test_second.py"):
            (folder / name).write_text(WHO_RUNS_IT)
    command = [
        *(sys.executable, "-m", "pytest", "--quiet", "--rootdir", tmp_path, "--import-mode=importlib", tmp_path / "tests"),
        *("-p", "xdist", "-p", "tests.distribution", "--numprocesses", "2", "--no-loadscope-reorder"),
    ]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    outcome = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert "36 passed" in outcome.stdout, outcome.stdout
    for folder in folders:
        first, second = ({run.name for run in (folder / name).iterdir()} for name in ("test_first", "test_second"))
        assert len(first) == len(second) == 1
        if folder.name == "end_to_end":
            assert first == second
