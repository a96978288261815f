"""The home folder of an embedded platform: all its data, secrets, logs, and who runs it."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


class HomeUnusable(Exception):
    """The home folder cannot be used; the message says why."""


@dataclass(frozen=True)
class Home:
    """Where everything lies. The folder may be empty, hold earlier data, and be open to its owner alone."""

    folder: Path

    @property
    def postgresql(self) -> Path:
        """PostgreSQL's folder."""
        return self.folder / "postgresql"

    @property
    def kafka(self) -> Path:
        """Kafka's folder."""
        return self.folder / "kafka"

    @property
    def mails(self) -> Path:
        """What the mail sink keeps."""
        return self.folder / "mails"

    @property
    def secrets(self) -> Path:
        """Passwords and keys, for the owner's eyes alone."""
        return self.folder / "secrets"

    @property
    def data_lock(self) -> Path:
        """Locked for as long as any process lives that may write here: each inherits it."""
        return self.folder / "lock"

    @property
    def supervisor_lock(self) -> Path:
        """Locked for as long as the one process lives that supervises the others."""
        return self.folder / "run" / "supervisor.lock"

    @property
    def platform_file(self) -> Path:
        """What runs here, and where it is reached."""
        return self.folder / "run" / "platform.json"

    @property
    def prometheus_targets_file(self) -> Path:
        """Where Prometheus finds the services that run here (its `file_sd_configs`)."""
        return self.folder / "run" / "prometheus-targets.json"

    def log(self, name: str) -> Path:
        """The log file of one part."""
        return self.folder / "logs" / f"{name}.log"


def open_home(folder: Path) -> Home:
    """The home in this folder, made if it does not exist. Raises `HomeUnusable`."""
    home = Home(folder.expanduser().resolve())
    try:
        home.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for private in (
            home.secrets,
            home.supervisor_lock.parent,
            home.log("any").parent,
            home.mails,
            home.kafka,
            home.postgresql,
        ):
            private.mkdir(mode=0o700, exist_ok=True)
    except OSError as failure:
        raise HomeUnusable(f"{home.folder} cannot be used as home: {failure.strerror or failure}") from failure
    if not os.access(home.folder, os.W_OK | os.X_OK):
        raise HomeUnusable(f"{home.folder} cannot be used as home: it belongs to somebody else and may not be written to")
    return home


def write_private_file(file: Path, content: str) -> None:
    """Puts the content in place whole or not at all, for the owner's eyes alone."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")  # mkstemp gives mode 0600.
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(content)
            output.flush()
            os.fsync(output.fileno())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
