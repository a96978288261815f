"""Checks that the exported requirements fit the project's own declarations: every dependency is pinned, within its bounds.

What is out of date is named with the way to mend it; the exit code is 1.
"""

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
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
    yield from _not_ours([*document["project"]["dependencies"], *document.get("dependency-groups", {}).get("dev", [])])


def declared_for_benchmarks() -> Iterator[Requirement]:
    """What only the peers of benchmarks need."""
    yield from _not_ours(tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["benchmarks"])


def _not_ours(texts: Iterable[str]) -> Iterator[Requirement]:
    return (requirement for requirement in map(Requirement, texts) if not requirement.name.startswith("emon"))


def complaints(where: Path, requirements: Iterable[Requirement], files: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Each requirement that an exported file does not pin within its bounds."""
    for requirement in requirements:
        for name, versions in files.items():
            version = versions.get(canonicalize_name(requirement.name))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                place = where.relative_to(ROOT)
                yield f"{place} asks for {requirement}, requirements/{name} has {version or 'nothing'}: run make lock"


def main() -> int:
    """Compares, prints, and answers the exit code."""
    everything = pinned(ROOT / "requirements" / "development.txt")
    wrong: list[str] = []
    for pyproject in [ROOT / "pyproject.toml", *ROOT.glob("*/*/pyproject.toml")]:
        image = ROOT / "requirements" / f"{pyproject.parent.name}.txt"
        files = {"development.txt": everything} | ({image.name: pinned(image)} if image.exists() else {})
        wrong += complaints(pyproject, declared(pyproject), files)
    peers = {"benchmarks.txt": pinned(ROOT / "requirements" / "benchmarks.txt")}
    wrong += complaints(ROOT / "pyproject.toml", declared_for_benchmarks(), peers)
    sys.stdout.write("\n".join(wrong or ["The exported requirements are current."]) + "\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
