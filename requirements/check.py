"""Checks that the exported requirements fit the project's own declarations: every dependency is pinned, within its bounds.

What is out of date is named with the way to mend it; the exit code is 1.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def pinned(file: Path) -> dict[str, str]:
    """Name and version of everything in an exported file."""
    lines = (
        line.split(";")[0].strip(" \\")
        for line in file.read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    )
    return {canonicalize_name(name.split("[")[0]): version.strip() for name, version in (line.split("==") for line in lines)}


def declared(pyproject: Path) -> Iterator[Requirement]:
    """Every dependency that a member declares, development ones included, but for members of the workspace."""
    document = tomllib.loads(pyproject.read_text())
    texts = [*document["project"]["dependencies"], *document.get("dependency-groups", {}).get("dev", [])]
    yield from (requirement for requirement in map(Requirement, texts) if not requirement.name.startswith("emon"))


def main() -> int:
    """Compares, prints, and answers the exit code."""
    everything = pinned(ROOT / "requirements" / "development.txt")
    wrong: list[str] = []
    for pyproject in [ROOT / "pyproject.toml", *ROOT.glob("*/*/pyproject.toml")]:
        image = ROOT / "requirements" / f"{pyproject.parent.name}.txt"
        files = {"development.txt": everything} | ({image.name: pinned(image)} if image.exists() else {})
        for requirement in declared(pyproject):
            for name, versions in files.items():
                version = versions.get(canonicalize_name(requirement.name))
                if version is None or not requirement.specifier.contains(version, prereleases=True):
                    where = pyproject.relative_to(ROOT)
                    wrong.append(f"{where} asks for {requirement}, requirements/{name} has {version or 'nothing'}: run make lock")
    sys.stdout.write("\n".join(wrong or ["The exported requirements are current."]) + "\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
