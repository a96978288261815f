"""What is fetched once at the first start: Apache Kafka and PostgreSQL, as exact Maven artefacts.

`artefacts.lock.toml` names each with its sha256. Nothing is resolved at run time, and nothing runs whose sha256 differs: each
start checks all of them, fetches again what was changed, and gives up with a message if it still differs.
"""

import fcntl
import hashlib
import os
import platform
import sys
import time
import tomllib
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests
from jgo.maven import MavenContext, PythonResolver

from emon_embedded.settings import EmbeddedSettings
from emon_platform.settings import settings_from

LOCK_FILE = Path(__file__).with_name("artefacts.lock.toml")
FETCHED_AT_ONCE = 8
TRIES = 3
TIMEOUT_SECONDS = 60

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64v8", "arm64": "arm64v8"}

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Called with a file's name and size when its download starts; what it yields is called with the bytes that came."""

FetchStarts = Callable[["Sequence[Artefact]"], AbstractContextManager[Progress | None]]
"""Called once with everything that is missing, if anything is."""


class ArtefactUnusable(Exception):
    """A part of the embedded stack could not be fetched, or is not what the lock says."""


@dataclass(frozen=True)
class Artefact:
    """One jar by its exact Maven coordinates, and what it must contain."""

    part: str
    group: str
    name: str
    version: str
    sha256: str
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where fetched parts are kept for all homes of this user: `EMON_CACHE`, else the user's cache folder."""
    if (cache := settings_from(EmbeddedSettings, environment).cache) is not None:
        return cache.expanduser().resolve()
    if "XDG_CACHE_HOME" in environment:
        return Path(environment["XDG_CACHE_HOME"]) / "emon"
    return Path.home() / ".cache" / "emon"


def locked_artefacts(part: str) -> list[Artefact]:
    """The artefacts of one part (`kafka`, `postgresql-linux-amd64`, …) as the lock names them."""
    rows = tomllib.loads(LOCK_FILE.read_text(encoding="utf-8"))["artefact"]
    return [artefact for artefact in (Artefact(**row) for row in rows) if artefact.part == part]


def postgresql_part() -> str:
    """The name of PostgreSQL's part for this machine. Raises `ArtefactUnusable` where there is none."""
    architecture = _ARCHITECTURES.get(platform.machine().lower())
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform)
    if architecture is None or system is None:
        raise ArtefactUnusable(
            f"There is no embedded PostgreSQL for {sys.platform} on {platform.machine()}. Run the platform in containers."
        )
    return f"postgresql-{system}-{architecture}"


def maven_context(repository: Path, progress: Progress | None = None) -> MavenContext:
    """jgo's access to its own default repository, or to the mirror in `EMON_MAVEN_URL`; files are kept in `repository`."""
    mirror = settings_from(EmbeddedSettings, os.environ).maven_url
    return MavenContext(
        resolver=PythonResolver(progress_callback=progress),
        repo_cache=repository,
        local_repos=[],
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=TIMEOUT_SECONDS,
    )


@contextmanager
def silently(_missing: Sequence[Artefact]) -> Generator[Progress | None]:
    """Shows nothing while it fetches."""
    yield None


def fetch(part: str, cache: Path, fetch_starts: FetchStarts = silently) -> list[Path]:
    """The jars of a part, each with the sha256 of the lock, fetched if need be. Raises `ArtefactUnusable`."""
    artefacts = locked_artefacts(part)
    repository = cache / "maven"
    paths = [_path(artefact, repository) for artefact in artefacts]
    if all(_is_as_locked(path, artefact) for path, artefact in zip(paths, artefacts, strict=True)):
        return paths
    # jgo writes to the final name at once, so of two processes one would read what the other has only half written.
    with only_one_process(cache / "maven.lock"):
        missing = [artefact for path, artefact in zip(paths, artefacts, strict=True) if not _is_as_locked(path, artefact)]
        with fetch_starts(missing) as progress, ThreadPoolExecutor(FETCHED_AT_ONCE) as pool:
            context = maven_context(repository, progress)
            list(pool.map(partial(_fetch_one, context), missing))
    return paths


@contextmanager
def only_one_process(lock: Path) -> Generator[None]:
    """Holds `lock` against other processes for as long as the body runs."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _fetch_one(context: MavenContext, artefact: Artefact) -> None:
    path = _path(artefact, context.repo_cache)
    reason = ""
    for attempt in range(TRIES):
        # Whatever lies there is tampered with or half fetched, and jgo would hand it out as it is.
        path.unlink(missing_ok=True)
        try:
            context.project(artefact.group, artefact.name).at_version(artefact.version).artifact().resolve()
        except (requests.RequestException, RuntimeError, OSError) as failure:
            reason = str(failure)
            time.sleep(attempt)
            continue
        if _is_as_locked(path, artefact):
            return
        reason = f"its sha256 is {_sha256(path)}, the lock demands {artefact.sha256}"
        path.unlink()
    raise ArtefactUnusable(
        f"Could not fetch {artefact}: {reason}. Where this machine reaches its Maven repository by a mirror, set EMON_MAVEN_URL."
    )


def _path(artefact: Artefact, repository: Path) -> Path:
    return repository.joinpath(
        *artefact.group.split("."), artefact.name, artefact.version, f"{artefact.name}-{artefact.version}.jar"
    )


def _is_as_locked(path: Path, artefact: Artefact) -> bool:
    return path.is_file() and path.stat().st_size == artefact.size_bytes and _sha256(path) == artefact.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
