"""The mail sink as a child process."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emon_embedded.http_check import answers_200
from emon_embedded.ports import LOOPBACK
from emon_embedded.processes import Command, operator_environment


@dataclass(frozen=True)
class MailSink:
    """A sink with its mails in `folder`."""

    folder: Path
    smtp_port: int
    http_port: int
    log: Path
    environment: Mapping[str, str] = field(default_factory=operator_environment)
    inherited_files: tuple[int, ...] = ()

    @property
    def smtp_url(self) -> str:
        """Where it takes mails."""
        return f"smtp://{LOOPBACK}:{self.smtp_port}"

    @property
    def http_url(self) -> str:
        """Where its page is, and its API."""
        return f"http://{LOOPBACK}:{self.http_port}"

    def command(self) -> Command:
        """The sink in the foreground."""
        ports = ("--smtp-port", str(self.smtp_port), "--http-port", str(self.http_port))
        return Command(
            name="mail-sink",
            arguments=(sys.executable, "-m", "emon_embedded.mail_sink", *ports, "--folder", str(self.folder)),
            folder=self.folder.parent,
            log=self.log,
            environment=self.environment,
            inherited_files=self.inherited_files,
        )

    async def is_ready(self) -> bool:
        """Whether it answers by HTTP; it takes mails before that."""
        return await answers_200(self.http_port, "/readyz")
