"""The bundle for a machine without internet: the same from the same parts, and nothing is done with one that was changed."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from emon_operator.bundling import CannotBundle, gather, make_bundle, pack, write_sums

PROJECT = Path(__file__).parents[1]
INSTALL = PROJECT / "deploy" / "bundle" / "install"
# Nothing but what a bundle is checked with: docker is not among it.
NO_DOCKER = ("bash", "sha256sum", "dirname", "find", "sort", "comm", "sed")


def folder_with(parent: Path, *, order: int) -> Path:
    folder = parent / "emon"
    (folder / "docs").mkdir(parents=True)
    files = {
        "docs/settings.md": "text",
        "docker-compose.yml": "services: {}",
        "images.tar.gz": "x",
        "install": INSTALL.read_text(),
    }
    for name, content in sorted(files.items(), reverse=bool(order)):
        (folder / name).write_text(content)
        os.utime(folder / name, (1_000_000 + order, 1_000_000 + order))
    (folder / "install").chmod(0o755)
    write_sums(folder)
    return folder


@pytest.fixture
def path_without_docker(tmp_path: Path) -> str:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in NO_DOCKER:
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (programs / name).symlink_to(found)
    return str(programs)


def installed(folder: Path, path: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([folder / "install"], capture_output=True, text=True, check=False, env={"PATH": path})


def test_the_same_parts_make_the_same_archive(tmp_path: Path) -> None:
    archives: list[bytes] = []
    for order in (0, 1):
        archive = tmp_path / f"{order}.tar"
        pack(folder_with(tmp_path / str(order), order=order), archive)
        archives.append(archive.read_bytes())
    assert archives[0] == archives[1]
    with tarfile.open(tmp_path / "0.tar") as packed:
        assert packed.getnames() == [
            f"emon/{name}" for name in ("SHA256SUMS", "docker-compose.yml", "docs/settings.md", "images.tar.gz", "install")
        ]
        assert {(member.mtime, member.uid, member.uname) for member in packed} == {(0, 0, "")}
        assert packed.getmember("emon/install").mode == 0o755


def test_a_whole_bundle_goes_on_to_docker(tmp_path: Path, path_without_docker: str) -> None:
    run = installed(folder_with(tmp_path, order=0), path_without_docker)
    assert (run.returncode, run.stderr) == (1, "install: docker is missing on this machine\n")


def test_nothing_is_loaded_from_a_bundle_that_was_changed(tmp_path: Path, path_without_docker: str) -> None:
    folder = folder_with(tmp_path, order=0)
    (folder / "images.tar.gz").write_text("y")
    run = installed(folder, path_without_docker)
    assert run.returncode == 1
    assert "images.tar.gz: FAILED" in run.stdout
    assert "these files are not what was bundled; nothing was loaded" in run.stderr


def test_nothing_is_loaded_where_a_file_was_added(tmp_path: Path, path_without_docker: str) -> None:
    folder = folder_with(tmp_path, order=0)
    (folder / "docker-compose.override.yml").write_text("services: {}")
    run = installed(folder, path_without_docker)
    assert run.returncode == 1
    assert "these files were not bundled; nothing was loaded: ./docker-compose.override.yml" in run.stderr


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CannotBundle, match="has no SBOM"):
        make_bundle(tmp_path, tmp_path / "dist", "emon")
    (tmp_path / "dist" / "sbom").mkdir(parents=True)
    (tmp_path / "dist" / "sbom" / "contacts.cdx.json").write_text("{}")
    with pytest.raises(CannotBundle, match=r"has no docker-compose\.yml"):
        make_bundle(tmp_path, tmp_path / "dist", "emon")
    (tmp_path / "docker-compose.yml").write_text("services: {}")
    with pytest.raises(CannotBundle, match=r"README\.md is missing"):
        gather(tmp_path, tmp_path / "emon")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotBundle, match="docker is missing on this machine"):
        make_bundle(tmp_path, tmp_path / "dist", "emon")


def test_the_command_ends_with_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "emon_operator", "bundle", "--project", str(tmp_path), "--output", str(tmp_path / "dist")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.startswith("No bundle was made: ")
