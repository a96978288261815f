"""What runs in a home, for other commands on this machine: written when all is ready, removed when it stops."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from emon_embedded.home import Home, write_private_file
from emon_embedded.home_lock import is_supervised
from emon_embedded.service_databases import ServiceDatabase


@dataclass(frozen=True)
class RunningService:
    """Where a service answers, and its database in each role."""

    url: str
    database: ServiceDatabase


@dataclass(frozen=True)
class RunningPlatform:
    """Where a running platform is reached, from inside and outside. `services` are those with a database.

    `operations_urls` are where each service, also one without, answers /health/ready and /metrics.
    """

    supervisor_pid: int
    gateway_url: str
    public_url: str
    dashboard_url: str | None
    mail_url: str
    smtp_url: str
    kafka_bootstrap: str
    admin_email: str
    operations_urls: dict[str, str]
    services: dict[str, RunningService]


def running_platform(folder: Path) -> RunningPlatform | None:
    """The platform that runs in this home folder and is ready, if there is one. What a killed one left behind does not count."""
    home = Home(folder.expanduser().resolve())
    if not is_supervised(home):
        return None
    try:
        content = json.loads(home.platform_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    services = {
        name: RunningService(service["url"], ServiceDatabase(**service["database"]))
        for name, service in content.pop("services").items()
    }
    return RunningPlatform(**content, services=services)


def announce(home: Home, platform: RunningPlatform) -> None:
    """Lets `running_platform` find it, and Prometheus its targets. The first file holds passwords."""
    targets = [
        {"targets": [urlsplit(url).netloc], "labels": {"job": f"emon-{service}"}}
        for service, url in platform.operations_urls.items()
    ]
    home.prometheus_targets_file.write_text(json.dumps(targets, indent=2), encoding="utf-8")
    write_private_file(home.platform_file, json.dumps(asdict(platform), indent=2))


def withdraw(home: Home) -> None:
    """Takes the announcement back, also one of a platform that was killed."""
    home.platform_file.unlink(missing_ok=True)
    home.prometheus_targets_file.unlink(missing_ok=True)
