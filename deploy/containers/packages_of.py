"""Prints the folders of the packages that an image needs, a line each: the service's own, and those of ours it stands on.

`python3 deploy/containers/packages_of.py contacts`, in the folder of the project. Runs inside the build, on the standard library.
"""

import sys
import tomllib
from pathlib import Path


def members(root: Path) -> dict[str, Path]:
    """Every member of the workspace by its name, such as `emon-contacts`."""
    return {
        f"emon-{file.parent.name}": file.parent
        for folder in ("shared", "services", "deploy")
        for file in root.glob(f"{folder}/*/pyproject.toml")
    }


def needed(name: str, known: dict[str, Path]) -> set[str]:
    """The member and all that it depends on, directly or not."""
    project = tomllib.loads((known[name] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {name}
    for dependency in project["dependencies"]:
        if dependency in known:
            found |= needed(dependency, known)
    return found


def packages_of(service: str, root: Path) -> list[Path]:
    """The folders of the packages, in order."""
    known = members(root)
    return sorted(known[name] / name.replace("-", "_") for name in needed(f"emon-{service}", known))


if __name__ == "__main__":
    sys.stdout.writelines(f"{folder}\n" for folder in packages_of(sys.argv[1], Path.cwd()))
