"""Asks for known vulnerabilities of everything that is pinned: `python requirements/audit.py [FILE …]`, or `make audit`.

pip-audit goes by the exported files alone: every package has its hash, nothing is resolved. It has to ask a service for each
package. Where that does not answer, this says so, by name where it answers for some, and fails nothing: a build in a data centre
without internet is no worse for it. Exit code 1: something is vulnerable, or a file is not one that can be audited.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# What every image has and more; peers of benchmarks are shipped nowhere.
AUDITED = (ROOT / "requirements" / "development.txt",)
NAMED_MAX = 5
# What pip-audit says, or dies of, where its service cannot be reached or answers nonsense.
SILENCE = ("Tip: your network may be blocking this service", "pip_audit._service.interface.ServiceError", "requests.exceptions.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say, and the exit code."""

    says: str
    code: int


def judge(code: int, output: str, errors: str) -> Verdict:
    """What a run of pip-audit means, by its exit code and what it wrote."""
    try:
        dependencies: list[Mapping[str, Any]] = json.loads(output)["dependencies"]
    except (json.JSONDecodeError, KeyError, TypeError):
        if any(sign in errors for sign in SILENCE):
            return Verdict("Nothing was audited: the vulnerability service cannot be reached from here.", 0)
        return Verdict(f"pip-audit failed with exit code {code}:\n{errors}", 1)
    vulnerable = [
        f"  {item['name']} {item['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no version yet'}"
        for item in dependencies
        for found in item.get("vulns", ())
    ]
    asked = [item["name"] for item in dependencies if "skip_reason" not in item]
    said = f"{len(asked)} of {len(dependencies)} packages were audited"
    if unknown := [item["name"] for item in dependencies if "skip_reason" in item]:
        more = ", …" if len(unknown) > NAMED_MAX else ""
        said += f"; the service knows nothing of {', '.join(unknown[:NAMED_MAX])}{more}"
    if vulnerable:
        return Verdict("\n".join(["Known vulnerabilities:", *vulnerable, f"{said}."]), 1)
    return Verdict(f"{said}: no vulnerability is known." if asked else f"Nothing was audited: {said}.", 0)


def audit(file: Path, environment: Mapping[str, str]) -> Verdict:
    """Runs pip-audit on an exported file."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--requirement", str(file), "--require-hashes", "--disable-pip"),
            *("--format", "json", "--progress-spinner", "off", "--timeout", "10"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=dict(environment),
    )
    return judge(run.returncode, run.stdout, run.stderr)


def main(arguments: Sequence[str]) -> int:
    """Audits, prints, and answers the exit code."""
    verdicts = (
        [audit(file, os.environ) for file in map(Path, arguments)] if arguments else [audit(file, os.environ) for file in AUDITED]
    )
    sys.stdout.write("\n".join(verdict.says for verdict in verdicts) + "\n")
    return max(verdict.code for verdict in verdicts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
