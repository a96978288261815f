"""Copies the packages that an image needs: the service's own, and those of ours it stands on, each with its metadata.

`python3 deploy/containers/packages_of.py contacts /app`, in the folder of the project. Runs inside the build, on the standard
library.
"""

import shutil
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


def copy_packages(service: str, root: Path, target: Path) -> None:
    """Copies them; what an installed package says of itself stands beside each, as importlib.metadata reads it."""
    for package in packages_of(service, root):
        shutil.copytree(package, target / package.name)
        project = tomllib.loads((package.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        said = target / f"{package.name}-{project['version']}.dist-info"
        said.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (said / "METADATA").write_text(metadata, encoding="utf-8")


if __name__ == "__main__":
    copy_packages(sys.argv[1], Path.cwd(), Path(sys.argv[2]))
