"""An image holds everything that its service imports: our own packages, and pinned ones of others."""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distributions, packages_distributions, version
from pathlib import Path
from types import ModuleType

import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
IMAGES = sorted(file.stem for file in (ROOT / "requirements").glob("*.txt") if file.stem not in {"development", "benchmarks"})


def script(file: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(file.stem, file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


PACKAGES_OF = script(ROOT / "deploy" / "containers" / "packages_of.py")
PINNED = script(ROOT / "requirements" / "check.py").pinned


@cache
def imports_of(package: Path) -> frozenset[str]:
    """The first name of everything that a package imports."""
    return frozenset(name for file in package.rglob("*.py") for name in _imports(ast.parse(file.read_text(encoding="utf-8"))))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("service", IMAGES)
def test_an_image_holds_what_its_service_imports(service: str) -> None:
    packages: list[Path] = PACKAGES_OF.packages_of(service, ROOT)
    ours = {package.name for package in packages}
    imported = {name for package in packages for name in imports_of(package)} - sys.stdlib_module_names
    assert {name for name in imported if name.startswith("emon_")} <= ours
    pinned = set(PINNED(ROOT / "requirements" / f"{service}.txt"))
    distributions = packages_distributions()
    for name in imported - ours:
        assert {canonicalize_name(found) for found in distributions[name]} & pinned, name


@pytest.mark.parametrize("service", IMAGES)
def test_a_package_in_an_image_knows_its_version(service: str, tmp_path: Path) -> None:
    PACKAGES_OF.copy_packages(service, ROOT, tmp_path)
    sources = "".join(file.read_text(encoding="utf-8") for file in tmp_path.rglob("*.py"))
    asked = set(re.findall(r'\bversion\("(emon-[a-z-]+)"\)', sources))
    found = {distribution.name: distribution.version for distribution in distributions(path=[str(tmp_path)])}
    assert {name: version(name) for name in asked} == {name: found.get(name) for name in asked}
    assert "emon-platform" in asked
