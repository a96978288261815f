"""PostgreSQL 18 as a child process: durable, with passwords, on 127.0.0.1 alone."""

import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

from emon_embedded.ports import LOOPBACK
from emon_embedded.processes import OUR_OWN_ACCOUNT, Account, Command, run_to_its_end
from emon_embedded.service_databases import SUPERUSER, DatabaseServer
from emon_embedded.unprivileged import give, open_the_way

SETTINGS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Sorting and case by the server's own C.UTF-8, the same on every machine; what wants German order names a collation. The C
# library's LC_CTYPE still decides what a letter is for pg_trgm and full-text search, so it must know UTF-8.
_LC_CTYPE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"


@dataclass(frozen=True)
class PostgreSQL:
    """A cluster in `folder/data`, run with the binaries in `program`."""

    program: Path
    folder: Path
    port: int
    superuser_password: str
    log: Path
    account: Account = OUR_OWN_ACCOUNT
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    inherited_files: tuple[int, ...] = ()

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self.folder / "data"

    @property
    def access(self) -> DatabaseServer:
        """Where clients connect."""
        return DatabaseServer(f"{LOOPBACK}:{self.port}", self.superuser_password)

    def command(self) -> Command:
        """The server in the foreground. SIGINT is its fast stop; at SIGTERM it would wait for its clients to go."""
        chosen = {**SETTINGS, **self.settings, "port": str(self.port)}
        return self._as_command(
            "postgresql",
            (
                str(self.program / "bin" / "postgres"),
                "-D",
                str(self.data),
                *(f"--{name}={value}" for name, value in chosen.items()),
            ),
        )

    async def initialise(self) -> None:
        """Creates the cluster if there is none: in a folder aside, renamed when it is whole. Raises `CommandFailed`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._open_for_the_account()
        if self.data.exists():
            return
        partial = self.folder / "data.initialising"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        give(partial, self.account)
        with NamedTemporaryFile("w", dir=self.folder, prefix="superuser-") as password:
            password.write(self.superuser_password)
            password.flush()
            give(Path(password.name), self.account)
            await run_to_its_end(self._as_command("initdb", self._initdb(partial, Path(password.name))))
        partial.rename(self.data)

    def forget_former_postmaster(self) -> None:
        """Removes the note of which process runs the cluster. Only for who knows otherwise that none does.

        After a kill the note stays, and when its process id has meanwhile gone to a stranger, PostgreSQL refuses to start.
        """
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    async def is_ready(self) -> bool:
        """Whether it answers a query."""
        return await self.access.answers()

    def _initdb(self, data: Path, password_file: Path) -> tuple[str, ...]:
        return (
            *(str(self.program / "bin" / "initdb"), "-D", str(data), "-U", SUPERUSER),
            *("--auth=scram-sha-256", f"--pwfile={password_file}"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--lc-collate=C", f"--lc-ctype={_LC_CTYPE}", "--lc-messages=C"),
            *("--lc-monetary=C", "--lc-numeric=C", "--lc-time=C"),
        )

    def _as_command(self, name: str, arguments: tuple[str, ...]) -> Command:
        return Command(
            name=name,
            arguments=arguments,
            folder=self.folder,
            log=self.log,
            # PG* variables of whoever starts it would change what these programs do, and so would their locale.
            environment={key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))},
            stop_signal=signal.SIGINT,
            dies_with_parent_by=signal.SIGINT,
            account=self.account,
            inherited_files=self.inherited_files,
        )

    def _open_for_the_account(self) -> None:
        if self.account.user is not None:
            self.folder.chmod(0o711)
            open_the_way(self.folder, self.account)
