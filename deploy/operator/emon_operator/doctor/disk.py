"""Asks the file systems below the home how much room they have. Where PostgreSQL and Kafka run elsewhere, nobody here knows."""

import os
from collections.abc import Sequence
from pathlib import Path

from emon_operator.doctor.examination import Check
from emon_operator.doctor.findings import Finding
from emon_operator.doctor.installation import Installation
from emon_operator.doctor.rules import disk as rules


def checks(installation: Installation) -> list[Check]:
    """One for each file system on which the home lies."""
    home = installation.home
    if home is None:
        return []

    async def run() -> Sequence[Finding]:
        by_device: dict[int, list[Path]] = {}
        for folder in (home.folder, home.postgresql, home.kafka, home.mails):
            by_device.setdefault(folder.stat().st_dev, []).append(folder)
        return [rules.judge_room(", ".join(map(str, _outermost(folders))), _room(folders[0])) for folders in by_device.values()]

    return [Check(rules.SUBJECT, str(home.folder), run)]


def _outermost(folders: Sequence[Path]) -> list[Path]:
    return [folder for folder in folders if not any(other in folder.parents for other in folders)]


def _room(folder: Path) -> rules.Room:
    found = os.statvfs(folder)
    return rules.Room(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize, found.f_files, found.f_favail)
