"""Nothing is run whose sha256 differs from the lock's."""

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from emon_embedded.artefacts import ArtefactUnusable, cache_folder, fetch


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A copy of the cache, which may be tampered with."""
    fetch("kafka", cache_folder())
    shutil.copytree(cache_folder() / "maven", tmp_path / "cache" / "maven")
    return tmp_path / "cache"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository on this machine, with the jars of the cache."""
    fetch("kafka", cache_folder())
    folder = tmp_path / "mirror"
    shutil.copytree(cache_folder() / "maven", folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("EMON_MAVEN_URL", f"http://127.0.0.1:{server.server_port}/")
    yield folder
    server.shutdown()
    server.server_close()


def jar_below(folder: Path) -> Path:
    return next(folder.rglob("slf4j-api-*.jar"))


def test_a_tampered_jar_and_a_missing_one_are_fetched_again(cache: Path, mirror: Path) -> None:
    jar_below(cache).write_bytes(b"tampered with")
    next(cache.rglob("jopt-simple-*.jar")).unlink()
    fetch("kafka", cache)
    assert jar_below(cache).read_bytes() == jar_below(mirror).read_bytes()


def test_a_repository_that_hands_out_something_else_is_refused(cache: Path, mirror: Path) -> None:
    jar_below(cache).unlink()
    jar_below(mirror).write_bytes(b"tampered with")
    with pytest.raises(ArtefactUnusable, match=r"slf4j-api.*sha256"):
        fetch("kafka", cache)
    assert not list(cache.rglob("slf4j-api-*.jar"))


def test_the_cache_is_where_the_settings_say(tmp_path: Path) -> None:
    assert cache_folder({"EMON_CACHE": str(tmp_path), "XDG_CACHE_HOME": "/elsewhere"}) == tmp_path
    assert cache_folder({"XDG_CACHE_HOME": "/elsewhere"}) == Path("/elsewhere/emon")
    assert cache_folder({}) == Path.home() / ".cache" / "emon"
