"""`emon bundle`: everything that a data centre without internet needs, in one archive that is the same from the same parts."""

import gzip
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from emon_platform.settings import PREFIX, settings_from, variable_of

# What is copied as it is, by its place in the project; the compose file mounts the third.
COPIED = (
    "docker-compose.yml",
    "README.md",
    "docs",
    "deploy/containers/kafka",
    "deploy/containers/update",
    "deploy/embedded/emon_embedded/artefacts.lock.toml",
    "services/dashboard/package-lock.json",
    "requirements",
)
INSTALL = "deploy/bundle/install"
SBOM = "dist/sbom"
SUMS = "SHA256SUMS"
LEFT_OUT = ("__pycache__", ".DS_Store")
MEBIBYTE = 1024 * 1024


class ImageSettings(BaseSettings):
    """What the compose file calls images by; what was chosen where they were built has to be chosen where they run."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    images: str | None = Field(default=None, description="First part of the names of our images, `emon` if unset")
    tag: str | None = Field(default=None, description="Tag of our images, `local` if unset")
    postgres_image: str | None = Field(default=None, description="Image of PostgreSQL")
    postgres_uid: int | None = Field(
        default=None, description="Account that PostgreSQL runs as in it", json_schema_extra={"unit": "user id"}
    )
    kafka_image: str | None = Field(default=None, description="Image of Kafka")
    kafka_uid: int | None = Field(
        default=None, description="Account that Kafka runs as in it", json_schema_extra={"unit": "user id"}
    )
    mail_image: str | None = Field(default=None, description="Image of the mail sink")

    def as_environment(self) -> str:
        """Those that were chosen, as lines of a file `.env`."""
        return "".join(f"{variable_of(name)}={value}\n" for name, value in self.model_dump(exclude_none=True).items())


class CannotBundle(Exception):
    """Something is missing; the message says what, and how to come by it."""


def bundle(
    project: Annotated[Path, typer.Option(help="The project's folder.", exists=True, file_okay=False)] = Path(),
    output: Annotated[Path, typer.Option(help="Folder for the archive.")] = Path("dist"),
    name: Annotated[str, typer.Option(help="Name of the archive, and of the folder in it.")] = "emon",
) -> None:
    """Packs images, SBOM, compose file, documents and an install script for a machine without internet (`make bundle`)."""
    try:
        archive = make_bundle(project.resolve(), output.resolve(), name)
    except CannotBundle as failure:
        typer.echo(f"No bundle was made: {failure}", err=True)
        raise typer.Exit(1) from failure
    typer.echo(f"{archive} ({archive.stat().st_size // MEBIBYTE} MiB), and beside it its SHA-256.")


def make_bundle(project: Path, output: Path, name: str) -> Path:
    """The archive `name`.tar in the folder `output`, whole or not at all. Raises CannotBundle."""
    if not any((project / SBOM).glob("*.json")):
        raise CannotBundle(f"{project / SBOM} has no SBOM. Run make sbom first.")
    images = images_of(project)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".bundle-", dir=output) as workplace:
        folder = Path(workplace) / name
        gather(project, folder)
        [operator] = [image for image in images if image.rpartition("/")[2].startswith("operator:")]
        (folder / "operator-image").write_text(f"{operator}\n", encoding="utf-8")
        (folder / "images.env").write_text(settings_from(ImageSettings, os.environ).as_environment(), encoding="utf-8")
        save_images(images, folder / "images.tar.gz", Path(workplace))
        write_sums(folder)
        packed = Path(workplace) / f"{name}.tar"
        pack(folder, packed)
        sum_beside = f"{_sha256(packed)}  {packed.name}\n"
        archive = packed.replace(output / packed.name)
    archive.with_name(f"{archive.name}.sha256").write_text(sum_beside, encoding="utf-8")
    return archive


def images_of(project: Path) -> list[str]:
    """The images that the compose file names, each of which is on this machine. Raises CannotBundle."""
    if not (project / "docker-compose.yml").exists():
        raise CannotBundle(f"{project} has no docker-compose.yml. Run this in the project's folder.")
    named = _docker(["compose", "--project-directory", str(project), "--profile", "*", "config", "--images"])
    images = sorted({*named.decode().split()})
    missing = [image for image in images if _is_missing(image)]
    if missing:
        raise CannotBundle(f"the images {', '.join(missing)} are not on this machine. Run make images first.")
    return images


def gather(project: Path, folder: Path) -> None:
    """Copies what is no image."""
    for place in COPIED:
        source, target = project / place, folder / place
        if not source.exists():
            raise CannotBundle(f"{source} is missing.")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
        else:
            shutil.copy(source, target)
    shutil.copytree(project / SBOM, folder / "sbom")
    shutil.copy(project / INSTALL, folder / "install")


def save_images(images: Sequence[str], target: Path, workplace: Path) -> None:
    """The images as `docker load` takes them, always in the same bytes. Raises CannotBundle."""
    saved = workplace / "saved.tar"
    _docker(["save", "--output", str(saved), *images])
    unpacked = workplace / "saved"
    with tarfile.open(saved) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
        archive.extractall(unpacked)  # noqa: S202 (docker wrote it a moment ago)
    saved.unlink()
    with target.open("wb") as file, gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:
        _write_tar(packed, ((path, str(path.relative_to(unpacked))) for path in _files_below(unpacked)))
    shutil.rmtree(unpacked)


def write_sums(folder: Path) -> None:
    """SHA256SUMS of everything in the folder, as `sha256sum --check` reads it."""
    lines = (f"{_sha256(path)}  {path.relative_to(folder)}\n" for path in _files_below(folder))
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def pack(folder: Path, archive: Path) -> None:
    """The folder as a tar archive: files by name, nobody's, from one and the same moment."""
    with archive.open("wb") as file:
        _write_tar(file, ((path, str(Path(folder.name) / path.relative_to(folder))) for path in _files_below(folder)))


def _write_tar(file: "BinaryIO | gzip.GzipFile", members: Iterable[tuple[Path, str]]) -> None:
    moment = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, name in members:
            member = tarfile.TarInfo(name)
            member.mtime = moment
            if path.is_symlink():  # images of several names share layers by links
                member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
                archive.addfile(member)
                continue
            member.size = path.stat().st_size
            member.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as content:
                archive.addfile(member, content)


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _is_missing(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode != 0


def _docker(arguments: Sequence[str]) -> bytes:
    try:
        run = subprocess.run(["docker", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise CannotBundle("docker is missing on this machine. Make the bundle where the images were built.") from None
    if run.returncode:
        said = run.stderr.decode(errors="replace").strip().splitlines()
        raise CannotBundle(f"docker {arguments[0]} failed: {said[-1] if said else f'exit code {run.returncode}'}")
    return run.stdout
