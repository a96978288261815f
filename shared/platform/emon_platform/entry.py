"""The command line of a service: `python -m emon_… {migrate,api,worker,all}`.

`migrate` brings the database up to date and ends; `api` serves HTTP, `worker` runs relay, consumers and timers, `all` both in one
process.
"""

import argparse
import asyncio
from importlib import import_module

from emon_platform.migrations import migrate
from emon_platform.settings import MigrationSettings, settings_from_environment


def main(package: str) -> None:
    """Runs a service by the name of its package, such as `emon_meetings`, in the role that the command line says."""
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    parser.add_argument("role", choices=("migrate", "api", "worker", "all"))
    role = parser.parse_args().role
    if role == "migrate":
        settings = settings_from_environment(MigrationSettings)
        migrations = import_module(f"{package}.schema").migrations()
        applied = asyncio.run(
            migrate(settings.database_owner_url, settings.database_api_url, settings.database_worker_url, migrations)
        )
        print("\n".join(f"applied {name}" for name in applied) or "nothing to apply")  # noqa: T201
        return
    # Only now: FastAPI and Kafka's client take a second to import, for which a migration would wait in vain.
    service = import_module("emon_platform.service")
    service.run(import_module(f"{package}.app").SERVICE, with_api=role in ("api", "all"), with_worker=role in ("worker", "all"))
