"""Rewrite `emon_embedded/artefacts.lock.toml`: which jars the embedded stack runs on, and their sha256.

For developers, after a change of a version below: `.venv/bin/python deploy/embedded/lock_artefacts.py`. Read the difference
before committing it: what is in the lock is run on every developer's machine.
"""

import hashlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import tomli_w
from jgo.env import EnvironmentBuilder, EnvironmentSpec

from emon_embedded.artefacts import LOCK_FILE, Artefact, maven_context

KAFKA = "4.1.2"
# The "!" keeps log4j's BOM from being applied to everything else: without it, kafka-clients and jackson are silently taken back
# to older versions, and the broker dies at its start.
KAFKA_COORDINATES = [f"org.apache.kafka:kafka_2.13:{KAFKA}", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3!"]

POSTGRESQL = "18.6.0"
POSTGRESQL_PLATFORMS = ("linux-amd64", "linux-arm64v8", "darwin-amd64", "darwin-arm64v8")


def main() -> None:
    """Resolve Kafka's closure, fetch everything into an empty folder, and write down what came."""
    with tempfile.TemporaryDirectory() as folder:
        artefacts = [*resolve_kafka(Path(folder)), *postgresql_binaries()]
        locked = [measure(Path(folder), artefact) for artefact in artefacts]
    LOCK_FILE.write_text(as_toml(locked), encoding="utf-8")
    sys.stdout.write(f"{LOCK_FILE}: {len(locked)} artefacts\n")


def resolve_kafka(folder: Path) -> list[Artefact]:
    """Kafka's server and all it needs to run, without what only its tests and its compiler need."""
    context = maven_context(folder)
    wanted = EnvironmentBuilder(context=context).spec_to_dependencies(EnvironmentSpec(coordinates=KAFKA_COORDINATES))
    named, pulled_in = context.resolver.resolve(wanted)
    jars = [
        Artefact(part="kafka", group=found.groupId, name=found.artifactId, version=found.version, sha256="", size_bytes=0)
        for found in [*named, *pulled_in]
        if found.scope in {"compile", "runtime"}
    ]
    clients = [jar.version for jar in jars if jar.name == "kafka-clients"]
    if clients != [KAFKA]:
        raise SystemExit(f"kafka-clients was resolved to {clients}, wanted {KAFKA}: another artefact's BOM was applied")
    return sorted(jars, key=lambda jar: (jar.group, jar.name))


def postgresql_binaries() -> list[Artefact]:
    """PostgreSQL with its contrib extensions and ICU, one jar for each platform."""
    return [
        Artefact(
            part=f"postgresql-{platform}",
            group="io.zonky.test.postgres",
            name=f"embedded-postgres-binaries-{platform}",
            version=POSTGRESQL,
            sha256="",
            size_bytes=0,
        )
        for platform in POSTGRESQL_PLATFORMS
    ]


def measure(folder: Path, artefact: Artefact) -> Artefact:
    """The artefact with the sha256 and size of what the repository hands out today."""
    jar = maven_context(folder).project(artefact.group, artefact.name).at_version(artefact.version).artifact().resolve()
    content = jar.read_bytes()
    return replace(artefact, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


def as_toml(artefacts: list[Artefact]) -> str:
    """One table for each artefact, in a stable order, so that differences can be read."""
    rows = [
        {
            "part": artefact.part,
            "group": artefact.group,
            "name": artefact.name,
            "version": artefact.version,
            "sha256": artefact.sha256,
            "size_bytes": artefact.size_bytes,
        }
        for artefact in artefacts
    ]
    return "# Written by deploy/embedded/lock_artefacts.py. Do not change by hand.\n\n" + tomli_w.dumps({"artefact": rows})


if __name__ == "__main__":
    main()
