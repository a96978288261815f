"""A folder that is there whole or not at all, and says itself whether it is what it was."""

import hashlib
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

CHUNK_BYTES = 1024 * 1024


class FolderExists(Exception):
    """There is something under this name already."""


@contextmanager
def whole_folder(folder: Path) -> Generator[Path]:
    """A folder aside, for its owner alone; at the end of the block everything in it is on the disk and it gets its name.

    Whatever goes wrong, a full disk too, it is removed; after a kill it stays under a name that says `incomplete`.
    Raises FolderExists.
    """
    folder = folder.absolute()
    if folder.exists():
        raise FolderExists(f"{folder} exists already. Each backup goes into a folder of its own.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f"{folder.name}.incomplete-{os.getpid()}")
    aside.mkdir(mode=0o700)
    try:
        yield aside
        for file in aside.iterdir():
            file.chmod(0o600)
            _to_disk(file)
        _to_disk(aside)
        aside.rename(folder)
        _to_disk(folder.parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def sha256_of(file: Path) -> str:
    """The checksum of a file, as `sha256sum` prints it."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while data := content.read(CHUNK_BYTES):
            digest.update(data)
    return digest.hexdigest()


def append_whole_lines(file: Path, lines: list[str]) -> None:
    """Adds lines to a file for its owner alone, and returns when they are on the disk. What a crash tore off is cut off first."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as output:
        content = output.read()
        output.truncate(content.rfind(b"\n") + 1)
        output.seek(0, os.SEEK_END)
        output.write("".join(f"{line}\n" for line in lines).encode())
        output.flush()
        os.fsync(output.fileno())
    _to_disk(file.absolute().parent)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
